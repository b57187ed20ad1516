//! Reads a client's WebSocket frame headers along (RFC 6455 section 5.2), to tell work from keep-alive.
//!
//! Browsers answer an app's pings by themselves, so control frames say nothing about the person.

/// Where the reading along stands; bytes are only looked at, never changed.
#[derive(Default)]
pub(super) struct ClientFrames {
    /// Header bytes of the present frame read so far.
    header: [u8; 14],
    header_len: usize,
    /// Payload bytes of the present frame still to come.
    payload_left: u64,
}

const MASK_BYTES: usize = 4;

impl ClientFrames {
    /// Whether one of the frames in these bytes carries data.
    pub(super) fn carry_data(&mut self, mut bytes: &[u8]) -> bool {
        let mut data = false;
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skipped = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(bytes.len());
                self.payload_left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header[self.header_len] = bytes[0];
            self.header_len += 1;
            bytes = &bytes[1..];
            if self.header_len == self.expected_len() {
                self.payload_left = self.payload_len();
                data |= self.is_data() && self.payload_left > 0;
                self.header_len = 0;
            }
        }
        data
    }

    fn expected_len(&self) -> usize {
        if self.header_len < 2 {
            return 2;
        }
        let length_bytes = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask_bytes = if self.header[1] & 0x80 == 0 { 0 } else { MASK_BYTES };
        2 + length_bytes + mask_bytes
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

    /// Text, binary or the continuation of either; opcodes from 8 on are control frames.
    fn is_data(&self) -> bool {
        self.header[0] & 0x08 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, payload_len: usize) -> Vec<u8> {
        let mut bytes = vec![0x80 | opcode];
        match payload_len {
            0..126 => bytes.push(0x80 | payload_len as u8),
            126..65536 => {
                bytes.push(0x80 | 126);
                bytes.extend((payload_len as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend((payload_len as u64).to_be_bytes());
            }
        }
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(std::iter::repeat_n(0x02, payload_len));
        bytes
    }

    #[test]
    fn only_data_frames_count_wherever_the_reads_cut_them() {
        let quiet = [frame(0xA, 0), frame(0xA, 125), frame(0x9, 3), frame(0x8, 2), frame(0x1, 0)].concat();
        let lengths = [1, 125, 126, 65_535, 65_536, 70_000];
        for read_bytes in [1, 2, 3, 5, 1000, 1 << 20] {
            let mut frames = ClientFrames::default();
            let mut any = |bytes: &[u8]| {
                bytes.chunks(read_bytes).map(|part| frames.carry_data(part)).filter(|data| *data).count()
            };
            assert_eq!(any(&quiet), 0);
            for length in lengths {
                assert_eq!(any(&frame(0x2, length)), 1, "{length} in reads of {read_bytes}");
                assert_eq!(any(&quiet), 0);
            }
        }
    }
}
