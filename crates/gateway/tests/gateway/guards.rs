//! Apps behind a real guard, and what only pretends to be one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use myksc_core::grant::Endpoint;
use myksc_core::guard::{ANSWER_BYTES, Challenge, GuardKey, random_nonce};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::app::App;
use crate::rig::{Rig, Visitor, until};
use crate::sockets::{echoes, ends, open};

fn key() -> GuardKey {
    GuardKey::new([7; 32])
}

/// The endpoint of a guard with this key before an app, and what keeps it there.
async fn guard(app: &App, key: GuardKey) -> (Endpoint, AbortOnDropHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let serving = myksc_agent::guard::serve(listener, key, app.endpoint.clone(), std::future::pending());
    (endpoint, AbortOnDropHandle::new(tokio::spawn(serving)))
}

/// Somebody whose app is ready at this endpoint, behind a guard with the key of this test.
fn visitor_behind(rig: &Rig, endpoint: Endpoint) -> Visitor {
    let visitor = rig.visitor();
    rig.ready_behind(&visitor, endpoint, Some(key()));
    visitor
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_behind_its_guard_is_reached_as_any_other() {
    let rig = Rig::start().await;
    for app in [App::on_unix().await, App::on_tcp().await] {
        let (endpoint, _guard) = guard(&app, key()).await;
        let visitor = visitor_behind(&rig, endpoint);
        let answer = rig.request(&visitor, "GET", "/headers").send().await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("authorization: token of-the-app"), "{}", answer.text());
        let body = vec![5; 1 << 20];
        for _ in 0..20 {
            let answer = rig.request(&visitor, "POST", "/echo").body(body.clone()).send().await;
            assert_eq!((answer.status.as_u16(), answer.body == body), (200, true));
        }
        // One for each worker, as without a guard: its connections are kept and used again.
        assert!(app.state.accepted.load(Ordering::SeqCst) <= 2);
        let (mut socket, head) = open(&rig, &visitor).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        echoes(&mut socket, b"hello").await;
        echoes(&mut socket, &vec![5; 300_000]).await;
        rig.gateway.revoke_session(&visitor.session);
        ends(&mut socket).await;
        until("the app's sides are closed", || app.open() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_another_way() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let (endpoint, _guard) = guard(&app, key()).await;
    let visitor = visitor_behind(&rig, endpoint.clone());
    let (mut socket, _) = open(&rig, &visitor).await;
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200);
    rig.ready_behind(&visitor, endpoint.clone(), Some(key()));
    echoes(&mut socket, b"still here").await;
    rig.ready_behind(&visitor, endpoint.clone(), Some(GuardKey::new([8; 32])));
    ends(&mut socket).await;
    // Nor does a connection that passed with the former one serve the next request.
    let refused = rig.request(&visitor, "GET", "/headers").send().await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (502, Some("app_no_answer")));
    rig.ready_behind(&visitor, endpoint, Some(key()));
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_whose_app_is_gone_is_a_page() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let (endpoint, _guard) = guard(&app, key()).await;
    let visitor = visitor_behind(&rig, endpoint);
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200);
    drop(app);
    let page = rig.request(&visitor, "GET", "/lab").navigation("none").send().await;
    assert_eq!((page.status.as_u16(), page.text().contains("app_no_answer")), (502, true));
}

/// How something that has a former app's address behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Impostor {
    Silent,
    Closes,
    AnswersHttp,
    /// It speaks as a guard, and proves itself with made-up bytes.
    Guesses,
    /// It speaks as a guard, and sends the gateway's own proof back.
    Reflects,
}

impl Impostor {
    async fn receive(self, mut stream: TcpStream, heard: Arc<Mutex<Vec<u8>>>) {
        match self {
            Self::Closes => return,
            Self::Silent => {}
            Self::AnswersHttp => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nlet me see..").await.unwrap();
            }
            Self::Guesses | Self::Reflects => {
                stream.write_all(&Challenge::new(random_nonce()).hello()).await.unwrap();
                let mut answer = [0; ANSWER_BYTES];
                stream.read_exact(&mut answer).await.unwrap();
                heard.lock().unwrap().extend(answer);
                let guess =
                    if self == Self::Guesses { random_nonce() } else { answer[32..].try_into().unwrap() };
                stream.write_all(&guess).await.unwrap();
            }
        }
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            heard.lock().unwrap().extend(&buffer[..count]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impostor_hears_nothing_of_a_request() {
    let cases = [
        (Impostor::Silent, 0),
        (Impostor::Closes, 0),
        (Impostor::AnswersHttp, 0),
        (Impostor::Guesses, ANSWER_BYTES),
        (Impostor::Reflects, ANSWER_BYTES),
    ];
    let rig = Rig::start().await;
    for (impostor, most_bytes) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let visitor = visitor_behind(&rig, Endpoint::Tcp(listener.local_addr().unwrap()));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        let _serving = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                tokio::spawn(impostor.receive(listener.accept().await.unwrap().0, hears.clone()));
            }
        }));
        let begun = Instant::now();
        let call = rig.request(&visitor, "POST", "/secret-path").body("a secret of hers");
        let answer = call.header("x-secret", "in-the-head").send().await;
        assert_eq!(answer.status, 502, "{impostor:?}");
        assert_eq!(answer.json()["code"], "app_no_answer", "{impostor:?}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{impostor:?}: {:?}", begun.elapsed());
        let (_socket, head) = open(&rig, &visitor).await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{impostor:?}: {head}");
        // Twice: by the request, and by the WebSocket.
        assert_eq!(heard.lock().unwrap().len(), 2 * most_bytes, "{impostor:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_of_another_key_lets_nothing_through() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let (endpoint, _guard) = guard(&app, GuardKey::new([8; 32])).await;
    let visitor = visitor_behind(&rig, endpoint.clone());
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 502);
    // Nor does one get past it without a key at all.
    rig.ready(&visitor, endpoint);
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 502);
    assert_eq!(app.state.accepted.load(Ordering::SeqCst), 0);
}
