//! Files through a real agent: downloads, small writes, changes and resumable uploads.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    AsHeaderName, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, Method};
use http_body_util::BodyExt as _;
use myksc_identity::TokenWish;
use myksc_store::AuditFilter;
use myksc_testkit::{Answer, Client, TestPortal};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CONTENT: &str = "/api/v1/files/content?path=";
const UPLOADS: &str = "/api/v1/files/uploads";
const TUS: (HeaderName, &str) = (HeaderName::from_static("tus-resumable"), "1.0.0");
const BYTES: (HeaderName, &str) = (CONTENT_TYPE, "application/offset+octet-stream");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");

type Headers<'a> = &'a [(HeaderName, &'a str)];

async fn put(client: &Client, path: &str, headers: Headers<'_>, content: &str) -> Answer {
    client.ask(Method::PUT, &format!("{CONTENT}{path}"), headers, Bytes::from(content.to_owned())).await
}

async fn begin(client: &Client, path: &str, size_bytes: usize) -> Answer {
    let (size, metadata) = (size_bytes.to_string(), format!("path {}", BASE64_STANDARD.encode(path)));
    client.ask(Method::POST, UPLOADS, &[TUS, (LENGTH, &size), (METADATA, &metadata)], Bytes::new()).await
}

async fn append(client: &Client, place: &str, offset: usize, bytes: &[u8]) -> Answer {
    let headers = [TUS, BYTES, (OFFSET, &offset.to_string())];
    client.ask(Method::PATCH, place, &headers, Bytes::copy_from_slice(bytes)).await
}

/// Sends the first bytes of a request that announces more.
async fn append_in_part(portal: &TestPortal, place: &str, part: &[u8], announced: usize) -> TcpStream {
    let tokens = &portal.state.access.tokens;
    let wish = TokenWish::new("cut", 1);
    let token = tokens.create(&portal.user("kim").await.id, &wish).await.unwrap().expose();
    let address = portal.origin().trim_start_matches("http://").to_owned();
    let port = address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "PATCH {place} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: {announced}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(part).await.unwrap();
    stream
}

fn header(answer: &Answer, name: impl AsHeaderName) -> &str {
    answer.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_can_never_become_a_page_of_the_portal() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    std::fs::write(portal.home().join("결과.html"), "<script>alert(1)</script>").unwrap();
    let path = format!("{CONTENT}home/%EA%B2%B0%EA%B3%BC.html");
    for method in [Method::GET, Method::HEAD] {
        let answer = kim.ask(method.clone(), &path, &[], Bytes::new()).await.expect(200);
        assert_eq!(header(&answer, CONTENT_TYPE), "application/octet-stream");
        assert_eq!(header(&answer, X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(header(&answer, CONTENT_SECURITY_POLICY), "sandbox; default-src 'none'");
        let disposition = header(&answer, CONTENT_DISPOSITION);
        assert!(disposition.starts_with("attachment; "), "{disposition}");
        assert!(disposition.ends_with("filename*=UTF-8''%EA%B2%B0%EA%B3%BC.html"), "{disposition}");
        assert_eq!(header(&answer, CONTENT_LENGTH), "25");
        assert_eq!(answer.body.len(), if method == Method::GET { 25 } else { 0 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_by_range_unless_the_file_is_another() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let put_etag = put(&kim, "home/f", &[], "0123456789").await.expect(200);
    let etag = header(&put_etag, ETAG).to_owned();
    let path = format!("{CONTENT}home/f");
    let part = [(RANGE, "bytes=4-"), (IF_RANGE, etag.as_str())];
    let answer = kim.ask(Method::GET, &path, &part, Bytes::new()).await.expect(206);
    assert_eq!((header(&answer, CONTENT_RANGE), answer.body.as_ref()), ("bytes 4-9/10", b"456789".as_ref()));
    let beyond = kim.ask(Method::GET, &path, &[(RANGE, "bytes=10-")], Bytes::new()).await.expect(416);
    assert_eq!((header(&beyond, CONTENT_RANGE), beyond.code()), ("bytes */10", "range_unsatisfiable".into()));
    let _ = put(&kim, "home/f", &[(IF_MATCH, &etag)], "9876543210").await.expect(200);
    let answer = kim.ask(Method::GET, &path, &part, Bytes::new()).await.expect(200);
    assert_eq!(answer.body, "9876543210");
    let late = put(&kim, "home/f", &[(IF_MATCH, &etag)], "lost").await.expect(412);
    assert_eq!(late.code(), "file_changed");
    let taken = put(&kim, "home/f", &[(IF_NONE_MATCH, "*")], "lost").await.expect(412);
    assert_eq!(taken.code(), "file_exists");
    assert_eq!(std::fs::read(portal.home().join("f")).unwrap(), b"9876543210");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_answer_what_is_there_and_refusals_say_why() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await;
    let folder = kim.post("/api/v1/files/folders", &json!({ "path": "home/a" })).await.expect(201).json();
    assert_eq!((&folder["path"], &folder["kind"]), (&json!("home/a"), &json!("folder")));
    let _ = put(&kim, "home/a/f", &[], "x").await.expect(200);
    let order = json!({ "from": "home/a/f", "to": "home/g" });
    let moved = kim.post("/api/v1/files/move", &order).await.expect(200).json();
    assert_eq!(moved["path"], "home/g");
    let listed = kim.get("/api/v1/files/entries?path=home&limit=1").await.expect(200).json();
    assert_eq!((&listed["items"][0]["name"], &listed["next_cursor"]), (&json!("a"), &json!("home/a")));

    let taken = kim.post("/api/v1/files/move", &json!({ "from": "home/g", "to": "home/a" })).await;
    assert_eq!(taken.expect(409).json()["params"]["path"], "home/a");
    let climbing = kim.get("/api/v1/files/entries?path=home/..").await.expect(422).json();
    assert_eq!(climbing["fields"][0]["code"], "path_invalid");
    let order = json!({ "from": "home/g", "to": "home//x" });
    let wrong = kim.post("/api/v1/files/move", &order).await.expect(422).json();
    assert_eq!((&wrong["fields"][0]["field"], &wrong["code"]), (&json!("to"), &json!("invalid")));
    std::os::unix::fs::symlink("/etc", portal.home().join("out")).unwrap();
    assert_eq!(kim.get(&format!("{CONTENT}home/out/passwd")).await.expect(403).code(), "outside_root");
    let none = kim.get(&format!("{CONTENT}home/none")).await.expect(404).json();
    assert_eq!((&none["params"]["kind"], &none["params"]["id"]), (&json!("file"), &json!("home/none")));

    let paths = json!({ "paths": ["home/a", "home/none", "home/out"] });
    let removed = kim.post("/api/v1/files/remove", &paths).await.expect(409).json();
    assert_eq!(removed["code"], "not_all_removed");
    assert_eq!(removed["fields"][0]["field"], "paths[1]");
    assert_eq!(removed["fields"].as_array().unwrap().len(), 1);
    let paths = json!({ "paths": ["home/g"] });
    let _ = kim.post("/api/v1/files/remove", &paths).await.expect(204);
    assert_eq!(std::fs::read_dir(portal.home()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_speaks_tus_from_creation_to_the_last_byte() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let options = kim.ask(Method::OPTIONS, UPLOADS, &[], Bytes::new()).await.expect(204);
    assert_eq!(options.headers["tus-extension"], "creation,termination");
    let content: Vec<u8> = (0..3_000_000).map(|index: u32| (index % 251) as u8).collect();
    let created = begin(&kim, "home/결과.bin", content.len()).await.expect(201);
    let place = header(&created, LOCATION).to_owned();
    assert!(place.starts_with("/api/v1/files/uploads/"), "{place}");

    let first = append(&kim, &place, 0, &content[..1_000_000]).await.expect(204);
    assert_eq!(header(&first, OFFSET), "1000000");
    let again = append(&kim, &place, 0, &content[..1_000_000]).await.expect(409).json();
    assert_eq!(
        (&again["code"], &again["params"]["offset_bytes"]),
        (&json!("offset_mismatch"), &json!(1_000_000))
    );
    let head = kim.ask(Method::HEAD, &place, &[TUS], Bytes::new()).await.expect(200);
    assert_eq!((header(&head, OFFSET), header(&head, LENGTH)), ("1000000", "3000000"));
    let listed = kim.get(UPLOADS).await.expect(200).json();
    assert_eq!(listed["items"][0]["offset_bytes"], 1_000_000);
    let _ = append(&kim, &place, 1_000_000, &content[1_000_000..]).await.expect(204);
    assert_eq!(std::fs::read(portal.home().join("결과.bin")).unwrap(), content);
    let head = kim.ask(Method::HEAD, &place, &[TUS], Bytes::new()).await.expect(200);
    assert_eq!(header(&head, OFFSET), "3000000");
    assert_eq!(begin(&kim, "home/결과.bin", 1).await.expect(409).code(), "file_exists");

    let created = begin(&kim, "home/given-up", 10).await.expect(201);
    let place = header(&created, LOCATION).to_owned();
    let _ = kim.ask(Method::DELETE, &place, &[TUS], Bytes::new()).await.expect(204);
    let _ = kim.ask(Method::HEAD, &place, &[TUS], Bytes::new()).await.expect(404);
    assert_eq!(kim.get(UPLOADS).await.expect(200).json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_tus_are_refused_before_any_byte() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let place = header(&begin(&kim, "home/f", 5).await.expect(201), LOCATION).to_owned();
    let cases: [(Headers, u16, &str); 5] = [
        (&[BYTES, (OFFSET, "0")], 412, "tus_version_unknown"),
        (&[(TUS.0, "0.2.2"), BYTES, (OFFSET, "0")], 412, "tus_version_unknown"),
        (&[TUS, (OFFSET, "0")], 415, "bytes_expected"),
        (&[TUS, BYTES], 400, "invalid"),
        (&[TUS, BYTES, (OFFSET, "-1")], 400, "invalid"),
    ];
    for (headers, status, code) in cases {
        let answer = kim.ask(Method::PATCH, &place, headers, Bytes::from_static(b"01234")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code.to_owned()), "{headers:?}");
        assert_eq!(answer.headers["tus-resumable"], "1.0.0", "{headers:?}");
        assert_eq!(answer.headers.contains_key("tus-version"), status == 412, "{headers:?}");
    }
    let unknown = format!("{UPLOADS}/aaaaaaaaaaaaaaaa");
    for (method, place, status) in [(Method::HEAD, &unknown, 404), (Method::PUT, &place, 405)] {
        let answer = kim.ask(method, place, &[TUS], Bytes::new()).await.expect(status);
        assert_eq!(answer.headers["tus-resumable"], "1.0.0", "{status}");
    }
    let head = kim.ask(Method::HEAD, &place, &[TUS], Bytes::new()).await.expect(200);
    assert_eq!(header(&head, OFFSET), "0");
    let full = begin(&kim, "home/full", 1 << 60).await.expect(507);
    assert_eq!(full.code(), "disk_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_connection_is_cut_goes_on_where_it_was() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await;
    let content: Vec<u8> = (0..4_000_000).map(|index: u32| (index % 241) as u8).collect();
    let place = header(&begin(&kim, "home/f", content.len()).await.expect(201), LOCATION).to_owned();
    drop(append_in_part(&portal, &place, &content[..2_500_000], content.len()).await);

    let resumed = async {
        loop {
            let head = kim.ask(Method::HEAD, &place, &[TUS], Bytes::new()).await.expect(200);
            let offset: usize = header(&head, OFFSET).parse().unwrap();
            // What was sent before the cut may still be on its way to the disk.
            let answer = append(&kim, &place, offset, &content[offset..]).await;
            match answer.status.as_u16() {
                204 => break offset,
                409 | 423 => {}
                _ => panic!("{answer:?}"),
            }
        }
    };
    let offset = tokio::time::timeout(Duration::from_secs(30), resumed).await.expect("it goes on");
    assert!(offset <= 2_500_000, "{offset}");
    assert_eq!(std::fs::read(portal.home().join("f")).unwrap(), content);
    let names: Vec<_> =
        std::fs::read_dir(portal.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["f"]);
}

/// How long what is cut may go on.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_cuts_the_downloads_and_uploads_that_run() {
    let portal = TestPortal::start().await;
    let size = 256 << 20;
    std::fs::File::create(portal.home().join("large")).unwrap().set_len(size).unwrap();
    let (browser, program) = (portal.browser("kim").await, portal.program("kim").await);
    let mut downloads = Vec::new();
    for client in [&browser, &program] {
        let answer = client.open(Method::GET, &format!("{CONTENT}home/large"), &[], Bytes::new()).await;
        let mut body = answer.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        downloads.push((body, first.len() as u64));
    }
    let place = header(&begin(&program, "home/f", 1000).await.expect(201), LOCATION).to_owned();
    let mut upload = append_in_part(&portal, &place, b"not yet all", 1000).await;
    let early = tokio::time::timeout(Duration::from_millis(300), upload.read_u8()).await;
    assert!(early.is_err(), "the upload goes on until the lock: {early:?}");

    portal.lock("kim").await;
    for (mut body, mut came) in downloads {
        let rest = async {
            while let Some(Ok(frame)) = body.frame().await {
                came += frame.into_data().map_or(0, |data| data.len() as u64);
            }
        };
        tokio::time::timeout(SOON, rest).await.expect("the download is cut");
        assert!(came < size, "all of it came");
    }
    let mut answer = vec![0; 64];
    let read =
        tokio::time::timeout(SOON, upload.read(&mut answer)).await.expect("the upload is cut").unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer:?}");
    assert!(!portal.home().join("f").exists());
}

/// Everything that kim did with files, in the order in which she did it.
async fn recorded(portal: &TestPortal) -> Vec<(String, String, Option<String>)> {
    let entries = portal.state.store.audit_after(&AuditFilter::default(), 0, 99).await.unwrap();
    let of_files =
        entries.into_iter().filter(|entry| entry.action.ends_with("_file") || entry.action == "make_folder");
    of_files.map(|entry| (entry.action, entry.object, entry.outcome)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_with_files_stands_in_the_audit_log_by_their_paths_alone() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await;
    let folder = json!({ "path": "home/a" });
    let _ = kim.post("/api/v1/files/folders", &folder).await.expect(201);
    let _ = kim.post("/api/v1/files/folders", &folder).await.expect(409);
    let _ = put(&kim, "home/a/f", &[], "the-content").await.expect(200);
    let order = json!({ "from": "home/a/f", "to": "home/g" });
    let _ = kim.post("/api/v1/files/move", &order).await.expect(200);
    // A file that is read in parts stands there once; a whole one each time, and asking for its size never.
    let read = format!("{CONTENT}home/g");
    for range in ["bytes=1-", "bytes=3-"] {
        let _ = kim.ask(Method::GET, &read, &[(RANGE, range)], Bytes::new()).await.expect(206);
    }
    let _ = kim.ask(Method::HEAD, &read, &[], Bytes::new()).await.expect(200);
    let _ = kim.get(&read).await.expect(200);
    let _ = kim.get("/api/v1/files/entries?path=home").await.expect(200);
    let order = json!({ "paths": ["home/g", "home/none"] });
    let _ = kim.post("/api/v1/files/remove", &order).await.expect(409);

    let done = |action: &str, path: &str| told(action, path, "done");
    let expected = [
        done("make_folder", "home/a"),
        told("make_folder", "home/a", "file_exists"),
        done("write_file", "home/a/f"),
        done("move_file", "home/a/f → home/g"),
        done("read_file", "home/g"),
        done("read_file", "home/g"),
        done("remove_file", "home/g"),
        told("remove_file", "home/none", "not_found"),
    ];
    assert_eq!(recorded(&portal).await, expected);
    let log = format!("{:?}", portal.state.store.audit_entries(99).await.unwrap());
    assert!(!log.contains("the-content"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_stands_in_the_audit_log_once_when_it_gets_its_name() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await;
    let begun = begin(&kim, "home/up", 6).await.expect(201);
    let place = header(&begun, LOCATION).to_owned();
    for (offset, bytes) in [(0, b"ab"), (2, b"cd")] {
        let _ = append(&kim, &place, offset, bytes).await.expect(204);
    }
    assert_eq!(recorded(&portal).await, []);
    let _ = append(&kim, &place, 3, b"def").await.expect(409);
    let _ = append(&kim, &place, 4, b"ef").await.expect(204);
    let _ = begin(&kim, "home/empty", 0).await.expect(201);
    let expected = [
        told("upload_file", "home/up", "offset_mismatch"),
        told("upload_file", "home/up", "done"),
        told("upload_file", "home/empty", "done"),
    ];
    assert_eq!(recorded(&portal).await, expected);
}

fn told(action: &str, object: &str, outcome: &str) -> (String, String, Option<String>) {
    (action.to_owned(), object.to_owned(), Some(outcome.to_owned()))
}
