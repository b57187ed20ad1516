//! Bodies that stream: at once, both ways, and never faster than they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::app::App;
use crate::rig::{PATIENCE, Rig};
use crate::sockets::raw;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_part_of_a_stream_arrives_before_the_last_is_made() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let mut response = rig.request(&visitor, "GET", "/feed").begin().await;
    for part in ["one", "two", "three"] {
        app.state.feed.send(Bytes::from(part)).unwrap();
        let frame = tokio::time::timeout(PATIENCE, response.body_mut().frame()).await.unwrap();
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), part);
    }
    app.state.feed.send(Bytes::new()).unwrap();
    assert!(tokio::time::timeout(PATIENCE, response.body_mut().frame()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_streams_up_while_its_response_streams_down() {
    let rig = Rig::start().await;
    let app = App::on_tcp().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\r\n",
        visitor.host(),
        visitor.cookie_header(),
    );
    let (mut stream, answer) = raw(&rig, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for part in ["5\r\nfirst\r\n", "6\r\nsecond\r\n"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        let mut back = vec![0; part.len()];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut back)).await.unwrap().unwrap();
        assert_eq!(back, part.as_bytes());
    }
}

/// More than all buffers of both sockets and of the gateway together, much less than what passes.
const ALLOWED_IN_FLIGHT: usize = 32 << 20;
const TOTAL: usize = 100 << 20;

/// Waits until a count has stopped growing, returns it.
async fn settled(count: impl Fn() -> usize) -> usize {
    let (mut last, mut since) = (0, tokio::time::Instant::now());
    while since.elapsed() < Duration::from_millis(300) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if count() != last {
            (last, since) = (count(), tokio::time::Instant::now());
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_100_mb_waits_in_the_app_while_nobody_reads_it() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let mut response = rig.request(&visitor, "GET", &format!("/big?{TOTAL}")).begin().await;
    let made = settled(|| app.state.made_bytes.load(Ordering::SeqCst)).await;
    assert!((1..ALLOWED_IN_FLIGHT).contains(&made), "{made} bytes were made for a reader that takes nothing");
    let mut received = 0;
    while let Some(frame) = response.body_mut().frame().await {
        received += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(received, TOTAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_100_mb_waits_in_the_browser_while_the_app_does_not_read_it() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    for (target, is_read) in [("/never", false), ("/count", true)] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Length: {TOTAL}\r\n\r\n",
            visitor.host(),
            visitor.cookie_header(),
        );
        let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let sent = Arc::new(AtomicUsize::new(0));
        let own = sent.clone();
        let sending = tokio::spawn(async move {
            let part = [9; 1 << 16];
            while own.load(Ordering::SeqCst) < TOTAL {
                stream.write_all(&part).await.unwrap();
                own.fetch_add(part.len(), Ordering::SeqCst);
            }
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            answer
        });
        if is_read {
            assert_eq!(tokio::time::timeout(PATIENCE, sending).await.unwrap().unwrap(), b"HTTP/1.1 200");
        } else {
            let sent = settled(|| sent.load(Ordering::SeqCst)).await;
            assert!(
                (1..ALLOWED_IN_FLIGHT).contains(&sent),
                "{sent} bytes were taken for an app that reads none"
            );
            sending.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_dies_in_the_middle_leaves_a_broken_answer_not_a_short_one() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let response = rig.request(&visitor, "GET", "/die").begin().await;
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200, "the next one is fine");
}
