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
    assert_eq!(answer.problem(), (403, "token_cannot_change_password".to_owned()));
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
