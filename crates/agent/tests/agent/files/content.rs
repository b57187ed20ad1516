//! Bytes of files out and in.

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::{BodyExt as _, Full};

use myksc_core::wire::FileCode;
use myksc_files::{ByteRange, FilesError, Read, WriteConditions};

use super::house::{House, code, cut_body, parse, pattern};

async fn read_range(
    house: &House,
    path: &str,
    range: &str,
    if_range: Option<&str>,
) -> Result<(Option<ByteRange>, Bytes), FilesError> {
    let range = HeaderValue::from_str(range).unwrap();
    let if_range = if_range.map(|text| HeaderValue::from_str(text).unwrap());
    let read = Read { range: Some(&range), if_range: if_range.as_ref(), head: false };
    let content = house.files.read(&house.identity, &parse(path), read).await?;
    Ok((content.range, content.body.collect().await?.to_bytes()))
}

#[tokio::test]
async fn every_kind_of_range_gets_what_http_says() {
    let house = House::new();
    house.put("home/ten", b"0123456789").await.unwrap();
    let part = |first, last| Some(Some(ByteRange { first, last }));
    let (whole, unsatisfiable) = (Some(None), None);
    let cases = [
        ("bytes=0-0", part(0, 0)),
        ("bytes=0-9", part(0, 9)),
        ("bytes=3-5", part(3, 5)),
        ("bytes=8-", part(8, 9)),
        ("bytes=0-99999999999", part(0, 9)),
        ("bytes=-3", part(7, 9)),
        ("bytes=-99", part(0, 9)),
        ("bytes=10-", unsatisfiable),
        ("bytes=10-20", unsatisfiable),
        ("bytes=-0", unsatisfiable),
        ("bytes=5-3", whole),
        ("bytes=0-1,3-4", whole),
        ("bytes=a-b", whole),
        ("bytes=--5", whole),
        ("bytes=99999999999999999999999-", unsatisfiable),
        ("lines=0-1", whole),
        ("", whole),
    ];
    for (range, expected) in cases {
        match (read_range(&house, "home/ten", range, None).await, expected) {
            (Ok((got, bytes)), Some(expected)) => {
                assert_eq!(got, expected, "{range}");
                let (first, last) = got.map_or((0, 9), |range| (range.first as usize, range.last as usize));
                assert_eq!(bytes, &b"0123456789"[first..=last], "{range}");
            }
            (Err(FilesError::Refused(problem)), None) => {
                assert_eq!(problem.code, FileCode::RangeUnsatisfiable, "{range}");
                assert_eq!(problem.params["size_bytes"], 10, "{range}");
            }
            (got, expected) => panic!("{range}: {got:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn if_range_gives_the_whole_file_once_it_is_another() {
    let house = House::new();
    house.put("home/f", b"0123456789").await.unwrap();
    let read = |head| Read { head, ..Read::default() };
    let first = house.files.read(&house.identity, &parse("home/f"), read(true)).await.unwrap();
    assert_eq!(first.size_bytes, 10);
    let etag = first.etag.to_str().unwrap();
    assert!(read_range(&house, "home/f", "bytes=1-2", Some(etag)).await.unwrap().0.is_some());
    house.put("home/f", b"9876543210").await.unwrap();
    let (range, bytes) = read_range(&house, "home/f", "bytes=1-2", Some(etag)).await.unwrap();
    assert_eq!((range, bytes.as_ref()), (None, b"9876543210".as_ref()));
    let date = Some("Mon, 23 Nov 2026 17:00:00 GMT");
    assert!(read_range(&house, "home/f", "bytes=1-2", date).await.unwrap().0.is_none());
}

#[tokio::test]
async fn only_regular_files_are_read_and_none_makes_the_agent_wait() {
    let house = House::new();
    std::fs::create_dir(house.home("folder")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, house.home("pipe"), rustix::fs::Mode::RWXU).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(house.home("socket")).unwrap();
    for (name, expected) in [
        ("folder", FileCode::IsFolder),
        ("pipe", FileCode::NotAFile),
        ("socket", FileCode::NotAFile),
        ("none", FileCode::NotFound),
        ("pipe/x", FileCode::NotAFolder),
    ] {
        let path = parse(&format!("home/{name}"));
        for head in [false, true] {
            let asked = house.files.read(&house.identity, &path, Read { head, ..Read::default() });
            let answer = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("nothing waits");
            assert_eq!(code(answer), Some(expected), "{name} {head}");
        }
    }
    assert_eq!(code(house.put("home/pipe", b"x").await), Some(FileCode::NotAFile));
    assert_eq!(code(house.put("home/folder", b"x").await), Some(FileCode::IsFolder));
    assert_eq!(code(house.put("home/none/x", b"x").await), Some(FileCode::NotFound));
    assert_eq!(code(house.put("home", b"x").await), Some(FileCode::IsRoot));
}

#[tokio::test]
async fn a_huge_sparse_file_streams_a_part_from_far_behind() {
    let house = House::new();
    let file = std::fs::File::create(house.home("sparse")).unwrap();
    let size = 1 << 42;
    file.set_len(size).unwrap();
    file.write_all_at(b"end", size - 3).unwrap();
    let (range, bytes) = read_range(&house, "home/sparse", "bytes=-3", None).await.unwrap();
    assert_eq!(
        (range, bytes.as_ref()),
        (Some(ByteRange { first: size - 3, last: size - 1 }), b"end".as_ref())
    );
    let mut content =
        house.files.read(&house.identity, &parse("home/sparse"), Read::default()).await.unwrap();
    assert_eq!(content.size_bytes, size);
    assert!(content.body.frame().await.unwrap().is_ok());
    // The rest is not wanted; the agent must be there for the next.
    drop(content);
    assert_eq!(house.get("home/none").await.err().and_then(|error| error.code()), Some(FileCode::NotFound));
}

#[tokio::test]
async fn a_file_that_gets_shorter_while_it_is_read_ends_with_an_error() {
    let house = House::new();
    let file = std::fs::File::create(house.home("f")).unwrap();
    file.set_len(64 << 20).unwrap();
    let mut content = house.files.read(&house.identity, &parse("home/f"), Read::default()).await.unwrap();
    content.body.frame().await.unwrap().unwrap();
    file.set_len(10).unwrap();
    assert!(content.body.collect().await.is_err());
}

#[tokio::test]
async fn pieces_of_a_growing_file_are_read_by_offset() {
    let house = House::new();
    let log = parse("home/log");
    let piece = |offset, limit| house.files.read_chunk(&house.identity, &log, offset, limit);
    assert_eq!(code(piece(0, 10).await), Some(FileCode::NotFound));
    std::fs::write(house.home("log"), b"").unwrap();
    assert_eq!(piece(0, 10).await.unwrap().size_bytes, 0);
    assert_eq!(piece(-5, 10).await.unwrap().bytes, "");
    std::fs::write(house.home("log"), b"0123456789").unwrap();
    let cases: [(i64, u64, u64, &str); 6] = [
        (0, 4, 0, "0123"),
        (8, 10, 8, "89"),
        (10, 10, 10, ""),
        (99, 10, 10, ""),
        (-4, 2, 6, "67"),
        (-99, 100, 0, "0123456789"),
    ];
    for (offset, limit, start, expected) in cases {
        let chunk = piece(offset, limit).await.unwrap();
        assert_eq!(
            (chunk.offset, chunk.size_bytes, chunk.bytes.as_ref()),
            (start, 10, expected.as_bytes()),
            "{offset}"
        );
    }
}

#[tokio::test]
async fn a_write_replaces_at_once_keeps_the_mode_and_minds_its_conditions() {
    let house = House::new();
    let write = async |conditions, content: &'static str| {
        let body = Full::new(Bytes::from(content));
        house.files.write(&house.identity, &parse("home/f"), conditions, body).await
    };
    let new = WriteConditions { must_be_new: true, must_be: None };
    let (entry, etag) = write(new, "one").await.unwrap();
    assert_eq!(entry.size_bytes, 3);
    assert_eq!(code(write(new, "two").await), Some(FileCode::FileExists));
    std::fs::set_permissions(house.home("f"), std::fs::Permissions::from_mode(0o750)).unwrap();
    let same = WriteConditions { must_be_new: false, must_be: Some(&etag) };
    let (entry, _) = write(same, "three").await.unwrap();
    assert_eq!((entry.size_bytes, entry.mode), (5, 0o750));
    assert_eq!(code(write(same, "four").await), Some(FileCode::FileChanged));
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"three");
    assert_eq!(house.real_names(), ["f"]);
}

#[tokio::test]
async fn a_write_that_is_cut_or_too_large_leaves_the_old_file_and_nothing_else() {
    let house = House::new();
    house.put("home/f", b"old").await.unwrap();
    let (path, none) = (parse("home/f"), WriteConditions::default());
    assert!(house.files.write(&house.identity, &path, none, cut_body(&pattern(1 << 20))).await.is_err());
    let too_large = Full::new(Bytes::from(vec![0; (16 << 20) + 1]));
    let refused = house.files.write(&house.identity, &path, none, too_large).await;
    assert_eq!(code(refused), Some(FileCode::TooLarge));
    let largest = Full::new(Bytes::from(vec![0; 16 << 20]));
    assert_eq!(house.get("home/f").await.unwrap(), "old");
    house.files.write(&house.identity, &path, none, largest).await.unwrap();
    let tidy = async {
        // The cut one is cleaned up by the agent when it sees the cut.
        while house.real_names() != ["f"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), tidy).await.expect("nothing hidden stays");
}
