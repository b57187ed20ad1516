//! Answers of apps as bytes: those that the standard allows, and those of a hostile or broken app.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt as _;
use myksc_core::grant::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::rig::{PATIENCE, Rig, Visitor};
use crate::sockets::{open, raw};

/// An app that answers every head with the same bytes.
struct Script {
    endpoint: Endpoint,
    accepted: Arc<AtomicUsize>,
    _accepting: AbortOnDropHandle<()>,
}

/// What the app does after each answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Stays,
    Closes,
}

impl Script {
    async fn start(answer: &str, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        let accepted = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (accepted.clone(), answer.to_owned());
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(play(stream, answer.clone(), then));
            }
        });
        Self { endpoint, accepted, _accepting: AbortOnDropHandle::new(accepting) }
    }
}

async fn play(mut stream: TcpStream, answer: String, then: Then) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            if stream.write_all(answer.as_bytes()).await.is_err() || then == Then::Closes {
                return;
            }
        }
    }
}

/// The rig, a visitor of the app, and the app.
async fn scripted(answer: &str, then: Then) -> (Rig, Visitor, Script) {
    let rig = Rig::start().await;
    let app = Script::start(answer, then).await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    (rig, visitor, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_ends_where_the_standard_says_and_its_connection_is_used_again() {
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\n\r\n", 200, "ok"),
        (
            "HTTP/1.1 200 OK\r\nTrailer: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\na: b\r\n\r\n",
            200,
            "ok",
        ),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304, ""),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            200,
            "ok",
        ),
    ];
    for (text, status, body) in cases {
        let (rig, visitor, app) = scripted(text, Then::Stays).await;
        for _ in 0..6 {
            let answer = rig.request(&visitor, "GET", "/").send().await;
            assert_eq!((answer.status.as_u16(), answer.text()), (status, body), "{text:?}");
            assert_eq!(answer.header("link").or(answer.header("a")), None);
        }
        // One for each worker at most.
        assert!(app.accepted.load(Ordering::SeqCst) <= 2, "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_end_with_its_connection() {
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1 << 20));
    let old = "HTTP/1.0 200 OK\r\n\r\nold".to_owned();
    for text in [long, old] {
        let (rig, visitor, _app) = scripted(&text, Then::Closes).await;
        let answer = rig.request(&visitor, "GET", "/").send().await;
        assert_eq!(Some(answer.text()), text.split("\r\n\r\n").nth(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_has_a_length_and_no_body() {
    let (rig, visitor, app) = scripted("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Then::Stays).await;
    for _ in 0..6 {
        let answer = rig.request(&visitor, "HEAD", "/").send().await;
        assert_eq!((answer.header("content-length"), answer.text()), (Some("7"), ""));
    }
    assert!(app.accepted.load(Ordering::SeqCst) <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_answer_is_never_taken_for_the_next_one() {
    let cases = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    ];
    for text in cases {
        let (rig, visitor, app) = scripted(text, Then::Stays).await;
        for asked in 1..=6 {
            assert_eq!(rig.request(&visitor, "GET", "/").send().await.text(), "ok", "{text:?}");
            assert_eq!(app.accepted.load(Ordering::SeqCst), asked, "a connection for each: {text:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_http_is_told_as_no_answer() {
    let cases = [
        "",
        "rubbish\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nA b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ];
    for text in cases {
        let (rig, visitor, _app) = scripted(text, Then::Closes).await;
        assert_eq!(rig.request(&visitor, "GET", "/").send().await.status, 502, "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_not_told_as_whole() {
    let cases = [
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nrubbish\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    ];
    for text in cases {
        let (rig, visitor, _app) = scripted(text, Then::Closes).await;
        let mut response = rig.request(&visitor, "GET", "/").begin().await;
        assert_eq!(response.status(), 200, "{text:?}");
        let first = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "ok", "what came is passed on: {text:?}");
        assert!(response.into_body().collect().await.is_err(), "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_before_the_upload_ends_is_passed_on() {
    let text = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";
    let (rig, visitor, _app) = scripted(text, Then::Stays).await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 1000\r\n\r\nhalf",
        visitor.host(),
        visitor.cookie_header(),
    );
    let (mut stream, answer) = raw(&rig, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 Too Large\r\n"), "{answer}");
    let mut body = [0; 3];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut body)).await.unwrap().unwrap();
    assert_eq!(&body, b"big");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_says_right_after_its_switch_reaches_the_browser() {
    let text = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    let (rig, visitor, _app) = scripted(text, Then::Stays).await;
    let (mut stream, head) = open(&rig, &visitor).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut early = [0; 5];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut early)).await.unwrap().unwrap();
    assert_eq!(&early, b"early");
}
