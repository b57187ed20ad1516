use axum::body::Body;
use http::header::COOKIE;
use http::{Method, Request, StatusCode};
use myksc_core::{SessionId, Timestamp};
use tower::ServiceExt as _;

use crate::testing::{As, PASSWORD, TestPortal};

const SESSION: &str = "/api/v1/session";

/// A session of a browser that was used last two minutes ago.
struct Idle {
    portal: TestPortal,
    browser: As,
    cookie: String,
    id: SessionId,
    used_at: Timestamp,
}

impl Idle {
    async fn new() -> Self {
        let portal = TestPortal::new().await;
        portal.person("kim").await;
        let answer = portal.sign_in("kim", PASSWORD).await;
        let (browser, id) = (answer.browser(), answer.text("/session_id").parse().unwrap());
        let As::Browser { cookie, .. } = browser.clone() else { panic!("no browser") };
        let used_at = Timestamp::from_millis((Timestamp::now().as_millis() / 1000 - 120) * 1000);
        let anyhow = Timestamp::now().plus_secs(1);
        portal.state.store.touch_session(&id, used_at, anyhow).await.unwrap();
        Self { portal, browser, cookie, id, used_at }
    }

    /// The status of a request whose answer may have no end.
    async fn look(&self, request: http::request::Builder) -> StatusCode {
        let request = request.header(COOKIE, &self.cookie).body(Body::empty()).unwrap();
        crate::router(self.portal.state.clone()).oneshot(request).await.unwrap().status()
    }

    async fn was_used(&self) -> bool {
        let session = self.portal.state.store.session(&self.id).await.unwrap().unwrap();
        session.last_used_at > self.used_at
    }
}

#[tokio::test]
async fn what_pages_ask_by_themselves_is_no_use_of_a_session() {
    let idle = Idle::new().await;
    let poll = Request::builder().uri("/api/v1/apps").header("x-background", "1");
    assert_eq!(idle.look(poll).await, StatusCode::OK);
    assert_eq!(idle.look(Request::builder().uri("/api/v1/events")).await, StatusCode::OK);
    assert!(!idle.was_used().await);
    // A request without the page's own token is nobody's work, either.
    let forged = idle.look(Request::builder().method(Method::PUT).uri("/api/v1/preferences")).await;
    assert_eq!(forged, StatusCode::FORBIDDEN);
    assert!(!idle.was_used().await);
    assert_eq!(idle.look(Request::builder().uri("/api/v1/apps")).await, StatusCode::OK);
    assert!(idle.was_used().await);
}

#[tokio::test]
async fn the_idle_end_is_shown_and_moves_when_its_person_extends_it() {
    let idle = Idle::new().await;
    let end = |json: &serde_json::Value| -> Timestamp {
        serde_json::from_value(json["idle_ends_at"].clone()).unwrap()
    };
    let poll = Request::builder().uri(SESSION).header("x-background", "1").header(COOKIE, &idle.cookie);
    let before = end(&idle.portal.send(poll.body(Body::empty()).unwrap()).await.json);
    // Twelve hours, and the minute by which a use may be on record late.
    assert_eq!(before, idle.used_at.plus_secs(12 * 3600 + 60));
    let path = "/api/v1/session/extend";
    let extended = idle.portal.ask(&idle.browser, Method::POST, path, None).await;
    assert_eq!(extended.status, StatusCode::OK);
    assert!(end(&extended.json) >= before.plus_secs(119), "{extended:?}");

    let token = idle.portal.token(&idle.browser).await;
    let shown = idle.portal.ask(&token, Method::GET, SESSION, None).await;
    assert!(shown.json["idle_ends_at"].is_null());
    for (caller, expected) in [(As::Anybody, 401), (token, 403)] {
        let refused = idle.portal.ask(&caller, Method::POST, path, None).await;
        assert_eq!(refused.status.as_u16(), expected, "{refused:?}");
    }
    idle.portal.state.access.sessions.end_all(&shown.text("/user/id").parse().unwrap(), None).await.unwrap();
    let over = idle.portal.ask(&idle.browser, Method::POST, path, None).await;
    assert_eq!(over.problem(), (401, "unauthenticated".to_owned()));
}
