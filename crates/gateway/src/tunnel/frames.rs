//! Reads a client's WebSocket frames along (RFC 6455 section 5.2), to tell work from what a page does by itself.
//!
//! Browsers answer an app's pings by themselves, so control frames say nothing about the person. Where a rule looks into
//! data frames, it looks at the first byte of a message, or at the headers of the messages within.

mod vscode;

use myksc_core::grant::Frames;

use vscode::Records;

/// Where the reading along stands; bytes are only looked at, never changed.
pub(super) struct ClientFrames {
    rule: Frames,
    /// Header bytes of the present frame read so far.
    header: [u8; MAX_HEADER_BYTES],
    header_len: usize,
    /// Payload bytes of the present frame still to come.
    payload_left: u64,
    /// Payload bytes of the present frame that were seen, as far as the mask goes round.
    payload_seen: usize,
    records: Records,
}

const MASK_BYTES: usize = 4;
const MAX_HEADER_BYTES: usize = 14;
/// Messages of a person's input in RFB (RFC 6143 section 7.5): keys, pointer, clipboard; 255 is QEMU's for keys.
const RFB_INPUT: [u8; 4] = [4, 5, 6, 255];
/// Of ttyd's messages the one with input; others are of the terminal's size and its flow.
const TTYD_INPUT: u8 = b'0';

impl ClientFrames {
    /// Reads along by this rule, from a client's first frame on.
    pub(super) fn new(rule: Frames) -> Self {
        Self {
            rule,
            header: [0; MAX_HEADER_BYTES],
            header_len: 0,
            payload_left: 0,
            payload_seen: 0,
            records: Records::default(),
        }
    }

    /// Whether something in these bytes shows that somebody works.
    pub(super) fn show_work(&mut self, mut bytes: &[u8]) -> bool {
        let mut work = false;
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let count = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(bytes.len());
                let (payload, rest) = bytes.split_at(count);
                work |= self.payload_shows_work(payload);
                self.payload_left -= count as u64;
                bytes = rest;
                continue;
            }
            self.header[self.header_len] = bytes[0];
            self.header_len += 1;
            bytes = &bytes[1..];
            if self.header_len == self.expected_len() {
                self.payload_left = self.payload_len();
                self.payload_seen = 0;
                work |= self.is_data() && self.payload_left > 0 && self.frame_shows_work();
                self.header_len = 0;
            }
        }
        work
    }

    /// Whether a data frame is work whatever it holds. One that is compressed in spite of us can't be read.
    fn frame_shows_work(&self) -> bool {
        match self.rule {
            Frames::Any => true,
            Frames::None => false,
            Frames::Rfb | Frames::Ttyd | Frames::Vscode => self.header[0] & 0x40 != 0,
        }
    }

    fn payload_shows_work(&mut self, payload: &[u8]) -> bool {
        if !self.is_data() {
            return false;
        }
        let seen = self.payload_seen;
        self.payload_seen = seen + payload.len();
        let begins_message = seen == 0 && self.opcode() != 0;
        let first = payload[0] ^ self.mask(seen);
        match self.rule {
            Frames::Any | Frames::None => false,
            Frames::Rfb => begins_message && RFB_INPUT.contains(&first),
            Frames::Ttyd => begins_message && first == TTYD_INPUT,
            Frames::Vscode => {
                let mask: [u8; MASK_BYTES] = std::array::from_fn(|offset| self.mask(seen + offset));
                self.records.hold_regular(payload, mask)
            }
        }
    }

    /// What the byte at this place of the payload is masked with; the header stands until the next frame's begins.
    fn mask(&self, at: usize) -> u8 {
        if self.header[1] & 0x80 == 0 {
            return 0;
        }
        self.header[header_len(self.header[1]) - MASK_BYTES + at % MASK_BYTES]
    }

    fn expected_len(&self) -> usize {
        if self.header_len < 2 { 2 } else { header_len(self.header[1]) }
    }

    fn payload_len(&self) -> u64 {
        match self.header[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([self.header[2], self.header[3]])),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&self.header[2..10]);
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        }
    }

    fn opcode(&self) -> u8 {
        self.header[0] & 0x0f
    }

    /// Text, binary or the continuation of either; opcodes from 8 on are control frames.
    fn is_data(&self) -> bool {
        self.opcode() & 0x08 == 0
    }
}

/// Length of a header whose second byte is this.
fn header_len(second: u8) -> usize {
    let length_bytes = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask_bytes = if second & 0x80 == 0 { 0 } else { MASK_BYTES };
    2 + length_bytes + mask_bytes
}

#[cfg(test)]
mod tests;
