use http::{Method, StatusCode};
use serde_json::json;

use crate::testing::{As, PASSWORD, TestPortal};

const PATH: &str = "/api/v1/password";

#[tokio::test]
async fn the_password_changes_with_the_present_one_and_not_with_a_token() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let (here, there) = (portal.browser("kim").await, portal.browser("kim").await);
    let token = portal.token(&here).await;
    let body = |current: &str, new: &str| Some(json!({ "current": current, "new": new }));

    let answer = portal.ask(&As::Anybody, Method::PUT, PATH, body(PASSWORD, "new password")).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    let answer = portal.ask(&token, Method::PUT, PATH, body(PASSWORD, "new password")).await;
    assert_eq!(answer.problem(), (403, "session_needed".to_owned()));
    let answer = portal.ask(&here, Method::PUT, PATH, body("wrong", "new password")).await;
    assert_eq!(answer.fields(), [("current".to_owned(), "password_wrong".to_owned())]);
    let answer = portal.ask(&here, Method::PUT, PATH, body(PASSWORD, "short")).await;
    assert_eq!(answer.fields(), [("new".to_owned(), "password_too_short".to_owned())]);

    let answer = portal.ask(&here, Method::PUT, PATH, body(PASSWORD, "new password")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let session = "/api/v1/session";
    assert_eq!(portal.ask(&here, Method::GET, session, None).await.status, StatusCode::OK);
    assert_eq!(portal.ask(&there, Method::GET, session, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(portal.sign_in("kim", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(portal.sign_in("kim", "new password").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_callers_tokens_and_nobody_elses_end_with_the_password_unless_she_keeps_them() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let here = portal.browser("kim").await;
    let of_kim = portal.token(&here).await;
    let of_lee = portal.token(&portal.browser("lee").await).await;
    let status = async |who: &As| portal.ask(who, Method::GET, "/api/v1/session", None).await.status;

    let keep = json!({ "current": PASSWORD, "new": "new password", "revoke_tokens": false });
    let answer = portal.ask(&here, Method::PUT, PATH, Some(keep)).await;
    assert_eq!((answer.status, status(&of_kim).await), (StatusCode::NO_CONTENT, StatusCode::OK));
    let wrong = json!({ "current": "wrong", "new": "newer password" });
    assert_eq!(portal.ask(&here, Method::PUT, PATH, Some(wrong)).await.problem().0, 422);
    assert_eq!(status(&of_kim).await, StatusCode::OK);
    let change = json!({ "current": "new password", "new": "newer password" });
    let answer = portal.ask(&here, Method::PUT, PATH, Some(change)).await;
    assert_eq!((answer.status, status(&of_kim).await), (StatusCode::NO_CONTENT, StatusCode::UNAUTHORIZED));
    assert_eq!((status(&here).await, status(&of_lee).await), (StatusCode::OK, StatusCode::OK));
}
