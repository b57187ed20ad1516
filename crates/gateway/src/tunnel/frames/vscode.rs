//! The messages in VS Code's WebSockets: a stream of records, 13 bytes of header each, wherever frames cut it.
//!
//! A header is type (1 byte), id (4), id acknowledged (4) and length (4), big-endian; the data follows. Pages acknowledge
//! and keep alive by themselves.

const HEADER_BYTES: usize = 13;
const LENGTH_AT: usize = 9;
/// A record that carries a call of the editor; 2 is the protocol's own, 3 acknowledges, 9 keeps alive.
const REGULAR: u8 = 1;

/// Where the reading along stands.
#[derive(Default)]
pub(super) struct Records {
    header: [u8; HEADER_BYTES],
    header_len: usize,
    data_left: u32,
}

impl Records {
    /// Whether one of the records that begin in this piece is a regular one. The piece is masked, the first byte with the
    /// first of `mask`.
    pub(super) fn hold_regular(&mut self, masked: &[u8], mask: [u8; 4]) -> bool {
        let mut regular = false;
        let mut at = 0;
        while at < masked.len() {
            if self.data_left > 0 {
                let skipped = (self.data_left as usize).min(masked.len() - at);
                self.data_left -= u32::try_from(skipped).unwrap_or(self.data_left);
                at += skipped;
                continue;
            }
            self.header[self.header_len] = masked[at] ^ mask[at % mask.len()];
            self.header_len += 1;
            at += 1;
            if self.header_len == HEADER_BYTES {
                regular |= self.header[0] == REGULAR;
                self.header_len = 0;
                self.data_left = self.data_len();
            }
        }
        regular
    }

    fn data_len(&self) -> u32 {
        let mut length = [0; 4];
        length.copy_from_slice(&self.header[LENGTH_AT..]);
        u32::from_be_bytes(length)
    }
}
