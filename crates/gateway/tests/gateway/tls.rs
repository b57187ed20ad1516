//! TLS: certificates and their change, HTTP/1.1 and WebSockets over it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use myksc_gateway::{CertificateFiles, Certificates, Config, Protocol, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::App;
use crate::certificates::{Folder, Trust, certificate, https, simple};
use crate::rig::{PATIENCE, Rig, Visitor, until};

const HTTP1: &[&[u8]] = &[b"http/1.1"];

async fn over_http1(rig: &Rig, trust: &Trust, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = trust.connect(rig, "portal.example", HTTP1).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap()
}

fn host(visitor: &Visitor) -> String {
    format!("{}.apps.example", visitor.app)
}

/// Whether a client that asks for this name is shown this very certificate.
async fn is_shown(rig: &Rig, trust: &Trust, name: &str, expected: &Path) -> bool {
    match trust.connect(rig, name, &[]).await {
        Ok(stream) => stream.get_ref().1.peer_certificates().unwrap()[0] == certificate(expected),
        Err(_) => false,
    }
}

fn refusal(files: &CertificateFiles) -> String {
    Certificates::load(vec![files.clone()]).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_alpn_speaks_http1() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let mut stream = trust.connect(&rig, "portal.example", &[]).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: portal.example\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("portal /x true"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_stay_with_https_except_on_their_own_machine() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    for (host, told) in [("portal.example", true), ("nobody.example", true), ("localhost:8443", false)] {
        let answer = over_http1(&rig, &trust, rig.bare(host, "GET", "/").into()).await;
        let hsts = answer.headers().get("strict-transport-security");
        assert_eq!(hsts.map(|value| value.as_bytes()), told.then_some(&b"max-age=31536000"[..]), "{host}");
    }
    let plain = Rig::start().await;
    let answer = plain.bare("localhost", "GET", "/").send().await;
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_over_tls_carries_bytes_both_ways_until_its_session_is_revoked() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let host = host(&visitor);
    let mut stream = trust.connect(&rig, &host, HTTP1).await.unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nCookie: {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        visitor.cookie_header(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    // More than all buffers on the way hold, so that both directions get stuck and go on.
    let sent = Bytes::from((0..8_000_000_u32).map(|number| number as u8).collect::<Vec<_>>());
    let (mut reader, mut writer) = tokio::io::split(stream);
    let writing = tokio::spawn({
        let sent = sent.clone();
        async move {
            writer.write_all(&sent).await.unwrap();
            writer.flush().await.unwrap();
            writer
        }
    });
    let mut back = vec![0; sent.len()];
    tokio::time::timeout(PATIENCE, reader.read_exact(&mut back)).await.unwrap().unwrap();
    assert!(back == sent, "other bytes came back");
    let _writer = writing.await.unwrap();
    rig.gateway.revoke_session(&visitor.session);
    let end = tokio::time::timeout(PATIENCE, reader.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    until("the app's side is closed", || app.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_come_is_cut() {
    let handshake_timeout = Duration::from_millis(100);
    let (rig, trust) = simple(ServerConfig { handshake_timeout, ..ServerConfig::default() }).await;
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: portal.example\r\n\r\n"] {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        assert!(end.is_ok(), "{sent:?} stays open");
        assert!(!answer.starts_with(b"HTTP"), "plain HTTP is answered");
    }
    assert!(trust.connect(&rig, "portal.example", HTTP1).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_handshakes_push_out_the_oldest_and_not_the_honest() {
    let (rig, trust) = simple(ServerConfig::default()).await;
    // Two workers, so that more than twice the bound is more than the bound on one.
    let mut silent = Vec::new();
    for _ in 0..1200 {
        silent.push(TcpStream::connect(rig.address).await.unwrap());
    }
    for _ in 0..4 {
        let shaken = tokio::time::timeout(PATIENCE, trust.connect(&rig, "portal.example", HTTP1)).await;
        assert!(shaken.unwrap().is_ok());
    }
    let cut = tokio::time::timeout(PATIENCE, silent[0].read(&mut [0; 1])).await.unwrap();
    assert!(matches!(cut, Ok(0) | Err(_)), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let folder = Folder::new();
    let portal = folder.make("portal", &["portal.example"], 100);
    let apps = folder.make("apps", &["*.apps.example"], 100);
    let trust = Trust::of(&[&portal.certificate, &apps.certificate]);
    let (rig, certificates) = https(ServerConfig::default(), vec![portal.clone(), apps.clone()]).await;
    assert!(is_shown(&rig, &trust, "portal.example", &portal.certificate).await);
    assert!(is_shown(&rig, &trust, "a.apps.example", &apps.certificate).await);
    let stranger = trust.connect(&rig, "other.example", &[]).await.unwrap_err().to_string();
    assert!(stranger.contains("not valid for name"), "{stranger}");
    assert!(certificates.cover("b.apps.example") && !certificates.cover("apps.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let folder = Folder::new();
    let files = folder.make("present", &["portal.example"], 100);
    let next = folder.make("next", &["portal.example"], 100);
    let old = folder.path("old.pem");
    std::fs::copy(&files.certificate, &old).unwrap();
    let trust = Trust::of(&[&files.certificate, &next.certificate]);
    let (rig, certificates) = https(ServerConfig::default(), vec![files.clone()]).await;
    // A change is taken up at the second look that finds it the same.
    let look = || (certificates.look(), certificates.look());

    std::fs::copy(&next.certificate, &files.certificate).unwrap();
    look();
    assert!(is_shown(&rig, &trust, "portal.example", &old).await, "the key is not there yet");
    std::fs::copy(&next.key, &files.key).unwrap();
    look();
    assert!(is_shown(&rig, &trust, "portal.example", &next.certificate).await);

    for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&files.certificate, broken).unwrap();
        look();
        assert!(is_shown(&rig, &trust, "portal.example", &next.certificate).await, "{broken:?}");
    }
    std::fs::remove_file(&files.certificate).unwrap();
    look();
    assert!(is_shown(&rig, &trust, "portal.example", &next.certificate).await);
}

#[test]
fn a_pair_that_is_no_good_is_refused_with_its_reason() {
    let folder = Folder::new();
    let good = folder.make("good", &["portal.example"], 1);
    let other = folder.make("other", &["portal.example"], 1);
    assert!(Certificates::load(vec![good.clone()]).is_ok());
    assert!(Certificates::load(Vec::new()).is_err());

    let mixed = CertificateFiles { key: other.key, ..good.clone() };
    let message = refusal(&mixed);
    assert!(message.contains("other.key does not fit") && message.contains("good.pem"), "{message}");
    let swapped = CertificateFiles { certificate: good.key.clone(), key: good.certificate.clone() };
    assert!(refusal(&swapped).contains("holds no certificate"), "{}", refusal(&swapped));
    let twice = CertificateFiles { key: good.certificate.clone(), ..good.clone() };
    std::fs::set_permissions(&twice.key, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(refusal(&twice).contains("holds no private key"), "{}", refusal(&twice));
    let missing = CertificateFiles { key: folder.path("missing"), ..good.clone() };
    assert!(refusal(&missing).contains("missing"), "{}", refusal(&missing));

    for mode in [0o604, 0o644, 0o602] {
        std::fs::set_permissions(&good.key, PermissionsExt::from_mode(mode)).unwrap();
        assert!(refusal(&good).contains("others may read"), "{mode:o}");
    }
    std::fs::set_permissions(&good.key, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(Certificates::load(vec![good]).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_leads_to_https_and_does_nothing_else() {
    let origins = Config::new("https://portal.example:8443", [], "apps.example").unwrap();
    let rig = Rig::start_at(ServerConfig::default(), origins, &Protocol::Redirect).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let host = host(&visitor);
    for (asked, path, expected) in [
        ("portal.example", "/jobs?x=%2F", "https://portal.example:8443/jobs?x=%2F".to_owned()),
        (&host, "/lab", format!("https://{host}:8443/lab")),
        (&host, "//evil.example/", format!("https://{host}:8443//evil.example/")),
    ] {
        let answer = rig.bare(asked, "GET", path).header("cookie", &visitor.cookie_header()).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (308, Some(&*expected)));
        assert_eq!(answer.header("strict-transport-security"), None);
    }
    assert_eq!(rig.bare("evil.example", "GET", "/").send().await.status, 421);
    let posted = rig.bare("portal.example", "POST", "/api/v1/session").body("password").send().await;
    assert_eq!((posted.status.as_u16(), posted.json()["code"].as_str()), (403, Some("plain_connection")));
    assert_eq!(app.open(), 0);
}
