//! Agents that answer rubbish, or nothing.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use myksc_core::wire::{FileCode, NewUpload};
use myksc_core::{Error, Identity, UploadId, UserId, UserPath};

use crate::{AgentProgram, Config, Deadlines, Files, FilesError, Read};

/// A client whose agent answers each request with `answer` and hangs up.
fn with_answer(folder: &Path, answer: String) -> (Files, Identity) {
    with_patience(folder, answer, Deadlines::default())
}

/// The same, that waits for its agent no longer than that.
fn with_patience(folder: &Path, answer: String, deadlines: Deadlines) -> (Files, Identity) {
    let identity = Identity {
        user: UserId::random(),
        name: "kim".into(),
        uid: rustix::process::geteuid().as_raw(),
        gid: 0,
        gids: Vec::new(),
        home: folder.to_owned(),
        shell: "/bin/sh".into(),
    };
    let listener = UnixListener::bind(folder.join(format!("files-{}.sock", identity.user))).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 1 << 16];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    // Silent, but there.
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
            });
        }
    });
    let config = Config {
        program: AgentProgram { program: "/nonexistent".into(), arguments: Vec::new() },
        agents_dir: folder.to_owned(),
        run_dir: folder.to_owned(),
        further_roots: Vec::new(),
        elsewhere: None,
        deadlines,
    };
    (Files::new(config), identity)
}

fn home() -> UserPath {
    "home/f".parse().unwrap()
}

fn json(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn answers_that_no_agent_gives_are_refused_one_by_one() {
    let entry = |path: &str| {
        format!(
            r#"{{"name":"x","path":"{path}","kind":"file","size_bytes":1,"modified_at":"2026-01-01T00:00:00Z","mode":420,"target_kind":null}}"#
        )
    };
    let answers = [
        "rubbish\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(100)),
        json(200, "[]"),
        json(200, "null"),
        json(200, &"[".repeat(100_000)),
        json(200, &entry("home/another")),
        json(200, &entry("home/../../etc/passwd")),
        json(302, ""),
        json(500, "<html>"),
        json(404, r#"{"code":"made_up","detail":"","status":404}"#),
        json(200, &format!("\"{}\"", "x".repeat(2 << 20))),
    ];
    for answer in answers {
        let folder = tempfile::tempdir().unwrap();
        let shown: String = answer.chars().take(80).collect();
        let (files, identity) = with_answer(folder.path(), answer);
        let error = files.stat(&identity, &home()).await.unwrap_err();
        assert!(matches!(error, FilesError::Rubbish(_) | FilesError::Lost(_)), "{shown:?}: {error:?}");
        assert!(matches!(Error::from(error), Error::Unavailable { code: "agent_lost", .. }), "{shown:?}");
    }
}

#[tokio::test]
async fn content_is_taken_only_as_long_and_as_marked_as_announced() {
    let etag = "ETag: \"1-2.3-4\"\r\n";
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_owned(), false),
        (format!("HTTP/1.1 200 OK\r\n{etag}\r\nx"), false),
        ("HTTP/1.1 200 OK\r\nETag: \"<script>\"\r\nContent-Length: 1\r\n\r\nx".to_owned(), false),
        (format!("HTTP/1.1 204 OK\r\n{etag}Content-Length: 1\r\n\r\nx"), false),
        (format!("HTTP/1.1 206 OK\r\n{etag}Content-Length: 1\r\n\r\nx"), false),
        (format!("HTTP/1.1 206 OK\r\n{etag}Content-Range: bytes 5-3/9\r\nContent-Length: 1\r\n\r\nx"), false),
        (format!("HTTP/1.1 206 OK\r\n{etag}Content-Range: bytes 0-1/9\r\nContent-Length: 1\r\n\r\nx"), false),
        (
            format!("HTTP/1.1 206 OK\r\n{etag}Content-Range: bytes 0-9/9\r\nContent-Length: 10\r\n\r\nx"),
            false,
        ),
        (format!("HTTP/1.1 200 OK\r\n{etag}Content-Length: 9\r\n\r\nx"), false),
        (format!("HTTP/1.1 206 OK\r\n{etag}Content-Range: bytes 3-3/9\r\nContent-Length: 1\r\n\r\nx"), true),
    ];
    for (answer, good) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (files, identity) = with_answer(folder.path(), answer.clone());
        let read = async {
            let content = files.read(&identity, &home(), Read::default()).await?;
            content.body.collect().await.map(http_body_util::Collected::to_bytes)
        };
        let read = read.await;
        assert_eq!(read.is_ok(), good, "{answer:?}: {read:?}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_known_code_and_only_plain_bounded_values() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(20_000);
    let body = format!(
        r#"{{"code":"disk_full","status":200,"detail":"a\u0000\n{long}","params":{{"n":1,"long":"{long}","list":[1],"path":"home/f"}}}}"#
    );
    let (files, identity) = with_answer(folder.path(), json(200, &body).replace("200 X", "418 X"));
    match files.stat(&identity, &home()).await {
        Err(FilesError::Refused(problem)) => {
            assert_eq!((problem.code, problem.status), (FileCode::DiskFull, 507));
            assert_eq!(problem.params.keys().collect::<Vec<_>>(), ["n", "path"]);
            assert!(problem.detail.len() <= 500 && !problem.detail.contains(['\0', '\n']));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_agent_that_is_silent_is_given_up_by_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let soon = Duration::from_millis(50);
    let deadlines = Deadlines { answer: soon, removal: soon, silence: soon };
    let (files, identity) = with_patience(folder.path(), String::new(), deadlines);
    let id = UploadId::random();
    let order = NewUpload { path: home(), size_bytes: 1, overwrite: false };
    let answers = [
        files.stat(&identity, &home()).await.err(),
        files.read(&identity, &home(), Read::default()).await.err(),
        files.make_folder(&identity, &home()).await.err(),
        files.create_upload(&identity, &order).await.err(),
        files.append_upload(&identity, &id, 0, Some(0), Empty::<Bytes>::new()).await.err(),
        files.end_upload(&identity, &id).await.err(),
        files.remove(&identity, vec![home()]).await.err(),
    ];
    assert!(answers.iter().all(|error| matches!(error, Some(FilesError::TooSlow))), "{answers:?}");
}
