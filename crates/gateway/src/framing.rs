//! Watches the bytes of a client's connection for a request with both `Content-Length` and `Transfer-Encoding`.
//!
//! RFC 9112 section 6.3 lets a server process such a request by its transfer coding, and hyper does, dropping
//! the length before anybody can see it. It is how requests are smuggled, so we refuse it; to know of it, the
//! heads are read along here. Only the first chunked request of a connection matters: the connection ends with it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::ClientStream;

/// Longer header lines can be neither of the two that matter, once their name is over.
const MAX_KEPT: usize = 64;

/// A head and a body that are not longer are written as one buffer.
const MAX_JOINED: usize = 2048;

/// A client's connection.
pub(crate) struct Watched {
    pub(crate) stream: ClientStream,
    heads: Heads,
}

/// Where the reading along stands.
struct Heads {
    state: State,
    /// The present line so far, cut at [`MAX_KEPT`].
    line: Vec<u8>,
    first_line: bool,
    length: Option<u64>,
    chunked: bool,
    ambiguous: Arc<AtomicBool>,
}

enum State {
    Head,
    Body {
        left: u64,
    },
    /// Nothing further is read along.
    Off,
}

impl Watched {
    /// The connection, and the flag that is raised once an ambiguous head has been read from it.
    pub(crate) fn new(stream: ClientStream) -> (Self, Arc<AtomicBool>) {
        let ambiguous = Arc::new(AtomicBool::new(false));
        let heads = Heads {
            state: State::Head,
            line: Vec::new(),
            first_line: true,
            length: None,
            chunked: false,
            ambiguous: ambiguous.clone(),
        };
        (Self { stream, heads }, ambiguous)
    }
}

impl Heads {
    fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Off => return,
                State::Body { left } => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[skipped..];
                    *left -= skipped as u64;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                }
                State::Head => bytes = self.see_head(bytes),
            }
        }
    }

    /// Takes bytes up to the end of a line, returns the rest.
    fn see_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = MAX_KEPT.saturating_sub(self.line.len());
        // A whole line in one read, which is nearly every line, is looked at where it lies.
        match end {
            Some(end) if self.line.is_empty() => {
                self.end_of_line(&part[..part.len().min(MAX_KEPT)]);
                &bytes[end + 1..]
            }
            Some(end) => {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&part[..part.len().min(room)]);
                self.end_of_line(&line);
                &bytes[end + 1..]
            }
            None => {
                self.line.extend_from_slice(&part[..part.len().min(room)]);
                &[]
            }
        }
    }

    fn end_of_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            if !self.first_line {
                self.end_of_head();
            }
            return;
        }
        if std::mem::take(&mut self.first_line) {
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length =
                Some(std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0));
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = true;
        }
    }

    fn end_of_head(&mut self) {
        let length = self.length.take();
        if self.chunked && length.is_some() {
            self.ambiguous.store(true, Ordering::Relaxed);
        }
        self.first_line = true;
        self.line = Vec::new();
        self.state = match length {
            _ if self.chunked => State::Off,
            Some(left) if left > 0 => State::Body { left },
            _ => State::Head,
        };
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buf);
        if !matches!(this.heads.state, State::Off) {
            this.heads.see(&buf.filled()[before..]);
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.get_mut().stream);
        let total = bufs.iter().map(|buf| buf.len()).sum();
        if total > MAX_JOINED {
            return stream.poll_write_vectored(cx, bufs);
        }
        // A copy of a few hundred bytes costs less than what the kernel does for a list of buffers.
        let mut joined = [0; MAX_JOINED];
        let mut rest = &mut joined[..];
        for buf in bufs {
            let (front, behind) = std::mem::take(&mut rest).split_at_mut(buf.len());
            front.copy_from_slice(buf);
            rest = behind;
        }
        stream.poll_write(cx, &joined[..total])
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads() -> Heads {
        Heads {
            state: State::Head,
            line: Vec::new(),
            first_line: true,
            length: None,
            chunked: false,
            ambiguous: Arc::default(),
        }
    }

    fn is_ambiguous(text: &str, read_bytes: usize) -> bool {
        let mut heads = heads();
        text.as_bytes().chunks(read_bytes).for_each(|bytes| heads.see(bytes));
        heads.ambiguous.load(Ordering::Relaxed)
    }

    #[test]
    fn both_headers_are_seen_in_any_order_and_in_reads_of_any_size() {
        let one =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let other = "POST / HTTP/1.1\ntransfer-encoding:chunked\nCONTENT-LENGTH:5\n\n0\r\n\r\n";
        let later = format!("GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc{one}");
        for read_bytes in [1, 2, 7, 4096] {
            for text in [one, other, &later] {
                assert!(is_ambiguous(text, read_bytes), "{read_bytes} {text:?}");
            }
        }
    }

    #[test]
    fn bodies_are_not_taken_for_heads() {
        let body = "x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n";
        let sized =
            format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}GET / HTTP/1.1\r\n\r\n", body.len());
        let chunked = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        for read_bytes in [1, 3, 4096] {
            for text in [&sized, &chunked] {
                assert!(!is_ambiguous(text, read_bytes), "{read_bytes} {text:?}");
            }
        }
    }
}
