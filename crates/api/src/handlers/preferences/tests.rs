use http::{Method, StatusCode};
use myksc_core::AppPhase;
use serde_json::json;

use crate::testing::{As, TestPortal};

const PREFERENCES: &str = "/api/v1/preferences";

async fn choose(portal: &TestPortal, browser: &As, at_sign_out: &str) {
    let chosen = json!({ "apps_at_sign_out": at_sign_out });
    let answer = portal.ask(browser, Method::PUT, PREFERENCES, Some(chosen.clone())).await;
    assert_eq!((answer.status, answer.json), (StatusCode::OK, chosen));
}

#[tokio::test]
async fn apps_are_stopped_at_sign_out_by_whoever_chose_so_and_by_nobody_else() {
    for (path, at_sign_out, goes_on) in [
        ("/api/v1/session", "keep", true),
        ("/api/v1/session", "stop", false),
        ("/api/v1/sessions", "stop", false),
        ("/api/v1/sessions/ID", "keep", true),
        ("/api/v1/sessions/ID", "stop", false),
    ] {
        let portal = TestPortal::new().await;
        let (kim, lee) = (portal.person("kim").await, portal.person("lee").await);
        let (of_kim, of_lee) = (portal.app(&kim).await, portal.app(&lee).await);
        let browser = portal.browser("kim").await;
        choose(&portal, &browser, at_sign_out).await;
        let chosen = portal.state.store.audit_entries(1).await.unwrap().remove(0);
        assert_eq!((chosen.action, chosen.outcome), ("set_preferences".to_owned(), Some("done".to_owned())));
        assert_eq!(chosen.object, format!("apps at sign-out: {at_sign_out}"));
        let shown = portal.ask(&browser, Method::GET, PREFERENCES, None).await;
        assert_eq!(shown.json, json!({ "apps_at_sign_out": at_sign_out }));
        let session = portal.ask(&browser, Method::GET, "/api/v1/session", None).await;
        let path = path.replace("ID", &session.text("/session_id"));
        let answer = portal.ask(&browser, Method::DELETE, &path, None).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let is_ready =
            async |owner, app| portal.state.apps.get(owner, app).await.unwrap().phase == AppPhase::Ready;
        assert_eq!(is_ready(&kim, &of_kim).await, goes_on, "{path} {at_sign_out}");
        assert!(is_ready(&lee, &of_lee).await);
    }
}

#[tokio::test]
async fn ending_another_session_and_a_session_s_own_end_stop_nothing() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let app = portal.app(&kim).await;
    let (here, there) = (portal.browser("kim").await, portal.browser("kim").await);
    choose(&portal, &here, "stop").await;
    let shown = portal.ask(&there, Method::GET, "/api/v1/session", None).await;
    let path = format!("/api/v1/sessions/{}", shown.text("/session_id"));
    assert_eq!(portal.ask(&here, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    portal.state.access.sessions.end_all(&kim.id, None).await.unwrap();
    portal.state.access.sweep().await.unwrap();
    assert_eq!(portal.state.apps.get(&kim, &app).await.unwrap().phase, AppPhase::Ready);
}

#[tokio::test]
async fn preferences_are_for_sessions_and_make_sense() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let token = portal.token(&browser).await;
    for (caller, expected) in [(As::Anybody, 401), (token, 403)] {
        for (method, body) in
            [(Method::GET, None), (Method::PUT, Some(json!({ "apps_at_sign_out": "stop" })))]
        {
            let answer = portal.ask(&caller, method, PREFERENCES, body).await;
            assert_eq!(answer.status.as_u16(), expected, "{answer:?}");
        }
    }
    for wrong in [json!({}), json!({ "apps_at_sign_out": "burn" }), json!({ "theme": "dark" })] {
        let answer = portal.ask(&browser, Method::PUT, PREFERENCES, Some(wrong)).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    }
    let shown = portal.ask(&browser, Method::GET, PREFERENCES, None).await;
    assert_eq!(shown.json, json!({ "apps_at_sign_out": "keep" }));
}
