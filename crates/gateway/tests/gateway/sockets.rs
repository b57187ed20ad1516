//! WebSockets, and what cuts them.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use myksc_core::grant::{Endpoint, Frames, Route, RouteState};
use myksc_core::{SessionId, Timestamp};
use myksc_gateway::{Listeners, ServeError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::App;
use crate::rig::{PATIENCE, Rig, Visitor, until};

/// Opens a WebSocket as the app's own page would; the head of the answer comes with it.
pub(crate) async fn open(rig: &Rig, visitor: &Visitor) -> (TcpStream, String) {
    open_at(rig, visitor, "/ws").await
}

async fn open_at(rig: &Rig, visitor: &Visitor, path: &str) -> (TcpStream, String) {
    let host = visitor.host();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        visitor.cookie_header(),
    );
    raw(rig, head.as_bytes()).await
}

/// Sends raw bytes, returns the connection and the head of the answer.
pub(crate) async fn raw(rig: &Rig, request: &[u8]) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let head = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(head).unwrap()
    };
    let head = tokio::time::timeout(PATIENCE, head).await.unwrap();
    (stream, head)
}

pub(crate) async fn echoes(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(back, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_bytes_both_ways_until_its_session_is_revoked() {
    let rig = Rig::start().await;
    for app in [App::on_unix().await, App::on_tcp().await] {
        let visitor = rig.visitor_at(app.endpoint.clone());
        let (mut stream, head) = open(&rig, &visitor).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: as-the-app-said"), "{head}");
        echoes(&mut stream, b"hello").await;
        echoes(&mut stream, &vec![5; 300_000]).await;
        rig.gateway.revoke_session(&visitor.session);
        let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        until("the app's side is closed", || app.open() == 0).await;
    }
}

/// Waits for the end of a connection; fails if it does not come, or if bytes come instead.
pub(crate) async fn ends(stream: &mut TcpStream) {
    let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("it was not cut");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

/// Sockets of the gateway's port that some process holds, listeners aside (proc(5), `/proc/net/tcp`).
fn held_sockets(port: u16) -> usize {
    const LISTEN: &str = "0A";
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let local_port = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[1].ends_with(&local_port) && fields[3] != LISTEN && fields[9] != "0")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_open_is_cut_within_a_second_of_losing_its_right() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    type Cut = fn(&Rig, &Visitor);
    let cuts: [(&str, Cut); 6] = [
        ("route removed", |rig, visitor| rig.gateway.remove_route(&visitor.app)),
        ("not ready", |rig, visitor| rig.set_state(visitor, RouteState::NotReady)),
        ("ended", |rig, visitor| rig.set_state(visitor, RouteState::Ended)),
        ("moved", |rig, visitor| rig.ready(visitor, Endpoint::Unix("/nowhere".into()))),
        ("session revoked", |rig, visitor| rig.gateway.revoke_session(&visitor.session)),
        ("user revoked", |rig, visitor| rig.gateway.revoke_user(&visitor.user)),
    ];
    let bystander = rig.visitor_at(app.endpoint.clone());
    let (mut untouched, _) = open(&rig, &bystander).await;
    for (what, cut) in cuts {
        let visitor = rig.visitor_at(app.endpoint.clone());
        let (mut socket, head) = open(&rig, &visitor).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        echoes(&mut socket, b"x").await;
        let mut stream = rig.request(&visitor, "GET", "/feed").begin().await;
        // A reader that takes nothing: the cut must not wait for it.
        let stalled = rig.request(&visitor, "GET", "/big?104857600").begin().await;
        let waiting = tokio::spawn({
            let call = rig.request(&visitor, "GET", "/never");
            async move { call.try_send().await }
        });
        until("all four have arrived", || app.open() >= 5).await;
        let since = Instant::now();
        cut(&rig, &visitor);
        ends(&mut socket).await;
        let frame = tokio::time::timeout(PATIENCE, stream.body_mut().frame()).await.unwrap();
        assert!(frame.is_none_or(|frame| frame.is_err()), "{what}");
        assert!(tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().is_err(), "{what}");
        until("the app's sides are closed", || app.open() <= 1).await;
        assert!(since.elapsed() < Duration::from_secs(1), "{what}: {:?}", since.elapsed());
        drop(stalled);
    }
    echoes(&mut untouched, b"still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_suspended_nobody_gets_in_and_afterwards_everybody_as_before() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let (mut socket, _) = open(&rig, &visitor).await;
    echoes(&mut socket, b"x").await;
    rig.gateway.suspend();
    ends(&mut socket).await;
    until("the app's side is closed", || app.open() == 0).await;
    let refused = rig.request(&visitor, "GET", "/headers").send().await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (503, Some("database_away")));
    let ours = |path| rig.bare("localhost", "GET", path).navigation("none").header("accept-language", "ko");
    for page in
        [rig.request(&visitor, "GET", "/").navigation("none").header("accept-language", "ko"), ours("/jobs")]
    {
        let page = page.send().await;
        assert_eq!((page.status.as_u16(), page.header("content-language")), (503, Some("ko")));
        assert!(page.text().contains("데이터베이스") && page.text().contains("http-equiv=\"refresh\""));
    }
    // The portal tells programs itself.
    assert_eq!(ours("/api/v1/site").send().await.status, 200);
    assert_eq!(rig.bare("localhost", "GET", "/assets/x.js").send().await.status, 200);
    rig.gateway.resume();
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200);
    let (mut socket, _) = open(&rig, &visitor).await;
    echoes(&mut socket, b"x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_expires_cuts_what_is_open() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let expires_at = Timestamp::from_millis(Timestamp::now().as_millis() + 700);
    let visitor = rig.visitor_until(expires_at);
    rig.ready(&visitor, app.endpoint.clone());
    let (mut socket, _) = open(&rig, &visitor).await;
    echoes(&mut socket, b"x").await;
    ends(&mut socket).await;
    let late_millis = Timestamp::now().as_millis() - expires_at.as_millis();
    assert!((0..1000).contains(&late_millis), "{late_millis} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_cuts_nothing() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let (mut socket, _) = open(&rig, &visitor).await;
    echoes(&mut socket, b"x").await;
    let state = RouteState::Ready {
        endpoint: app.endpoint.clone(),
        authorization: Some("token of-the-app".to_owned()),
        guard: None,
    };
    let route = Route {
        owner: visitor.user.clone(),
        name: "another name".to_owned(),
        polls: Vec::new(),
        frames: Frames::Any,
        state,
    };
    rig.gateway.set_route(visitor.app.clone(), route);
    rig.gateway.revoke_session(&SessionId::random());
    echoes(&mut socket, b"still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_beats_an_answer_of_the_portal_that_was_under_way() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let gate = rig.portal.hold_answers();
    let call = rig.request(&visitor, "GET", "/headers");
    let request = tokio::spawn(call.send());
    until("the portal has been asked", || rig.portal.with(|records| records.lookups) == 1).await;
    rig.gateway.revoke_session(&visitor.session);
    drop(gate);
    assert_eq!(request.await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_with_one_unknown_cookie_share_one_question() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let gate = rig.portal.hold_answers();
    let requests: Vec<_> =
        (0..20).map(|_| tokio::spawn(rig.request(&visitor, "GET", "/headers").send())).collect();
    until("the portal has been asked", || rig.portal.with(|records| records.lookups) > 0).await;
    drop(gate);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    // Those that arrive after the answer find it in memory.
    assert_eq!(rig.portal.with(|records| records.lookups), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_from_any_other_origin_is_refused() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let host = visitor.host();
    let handshake = |origin: Option<&str>, cookie: &str| {
        let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\n{origin}Cookie: {cookie}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-Fetch-Site: same-origin\r\n\r\n"
        )
    };
    let cookie = visitor.cookie_header();
    let refused = [
        None,
        Some("null"),
        Some("http://aaaaaaaaaaaaaaaa.localhost"),
        Some("http://localhost:8080"),
        Some(&*format!("https://{host}")),
        Some(&*format!("http://{host}:81")),
        Some(&*format!("http://{host}.evil.example")),
        Some(&*format!("http://{host}, http://{host}")),
    ];
    for origin in refused {
        let (_, head) = raw(&rig, handshake(origin, &cookie).as_bytes()).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{origin:?}: {head}");
    }
    let own = format!("http://{host}");
    let (_, head) = raw(&rig, handshake(Some(&own), "a=b").as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    assert_eq!(app.state.requests.load(Ordering::SeqCst), 0);
    let (_, head) = raw(&rig, handshake(Some(&own), &cookie).as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upgrade_stays_http() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let call =
        rig.request(&visitor, "GET", "/headers").header("origin", &format!("http://{}", visitor.host()));
    let answer = call.header("connection", "upgrade").header("upgrade", "WebSocket").send().await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("upgrade: websocket"), "{}", answer.text());
    assert_eq!(answer.header("upgrade"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_socket_is_left_after_200_tunnels_however_they_end() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let last = rig.visitor_at(app.endpoint.clone());
    let mut kept = Vec::new();
    for number in 0..200 {
        let (mut socket, head) = open(&rig, if number % 4 == 3 { &last } else { &visitor }).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        echoes(&mut socket, b"x").await;
        match number % 4 {
            0 => drop(socket),
            1 => {
                // A half-closed one: the app sees the end, and answers with its own.
                socket.shutdown().await.unwrap();
                ends(&mut socket).await;
            }
            2 => {
                socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
                drop(socket);
            }
            _ => kept.push(socket),
        }
    }
    rig.gateway.revoke_user(&last.user);
    for socket in &mut kept {
        ends(socket).await;
    }
    drop(kept);
    until("the app's sides are closed", || app.open() == 0).await;
    until("the clients' sides are closed", || held_sockets(rig.address.port()) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pongs_do_not_keep_a_session_alive_but_typing_does() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let (mut socket, _) = open(&rig, &visitor).await;
    let masked = |first: u8, payload: &[u8]| {
        let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
        frame.extend(payload);
        frame
    };
    echoes(&mut socket, &masked(0x8A, b"pong")).await;
    echoes(&mut socket, &masked(0x89, b"")).await;
    // Of a socket that the app's template says is used by its pages alone, nothing counts.
    let (mut polling, _) = open_at(&rig, &visitor, "/ws?poll").await;
    echoes(&mut polling, &masked(0x81, b"heartbeat")).await;
    assert!(rig.portal.with(|records| records.touched.is_empty()) && rig.gateway.uses().is_empty());
    echoes(&mut socket, &masked(0x81, b"typed")).await;
    let first = rig.gateway.uses();
    assert_eq!(first.iter().map(|(app, _)| app).collect::<Vec<_>>(), [&visitor.app]);
    // The portal hears of a session once in a while, an app's last use is known to the moment.
    until("the clock goes on", || Timestamp::now() > first[0].1).await;
    echoes(&mut socket, &masked(0x81, b"more")).await;
    assert!(rig.gateway.uses()[0].1 > first[0].1);
    until("the portal heard of it", || !rig.portal.with(|records| records.touched.is_empty())).await;
    assert_eq!(rig.portal.with(|records| records.touched.clone()), [visitor.session]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_tunnels_and_lets_the_port_go() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let (mut socket, _) = open(&rig, &visitor).await;
    echoes(&mut socket, b"x").await;
    let taken = Listeners::bind(&[rig.address], NonZeroUsize::MIN);
    assert!(matches!(taken, Err(ServeError::AddressTaken(address)) if address == rig.address));
    let address = rig.address;
    rig.stop().await;
    ends(&mut socket).await;
    Listeners::bind(&[address], NonZeroUsize::MIN).unwrap();
}
