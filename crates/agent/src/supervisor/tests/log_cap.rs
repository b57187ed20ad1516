//! Logs that are too long, with real processes that write them.

use super::*;

/// Bytes of the disk that a file takes.
fn room(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).map_or(0, |seen| seen.blocks() * 512)
}

fn read_log(folder: &Folder) -> String {
    let (mut text, mut offset) = (String::new(), 0);
    loop {
        let chunk = folder.read_log(offset, 1 << 20, true).unwrap();
        text.push_str(&chunk.text);
        if chunk.next_offset == chunk.size_bytes {
            return text;
        }
        offset = i64::try_from(chunk.next_offset).unwrap();
    }
}

/// Sees that a log holds the numbers from 1 on, one line that says what is missing, and the numbers up to `last`.
fn assert_begin_and_end(text: &str, last: Option<u64>) {
    let (begin, rest) = text.split_once("\n\n[").unwrap();
    let (line, end) = rest.split_once("]\n").unwrap();
    assert!(line.contains("bytes of output were dropped here"), "{line}");
    let numbers = |text: &str| -> Vec<u64> {
        let ended = text.rsplit_once('\n').map_or("", |(ended, _)| ended);
        ended.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("{line:?}"))).collect()
    };
    let (begin, end) = (numbers(&format!("{begin}\n")), numbers(end));
    assert!(begin.iter().copied().eq(1..=begin.len() as u64));
    assert!(end.windows(2).all(|pair| pair[0] + 1 == pair[1]) && end[0] > begin.len() as u64);
    assert!(last.is_none_or(|last| end.last() == Some(&last)), "{:?}", end.last());
}

const LOG_LIMIT: u64 = 256 << 10;

#[test]
fn a_long_log_keeps_its_beginning_and_its_end_and_says_what_is_missing() {
    let bench = Bench::new("seq 2000000", |spec| spec.log_limit_bytes = Some(LOG_LIMIT));
    let exit = bench.run();
    assert_eq!((exit.cause, exit.code), (ExitCause::Exited, Some(0)));
    let text = read_log(&bench.folder);
    assert_begin_and_end(&text, Some(2_000_000));
    assert!((LOG_LIMIT / 2..LOG_LIMIT + 200).contains(&(text.len() as u64)), "{}", text.len());
    assert!(room(&bench.folder.log_path()) <= LOG_LIMIT + (64 << 10), "{}", room(&bench.folder.log_path()));
}

#[test]
fn a_log_that_grows_for_ever_stays_small_on_the_disk_and_survives_its_supervisor() {
    let script = "for ((i = 1; ; i++)); do seq $((i * 10000 - 9999)) $((i * 10000)); sleep 0.005; done";
    let bench = Bench::new(script, |spec| spec.log_limit_bytes = Some(LOG_LIMIT));
    let mut running = bench.start();
    let log = bench.folder.log_path();
    let grown = |bytes: u64| fs::metadata(&log).is_ok_and(|seen| seen.len() > bytes).then_some(());
    // What is written between two looks comes on top.
    let most = LOG_LIMIT + (8 << 20);
    for step in 1..=20 {
        wait_until("the log grows", || grown(step << 20));
        assert!(room(&log) < most, "{} bytes on the disk", room(&log));
    }
    running.kill();
    assert_eq!(bench.run().cause, ExitCause::SupervisorLost);
    assert_begin_and_end(&read_log(&bench.folder), None);
    // The next start goes on in the same file and makes it short again.
    let spec = bench.folder.read_spec().unwrap();
    let command = vec!["/bin/echo".into(), "again".into()];
    bench.folder.write_spec(&Spec { generation: 2, command, ..spec }).unwrap();
    assert_eq!(bench.run().cause, ExitCause::Exited);
    assert!(room(&log) <= LOG_LIMIT + (64 << 10), "{} bytes on the disk", room(&log));
    assert!(read_log(&bench.folder).ends_with("again\n"));
}
