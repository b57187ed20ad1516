//! HTTP/2: what reaches portal and apps, what is cut, and what a client may not do.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use myksc_gateway::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::task::AbortOnDropHandle;

use crate::app::App;
use crate::certificates::{Trust, simple};
use crate::rig::{Call, PATIENCE, Rig, Visitor, until};

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A connection that ends with it.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: AbortOnDropHandle<()>,
}

async fn connect(rig: &Rig, trust: &Trust) -> Connection {
    let stream = trust.connect(rig, "portal.example", BOTH).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    let task = tokio::spawn(async move { drop(connection.await) });
    Connection { sender, task: AbortOnDropHandle::new(task) }
}

fn host(visitor: &Visitor) -> String {
    format!("{}.apps.example", visitor.app)
}

/// The call as a client of HTTP/2 sends it: the host is part of the target.
fn http2(host: &str, call: Call) -> Request<Full<Bytes>> {
    let mut request: Request<_> = call.without("host").into();
    *request.uri_mut() = format!("https://{host}{}", request.uri()).parse().unwrap();
    request
}

impl Connection {
    async fn text(&self, request: Request<Full<Bytes>>) -> (u16, String) {
        let response = self.sender.clone().send_request(request);
        let response = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let status = response.status().as_u16();
        let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap();
        (status, String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_portal_with_a_path_as_its_target() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let connection = connect(&rig, &trust).await;
    for path in ["/", "/jobs?x=1"] {
        let answer = connection.text(http2("portal.example", rig.bare("x", "GET", path))).await;
        assert_eq!(answer, (200, format!("portal {path} true")));
    }
    let (status, _) = connection.text(http2("nobody.example", rig.bare("x", "GET", "/"))).await;
    assert_eq!(status, 421);
    let two_hosts = rig.bare("x", "GET", "/").header("host", "portal.example");
    let mut request: Request<_> = two_hosts.into();
    *request.uri_mut() = "https://portal.example/".parse().unwrap();
    assert_eq!(connection.text(request).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gets_a_request_of_http1_with_one_cookie_header_and_the_truth_about_the_client() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let connection = connect(&rig, &trust).await;
    let host = host(&visitor);
    let call = rig
        .bare("x", "GET", "/headers")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", "a=1")
        .header("cookie", &visitor.cookie_header())
        .header("cookie", "b=2")
        .header("te", "trailers")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "gopher");
    let (status, seen) = connection.text(http2(&host, call)).await;
    assert_eq!(status, 200, "{seen}");
    let mut lines: Vec<_> = seen.lines().collect();
    lines.sort_unstable();
    let expected = [
        "GET /headers HTTP/1.1".to_owned(),
        "authorization: token of-the-app".to_owned(),
        "cookie: a=1; b=2".to_owned(),
        format!("host: {host}"),
        "sec-fetch-site: same-origin".to_owned(),
        "x-forwarded-for: 127.0.0.1".to_owned(),
        format!("x-forwarded-host: {host}"),
        "x-forwarded-proto: https".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_any_length_pass_both_ways() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let connection = connect(&rig, &trust).await;
    for length in [0, 1, 3_000_000] {
        let call = rig.request(&visitor, "POST", "/count").body(vec![5; length]);
        assert_eq!(connection.text(http2(&host(&visitor), call)).await, (200, length.to_string()));
    }
    let text = "x".repeat(500_000);
    let call = rig.request(&visitor, "POST", "/echo").body(text.clone());
    assert!(connection.text(http2(&host(&visitor), call)).await == (200, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_refused_as_over_http1() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let connection = connect(&rig, &trust).await;
    let host = host(&visitor);
    let own = format!("https://{host}");
    for (origin, expected) in
        [(&*own, 200), ("https://portal.example", 403), (&*own.replace("https", "http"), 403)]
    {
        let call = rig.request(&visitor, "POST", "/count").without("sec-fetch-site").header("origin", origin);
        assert_eq!(connection.text(http2(&host, call)).await.0, expected, "{origin}");
    }
    let nobody = rig.request(&visitor, "GET", "/count").without("cookie");
    assert_eq!(connection.text(http2(&host, nobody)).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_cut_within_a_second_of_losing_their_right_and_others_are_not() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let app = App::on_unix().await;
    let (visitor, bystander) = (rig.visitor_at(app.endpoint.clone()), rig.visitor_at(app.endpoint.clone()));
    let connection = connect(&rig, &trust).await;
    let begin = |visitor: &Visitor, path: &str| {
        let request = http2(&host(visitor), rig.request(visitor, "GET", path));
        connection.sender.clone().send_request(request)
    };
    let mut untouched = begin(&bystander, "/feed").await.unwrap();
    let mut feed = begin(&visitor, "/feed").await.unwrap();
    let waiting = tokio::spawn(begin(&visitor, "/never"));
    until("all have arrived", || app.open() == 3).await;
    let since = Instant::now();
    rig.gateway.revoke_session(&visitor.session);
    let frame = tokio::time::timeout(PATIENCE, feed.body_mut().frame()).await.unwrap();
    assert!(frame.is_none_or(|frame| frame.is_err()));
    assert!(tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().is_err());
    until("the app's sides are closed", || app.open() == 1).await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    app.state.feed.send(Bytes::from_static(b"still here")).unwrap();
    let frame = tokio::time::timeout(PATIENCE, untouched.body_mut().frame()).await.unwrap();
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_does_not_keep_a_stream_open() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let connection = connect(&rig, &trust).await;
    let request = http2(&host(&visitor), rig.request(&visitor, "GET", "/big?104857600"));
    let _stalled = connection.sender.clone().send_request(request).await.unwrap();
    let since = Instant::now();
    rig.gateway.revoke_user(&visitor.user);
    until("the app's side is closed", || app.open() == 0).await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_requests_is_ended_but_not_one_with_a_slow_answer() {
    let header_timeout = Duration::from_millis(100);
    let (rig, trust) = simple(ServerConfig { header_timeout, ..ServerConfig::default() }).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let busy = connect(&rig, &trust).await;
    let mut feed = busy
        .sender
        .clone()
        .send_request(http2(&host(&visitor), rig.request(&visitor, "GET", "/feed")))
        .await
        .unwrap();
    let idle = connect(&rig, &trust).await;
    tokio::time::timeout(PATIENCE, idle.task).await.expect("it stays open").unwrap();
    assert!(!busy.task.is_finished());
    app.state.feed.send(Bytes::from_static(b"at last")).unwrap();
    assert!(feed.body_mut().frame().await.unwrap().is_ok());
    // One that never begins to speak HTTP/2 is told nothing, and is cut as well.
    let mut silent = trust.connect(&rig, "portal.example", BOTH).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "it stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_and_resets_without_end_end_the_connection() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let connection = connect(&rig, &trust).await;
    let long = rig.bare("x", "GET", "/").header("x-long", &"x".repeat(100_000));
    let answer = connection.sender.clone().send_request(http2("portal.example", long)).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));

    let mut raw = trust.connect(&rig, "portal.example", BOTH).await.unwrap();
    raw.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // GET https /, as a header block of static entries alone (RFC 7541 appendix A), and its reset at once.
    let mut storm = Vec::new();
    for number in 0..2000_u32 {
        let stream = (number * 2 + 1).to_be_bytes();
        storm.extend_from_slice(b"\0\0\x03\x01\x05");
        storm.extend_from_slice(&stream);
        storm.extend_from_slice(b"\x82\x87\x84");
        storm.extend_from_slice(b"\0\0\x04\x03\0");
        storm.extend_from_slice(&stream);
        storm.extend_from_slice(&8_u32.to_be_bytes());
    }
    // The connection may be gone before all is written.
    let _ = raw.write_all(&storm).await;
    let end = tokio::time::timeout(PATIENCE, raw.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "it stays open");
    assert_eq!(
        connect(&rig, &trust).await.text(http2("portal.example", rig.bare("x", "GET", "/"))).await.0,
        200
    );
}
