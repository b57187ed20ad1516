use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use myksc_core::grant::Endpoint;
use myksc_core::guard::GuardKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// Something that listens and answers whatever it hears; how many bytes it heard.
async fn answering() -> (Endpoint, Arc<AtomicUsize>, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let heard = Arc::new(AtomicUsize::new(0));
    let hears = Arc::clone(&heard);
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let hears = Arc::clone(&hears);
            tokio::spawn(async move {
                let mut bytes = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    hears.fetch_add(count, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            });
        }
    });
    (endpoint, heard, AbortOnDropHandle::new(serving))
}

fn target(endpoint: Endpoint, guard: Option<GuardKey>) -> Target {
    Target {
        app: AppId::random(),
        run: "1".to_owned(),
        place: Place { endpoint, authorization: Some("token secret".to_owned()), guard },
        orders: ProbeOrders { path: "/".to_owned(), statuses: Vec::new(), timeout_secs: 5 },
        started_at: Timestamp::now(),
    }
}

#[tokio::test]
async fn an_app_behind_a_guard_is_asked_past_it_and_nothing_else_hears_the_secret() {
    let key = GuardKey::new([7; 32]);
    let (app, heard, _app) = answering().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guarded = Endpoint::Tcp(listener.local_addr().unwrap());
    let guard = myksc_agent::guard::serve(listener, key.clone(), app.clone(), std::future::pending());
    let _guard = AbortOnDropHandle::new(tokio::spawn(guard));

    let other_key = target(guarded.clone(), Some(GuardKey::new([8; 32])));
    ask(&other_key).await.unwrap_err();
    ask(&target(guarded.clone(), None)).await.unwrap_err();
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    assert_eq!(ask(&target(guarded, Some(key.clone()))).await, Ok(StatusCode::NO_CONTENT));
    let of_request = heard.swap(0, Ordering::SeqCst);
    assert!(of_request > 0);
    // What has the address and is no guard.
    let asked = timeout(Duration::from_millis(300), ask(&target(app, Some(key)))).await;
    assert!(asked.is_err(), "{asked:?}");
    assert_eq!(heard.load(Ordering::SeqCst), 0);
}
