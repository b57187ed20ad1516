//! The chunked transfer coding of a response (RFC 9112 section 7.1), taken apart as it arrives.

use bytes::{Buf as _, Bytes, BytesMut};
use httparse::Status;

use crate::upstream::UpstreamError;

/// A chunk's size with its extensions, which mean nothing to us.
const MAX_SIZE_LINE_BYTES: usize = 1024;
const MAX_TRAILER_BYTES: usize = 8 * 1024;
const MAX_TRAILERS: usize = 64;

/// Where the reading stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    End,
}

/// What the bytes so far give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    /// More bytes are needed.
    Nothing,
    /// The body has ended.
    End,
}

impl Chunks {
    /// Takes the next piece off the front of `buffer`.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Piece, UpstreamError> {
        loop {
            *self = match *self {
                Self::End => return Ok(Piece::End),
                Self::Data(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                    if count == 0 {
                        return Ok(Piece::Nothing);
                    }
                    let left = left - count as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Piece::Data(buffer.split_to(count).freeze()));
                }
                Self::Size => match take_size(buffer)? {
                    Some(0) => Self::Trailers,
                    Some(bytes) => Self::Data(bytes),
                    None => return Ok(Piece::Nothing),
                },
                Self::DataEnd => match buffer.get(..2) {
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        Self::Size
                    }
                    Some(_) => return Err(UpstreamError::Malformed("a chunk is longer than its size")),
                    None => return Ok(Piece::Nothing),
                },
                Self::Trailers => {
                    if !drop_trailers(buffer)? {
                        return Ok(Piece::Nothing);
                    }
                    Self::End
                }
            };
        }
    }
}

fn take_size(buffer: &mut BytesMut) -> Result<Option<u64>, UpstreamError> {
    let invalid = UpstreamError::Malformed("a chunk has no valid size");
    // The parser takes a line without digits for a size of 0, which would end the body.
    if buffer.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
        return Err(invalid);
    }
    match httparse::parse_chunk_size(buffer) {
        Ok(Status::Complete((line_bytes, size))) => {
            buffer.advance(line_bytes);
            Ok(Some(size))
        }
        Ok(Status::Partial) if buffer.len() < MAX_SIZE_LINE_BYTES => Ok(None),
        Ok(Status::Partial) | Err(_) => Err(invalid),
    }
}

/// Takes the trailers away, as RFC 9110 section 6.5.1 allows; whether they were all there.
fn drop_trailers(buffer: &mut BytesMut) -> Result<bool, UpstreamError> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    match httparse::parse_headers(buffer, &mut slots)? {
        Status::Complete((bytes, _)) => {
            buffer.advance(bytes);
            Ok(true)
        }
        Status::Partial if buffer.len() < MAX_TRAILER_BYTES => Ok(false),
        Status::Partial => Err(UpstreamError::Malformed("its trailers are too long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body and what follows it.
    type Parts = (Vec<u8>, Vec<u8>);

    /// What `text` holds, read in parts of `read_bytes`; `None` if the body has not ended.
    fn body(text: &[u8], read_bytes: usize) -> Result<Option<Parts>, UpstreamError> {
        let (mut chunks, mut buffer, mut body) = (Chunks::Size, BytesMut::new(), Vec::new());
        for part in text.chunks(read_bytes) {
            buffer.extend_from_slice(part);
            while let Piece::Data(data) = chunks.take(&mut buffer)? {
                body.extend_from_slice(&data);
            }
        }
        Ok((chunks == Chunks::End).then(|| (body, buffer.to_vec())))
    }

    #[test]
    fn a_body_is_the_same_however_its_reads_cut_it() {
        let long = "x".repeat(300);
        let whole = format!(
            "5\r\nhello\r\n1;name=\"a;b\"\r\n \r\n12C\r\n{long}\r\n0005  \r\nworld\r\n0\r\nDigest: x\r\nB: y\r\n\r\n"
        );
        let expected = format!("hello {long}world").into_bytes();
        for read_bytes in [1, 2, 3, 7, 100, whole.len()] {
            assert_eq!(body(whole.as_bytes(), read_bytes).unwrap(), Some((expected.clone(), Vec::new())));
        }
        let more = [whole.as_bytes(), b"HTTP/1.1 200 OK"].concat();
        assert_eq!(body(&more, more.len()).unwrap(), Some((expected, b"HTTP/1.1 200 OK".to_vec())));
    }

    #[test]
    fn a_body_that_breaks_off_has_not_ended() {
        let whole = b"5\r\nhello\r\n0\r\nA: b\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(body(&whole[..end], 4).unwrap(), None, "after {end} bytes");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let endless = [b"1;".to_vec(), vec![b'x'; MAX_SIZE_LINE_BYTES]].concat();
        let trailers = [b"0\r\nA: ".to_vec(), vec![b'x'; MAX_TRAILER_BYTES]].concat();
        let cases: [&[u8]; 9] = [
            b"\r\n",
            b"xyz\r\n",
            b"-1\r\n",
            b" 5\r\nhello\r\n",
            b"11112222333344445\r\n",
            b"5\nhello\r\n",
            b"5\r\nhello!\r\n0\r\n\r\n",
            &endless,
            &trailers,
        ];
        for case in cases {
            for read_bytes in [1000, case.len()] {
                let start = String::from_utf8_lossy(&case[..case.len().min(30)]);
                assert!(body(case, read_bytes).is_err(), "{start:?}");
            }
        }
    }
}
