use http::{Method, StatusCode};
use serde_json::json;

use crate::testing::{Answer, As, TestPortal};

async fn start(portal: &TestPortal) -> Answer {
    let body = json!({ "client_name": "login node", "scopes": ["read", "jobs"], "expires_in_days": 7 });
    let answer = portal.ask(&As::Anybody, Method::POST, "/api/v1/device", Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer
}

async fn poll(portal: &TestPortal, started: &Answer) -> Answer {
    let body = json!({ "device_code": started.text("/device_code") });
    portal.ask(&As::Anybody, Method::POST, "/api/v1/device/token", Some(body)).await
}

fn path_of(started: &Answer, act: &str) -> String {
    format!("/api/v1/device/{}{act}", started.text("/user_code"))
}

#[tokio::test]
async fn a_command_line_is_let_in_by_the_session_that_approves_it() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let started = start(&portal).await;
    let uri = format!("http://localhost:8080/device?code={}", started.text("/user_code"));
    assert_eq!(started.text("/verification_uri_complete"), uri);
    assert_eq!(poll(&portal, &started).await.problem(), (409, "device_pending".to_owned()));
    let soon = poll(&portal, &started).await;
    assert_eq!(soon.problem(), (429, "too_many".to_owned()));
    assert_eq!(soon.headers["retry-after"], "10");

    let shown = portal.ask(&browser, Method::GET, &path_of(&started, "").to_lowercase(), None).await;
    assert_eq!(shown.text("/client_name"), "login node");
    assert_eq!(shown.json["scopes"], json!(["read", "jobs"]));
    let approved = portal.ask(&browser, Method::POST, &path_of(&started, "/approve"), None).await;
    assert_eq!(approved.status, StatusCode::NO_CONTENT);
    let fetched = poll(&portal, &started).await;
    assert_eq!(fetched.headers["cache-control"], "no-store");
    let token = As::Token(fetched.text("/token"));
    let who = portal.ask(&token, Method::GET, "/api/v1/session", None).await;
    assert_eq!((who.text("/user/name"), &who.json["csrf_token"]), ("kim".to_owned(), &json!(null)));
    assert_eq!(poll(&portal, &started).await.problem(), (409, "device_expired".to_owned()));

    let log = portal.state.store.audit_entries(9).await.unwrap();
    let entry = log.iter().find(|entry| entry.action == "approve_device").unwrap();
    assert_eq!((entry.actor.as_str(), entry.outcome.as_deref()), ("kim", Some("done")));
}

#[tokio::test]
async fn nobody_and_no_token_decides_and_a_refused_command_line_learns_it() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let browser = portal.browser("kim").await;
    let started = start(&portal).await;
    for (caller, expected) in [(As::Anybody, 401), (portal.token(&browser).await, 403)] {
        for (method, act) in [(Method::GET, ""), (Method::POST, "/approve"), (Method::POST, "/deny")] {
            let answer = portal.ask(&caller, method, &path_of(&started, act), None).await;
            assert_eq!(answer.status.as_u16(), expected, "{act}: {answer:?}");
        }
    }
    let denied = portal.ask(&browser, Method::POST, &path_of(&started, "/deny"), None).await;
    assert_eq!(denied.status, StatusCode::NO_CONTENT);
    // What kim refused nobody else can let in.
    let other = portal.browser("lee").await;
    let late = portal.ask(&other, Method::POST, &path_of(&started, "/approve"), None).await;
    assert_eq!(late.problem(), (404, "not_found".to_owned()));
    assert_eq!(poll(&portal, &started).await.problem(), (409, "device_denied".to_owned()));
}

#[tokio::test]
async fn what_no_token_may_be_is_refused_at_once_and_at_last() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let wrong = json!({ "client_name": "", "scopes": [], "expires_in_days": 366 });
    let answer = portal.ask(&As::Anybody, Method::POST, "/api/v1/device", Some(wrong)).await;
    let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["client_name", "expires_in_days", "scopes"]);

    let body = json!({ "client_name": "x", "scopes": ["admin"] });
    let started = portal.ask(&As::Anybody, Method::POST, "/api/v1/device", Some(body)).await;
    let refused = portal.ask(&browser, Method::POST, &path_of(&started, "/approve"), None).await;
    assert_eq!(refused.fields(), [("scopes".to_owned(), "scope_not_allowed".to_owned())]);
    assert_eq!(poll(&portal, &started).await.problem(), (409, "device_pending".to_owned()));
}

#[tokio::test]
async fn codes_cannot_be_guessed_at_leisure() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    for wrong in ["BCDF-GHJK", "%2e%2e", "AAAA-AAAA"] {
        let answer = portal.ask(&browser, Method::GET, &format!("/api/v1/device/{wrong}"), None).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{wrong}");
    }
    let mut last = StatusCode::OK;
    for _ in 0..5 {
        last = portal.ask(&browser, Method::POST, "/api/v1/device/BCDF-GHJK/approve", None).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
