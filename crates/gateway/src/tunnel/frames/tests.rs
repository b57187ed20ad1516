use super::*;

const MASK: [u8; 4] = [0x5a, 2, 0xf1, 4];

fn frame_of(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        middle @ 126..65536 => {
            bytes.push(0x80 | 126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    bytes
}

fn frame(opcode: u8, payload_len: usize) -> Vec<u8> {
    frame_of(0x80 | opcode, &vec![0x02; payload_len])
}

/// How many reads of `read_bytes` show work.
fn reads_with_work(frames: &mut ClientFrames, bytes: &[u8], read_bytes: usize) -> usize {
    bytes.chunks(read_bytes).map(|part| frames.show_work(part)).filter(|work| *work).count()
}

/// A record of VS Code's protocol.
fn record(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [&[kind][..], &[0, 0, 0, 7, 0, 0, 0, 5], &length.to_be_bytes(), data].concat()
}

#[test]
fn only_data_frames_count_wherever_the_reads_cut_them() {
    let quiet = [frame(0xA, 0), frame(0xA, 125), frame(0x9, 3), frame(0x8, 2), frame(0x1, 0)].concat();
    let lengths = [1, 125, 126, 65_535, 65_536, 70_000];
    for read_bytes in [1, 2, 3, 5, 1000, 1 << 20] {
        let mut frames = ClientFrames::new(Frames::Any);
        assert_eq!(reads_with_work(&mut frames, &quiet, read_bytes), 0);
        for length in lengths {
            let data = frame(0x2, length);
            assert_eq!(
                reads_with_work(&mut frames, &data, read_bytes),
                1,
                "{length} in reads of {read_bytes}"
            );
            assert_eq!(reads_with_work(&mut frames, &quiet, read_bytes), 0);
        }
        let mut none = ClientFrames::new(Frames::None);
        assert_eq!(reads_with_work(&mut none, &frame(0x2, 200), read_bytes), 0);
    }
}

#[test]
fn a_desktop_that_asks_for_its_picture_is_not_worked_in_but_keys_and_pointer_are_work() {
    let message = |kind: u8| frame_of(0x82, &[kind, 1, 0, 0, 0, 0, 3, 32, 2, 88]);
    let version = frame_of(0x82, b"RFB 003.008\n");
    // Its security, shared flag, pixel format, encodings, picture, continuous updates, fence, size.
    let quiet: Vec<u8> = [1, 0, 2, 3, 150, 248, 251].into_iter().flat_map(message).collect();
    for read_bytes in [1, 2, 3, 7, 1 << 20] {
        let mut frames = ClientFrames::new(Frames::Rfb);
        assert_eq!(reads_with_work(&mut frames, &[version.clone(), quiet.clone()].concat(), read_bytes), 0);
        for kind in [4, 5, 6, 255] {
            assert_eq!(reads_with_work(&mut frames, &message(kind), read_bytes), 1, "{kind} by {read_bytes}");
            // What looks like a key, but in the middle of a message, or of a control frame.
            let middle = [frame_of(0x02, &[3]), frame_of(0x80, &[kind]), frame_of(0x8A, &[kind])].concat();
            assert_eq!(reads_with_work(&mut frames, &middle, read_bytes), 0, "{kind} by {read_bytes}");
        }
    }
}

#[test]
fn in_a_terminal_only_input_is_work() {
    for read_bytes in [1, 5, 1 << 20] {
        let mut frames = ClientFrames::new(Frames::Ttyd);
        let quiet = ["{\"columns\":80}", "1{\"columns\":80}", "2", "3"];
        let quiet: Vec<u8> = quiet.into_iter().flat_map(|text| frame_of(0x82, text.as_bytes())).collect();
        assert_eq!(reads_with_work(&mut frames, &quiet, read_bytes), 0);
        assert_eq!(reads_with_work(&mut frames, &frame_of(0x82, b"0ls\r"), read_bytes), 1);
    }
}

#[test]
fn an_editor_that_acknowledges_and_keeps_alive_is_not_worked_in() {
    let (quiet, regular) =
        ([record(9, b""), record(3, b""), record(2, b"\x01{}")].concat(), record(1, &[1; 300]));
    for read_bytes in [1, 3, 17, 1 << 20] {
        let mut frames = ClientFrames::new(Frames::Vscode);
        assert_eq!(reads_with_work(&mut frames, &frame_of(0x82, &quiet), read_bytes), 0);
        // One that follows others in a frame, and goes on in the next.
        let (head, tail) = regular.split_at(100);
        let bytes = [frame_of(0x82, &[&quiet[..], head].concat()), frame_of(0x82, tail)].concat();
        assert_eq!(reads_with_work(&mut frames, &bytes, read_bytes), 1, "by {read_bytes}");
        assert_eq!(reads_with_work(&mut frames, &frame_of(0x82, &quiet), read_bytes), 0, "in step after it");
    }
}

#[test]
fn a_frame_that_is_compressed_in_spite_of_us_counts_as_work() {
    let mut frames = ClientFrames::new(Frames::Rfb);
    assert!(frames.show_work(&frame_of(0xC2, &[3])));
}
