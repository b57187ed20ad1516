//! Ways out of a root, none of which may work.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use myksc_core::wire::{FileCode, Move};

use super::house::{House, code, parse};

const SECRET: &str = "what stands outside";
const SECRET_NAME: &str = "seen-outside-alone";

/// Makes a folder beside the home folder and links of many kinds to it.
fn outside_with_links(house: &House) {
    let outside = house.path().join("outside");
    std::fs::create_dir_all(outside.join("folder")).unwrap();
    std::fs::write(outside.join("secret"), SECRET).unwrap();
    std::fs::write(outside.join(SECRET_NAME), SECRET).unwrap();
    std::fs::create_dir(house.home("in")).unwrap();
    symlink(&outside, house.home("absolute")).unwrap();
    symlink("../outside", house.home("relative")).unwrap();
    symlink("absolute", house.home("chain")).unwrap();
    symlink("../../outside", house.home("in/up")).unwrap();
    symlink("in/../../outside", house.home("winding")).unwrap();
    symlink("/proc/self/root", house.home("magic")).unwrap();
    symlink("..", house.home("above")).unwrap();
    symlink(outside.join("secret"), house.home("file")).unwrap();
    symlink("in", house.home("inside")).unwrap();
}

/// Names and contents of everything below a folder.
fn snapshot(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(snapshot(&path));
            all.insert(path.display().to_string(), None);
        } else {
            all.insert(path.display().to_string(), Some(std::fs::read(&path).unwrap()));
        }
    }
    all
}

#[tokio::test]
async fn no_call_follows_a_link_out_of_its_root() {
    let house = House::new();
    outside_with_links(&house);
    let before = snapshot(&house.path().join("outside"));
    let outside = Some(FileCode::OutsideRoot);
    for way in ["absolute", "relative", "chain", "in/up", "winding", "above/outside", "magic/etc"] {
        let folder = parse(&format!("home/{way}"));
        let secret = format!("home/{way}/secret");
        let inner = format!("home/{way}/folder");
        assert_eq!(code(house.get(&secret).await), outside, "{way}");
        assert_eq!(code(house.files.list(&house.identity, &folder, None, 10).await), outside, "{way}");
        assert_eq!(code(house.files.stat(&house.identity, &parse(&secret)).await), outside, "{way}");
        assert_eq!(code(house.put(&secret, b"x").await), outside, "{way}");
        assert_eq!(code(house.put(&format!("home/{way}/new"), b"x").await), outside, "{way}");
        assert_eq!(code(house.files.make_folder(&house.identity, &parse(&inner)).await), outside, "{way}");
        assert_eq!(code(house.begin(&format!("home/{way}/new"), 1).await), outside, "{way}");
        house.put("home/own", b"own").await.unwrap();
        for (from, to) in [(secret.as_str(), "home/stolen"), ("home/own", secret.as_str())] {
            let order = Move { from: parse(from), to: parse(to), overwrite: true };
            assert_eq!(code(house.files.move_entry(&house.identity, &order).await), outside, "{from} {to}");
        }
        let paths = vec![parse(&secret), parse(&inner)];
        let report = house.files.remove(&house.identity, paths).await.unwrap();
        assert!(
            report.failed == 2 && report.failures.iter().all(|f| f.code == FileCode::OutsideRoot),
            "{way}"
        );
    }
    assert_eq!(code(house.get("home/file").await), outside);
    assert_eq!(code(house.put("home/file", b"x").await), Some(FileCode::IsLink));
    assert_eq!(snapshot(&house.path().join("outside")), before);
    house.put("home/inside/f", b"a link that stays inside is followed").await.unwrap();
    assert!(house.home("in/f").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_swapped_for_a_link_at_the_last_moment_gains_nothing() {
    let house = House::new();
    outside_with_links(&house);
    std::fs::create_dir(house.home("real")).unwrap();
    std::fs::write(house.home("real/secret"), b"own").unwrap();
    symlink("../outside", house.home("door")).unwrap();
    let before = snapshot(&house.path().join("outside"));
    let stop = Arc::new(AtomicBool::new(false));
    let (real, door) = (house.home("real"), house.home("door"));
    let swapping = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let mut swaps = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, &real, rustix::fs::CWD, &door, flags).unwrap();
                swaps += 1;
            }
            swaps
        }
    });
    let mut own = 0;
    for round in 0..400 {
        match house.get("home/real/secret").await {
            Ok(bytes) => {
                assert_eq!(bytes, "own");
                own += 1;
            }
            Err(error) => assert!(
                matches!(
                    error.code(),
                    Some(FileCode::OutsideRoot | FileCode::NotFound | FileCode::AgentBusy)
                ),
                "{error:?}"
            ),
        }
        let _ = house.put(&format!("home/real/new-{round}"), b"x").await;
        let _ = house.files.remove(&house.identity, vec![parse("home/real/folder")]).await;
    }
    stop.store(true, Ordering::Relaxed);
    assert!(swapping.join().unwrap() > 400 && own > 0);
    assert_eq!(snapshot(&house.path().join("outside")), before);
}

fn any_path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "..",
        ".",
        "",
        "%2E%2E",
        "%2e.",
        "%2F",
        "%252E%252E",
        "%00",
        "%",
        "\\..\\",
        "..%2F..",
        "absolute",
        "relative",
        "chain",
        "in",
        "up",
        "winding",
        "magic",
        "above",
        "inside",
        "file",
        "secret",
        "folder",
        "outside",
        "etc",
        "home",
        "proc",
        "self",
        "root",
        "new",
    ]);
    let root = prop::sample::select(vec![
        "home",
        "home",
        "home",
        "",
        "..",
        "home/..",
        "/",
        "kernel/../..",
        "%68ome",
    ]);
    (root, prop::collection::vec(part, 0..6))
        .prop_map(|(root, parts)| parts.into_iter().fold(root.to_owned(), |path, part| path + "/" + part))
}

/// Sends raw bytes, as somebody who is not our client would.
async fn raw(house: &House, request: String) -> String {
    let mut stream = UnixStream::connect(house.socket()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_path_that_can_be_asked_for_reaches_outside_the_root() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let house = House::new();
    outside_with_links(&house);
    runtime.block_on(house.files.roots(&house.identity)).unwrap();
    let before = snapshot(&house.path().join("outside"));
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() });
    let ran = runner.run(&(any_path(), any_path(), any::<bool>()), |(path, other, encode)| {
        // What a case before moved or removed stands again.
        std::fs::remove_dir_all(house.home("")).unwrap();
        std::fs::create_dir(house.home("")).unwrap();
        outside_with_links(&house);
        // Percent signs of our own spelling, or taken as the query's.
        let query = if encode { path.replace('%', "%25") } else { path.clone() };
        let json = |value: serde_json::Value| value.to_string();
        let orders = [
            ("folders", json(serde_json::json!({ "path": path }))),
            ("move", json(serde_json::json!({ "from": path, "to": other, "overwrite": true }))),
            ("remove", json(serde_json::json!({ "paths": [path] }))),
            ("uploads", json(serde_json::json!({ "path": path, "size_bytes": 0, "overwrite": true }))),
        ];
        let head = "HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n";
        let mut requests = vec![
            format!("GET /v1/content?path={query} {head}\r\n"),
            format!("GET /v1/entries?path={query} {head}\r\n"),
            format!("GET /v1/entry?path={query} {head}\r\n"),
            format!("PUT /v1/content?path={query} {head}Content-Length: 1\r\n\r\nx"),
        ];
        requests.extend(orders.map(|(resource, body)| {
            format!("POST /v1/{resource} {head}Content-Length: {}\r\n\r\n{body}", body.len())
        }));
        for request in requests {
            let answer = runtime.block_on(raw(&house, request.clone()));
            prop_assert!(!answer.contains(SECRET), "{request}");
            prop_assert!(!answer.contains(SECRET_NAME), "{request}: {answer}");
            prop_assert!(!answer.starts_with("HTTP/1.1 500"), "{request}: {answer}");
            prop_assert!(answer.starts_with("HTTP/1.1 "), "{request}: {answer}");
        }
        prop_assert_eq!(snapshot(&house.path().join("outside")), before.clone());
        Ok(())
    });
    ran.unwrap();
}
