//! Proxies in front: who is believed about the client, and who is not answered at all.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use myksc_gateway::{Config, Protocol, ServerConfig, TrustedProxies};
use tokio::net::TcpSocket;

use crate::app::App;
use crate::certificates::{Folder, https};
use crate::rig::{Call, PATIENCE, Rig};

const PROXY: &str = "127.0.0.2";
const STRANGER: &str = "127.0.0.3";

fn trusting() -> ServerConfig {
    let proxies = TrustedProxies::new(["127.0.0.2/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]);
    ServerConfig { trusted_proxies: proxies, ..ServerConfig::default() }
}

async fn behind_proxies() -> Rig {
    let origins = Config::new("https://portal.example", [], "apps.example").unwrap();
    Rig::start_at(trusting(), origins, &Protocol::Http).await
}

struct Answer {
    status: u16,
    location: Option<String>,
    text: String,
}

/// Sends a call from this address of the loopback network.
async fn from(address: &str, rig: &Rig, call: Call) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(rig.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request: Request<Full<Bytes>> = call.into();
    let response = tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap();
    let status = response.status().as_u16();
    let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    let text = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, location, text: String::from_utf8(text.to_vec()).unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_tells_who_the_client_is() {
    let rig = behind_proxies().await;
    let ask = || rig.bare("inside", "GET", "/who").header("x-forwarded-host", "portal.example");
    for (told, client) in [
        (vec![], PROXY),
        (vec!["192.0.2.7"], "192.0.2.7"),
        (vec!["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        (vec!["198.51.100.1", "192.0.2.7, 10.1.1.1"], "192.0.2.7"),
    ] {
        let call = told.iter().fold(ask(), |call, line| call.header("x-forwarded-for", line));
        let answer = from(PROXY, &rig, call.header("forwarded", "for=1.2.3.4")).await;
        assert_eq!((answer.status, &*answer.text), (200, &*format!("{client} 0")), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_hears_of_the_client_and_not_of_the_proxy() {
    let rig = behind_proxies().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let host = format!("{}.apps.example", visitor.app);
    let call = rig
        .bare("inside", "GET", "/headers")
        .header("cookie", &visitor.cookie_header())
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-for", "198.51.100.1, 192.0.2.7")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", &host);
    let answer = from(PROXY, &rig, call).await;
    for line in [
        format!("host: {host}"),
        "x-forwarded-for: 192.0.2.7".to_owned(),
        "x-forwarded-proto: https".to_owned(),
        format!("x-forwarded-host: {host}"),
    ] {
        assert!(answer.text.lines().any(|seen| seen == line), "{line} not in {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reached_the_proxy_without_tls_is_led_to_https() {
    let rig = behind_proxies().await;
    let plain = |method| rig.bare("portal.example", method, "/x").header("x-forwarded-proto", "http");
    let answer = from(PROXY, &rig, plain("GET")).await;
    assert_eq!((answer.status, answer.location.as_deref()), (308, Some("https://portal.example/x")));
    assert_eq!(from(PROXY, &rig, plain("POST")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_trusted_proxy_is_answered_without_tls() {
    let rig = behind_proxies().await;
    for address in [STRANGER, "127.0.0.1"] {
        let call = rig.bare("portal.example", "GET", "/who").header("x-forwarded-for", "10.0.0.1");
        let answer = from(address, &rig, call.header("x-forwarded-proto", "https")).await;
        assert_eq!(answer.status, 403, "{address}");
        assert!(answer.text.contains("plain_connection"), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_says_about_forwarding_is_not_believed() {
    let plain = Rig::start().await;
    let spoof = |call: Call| {
        call.header("x-forwarded-for", "192.0.2.7")
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-host", "evil.example")
            .header("x-real-ip", "192.0.2.7")
    };
    let answer = from(STRANGER, &plain, spoof(plain.bare("localhost", "GET", "/who"))).await;
    assert_eq!((answer.status, &*answer.text), (200, &*format!("{STRANGER} 0")));

    // The same over TLS, where strangers are answered.
    let folder = Folder::new();
    let files = folder.make("all", &["portal.example"], 1);
    let trust = crate::certificates::Trust::of(&[&files.certificate]);
    let (rig, _) = https(trusting(), vec![files]).await;
    let stream = trust.connect(&rig, "portal.example", &[b"http/1.1"]).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let call = spoof(rig.bare("portal.example", "GET", "/who"));
    let response = sender.send_request(Request::from(call)).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "127.0.0.1 0");
}
