use http::{Method, StatusCode};
use serde_json::json;

use crate::testing::{As, TestPortal};

const TOKENS: &str = "/api/v1/tokens";

#[tokio::test]
async fn a_token_does_what_its_person_may_but_makes_no_tokens() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let token = portal.token(&browser).await;
    let session = portal.ask(&token, Method::GET, "/api/v1/session", None).await;
    assert_eq!(session.text("/user/name"), "kim");
    assert!(session.json["csrf_token"].is_null() && session.json["session_id"].is_null());
    let body = json!({ "name": "another", "expires_in_days": 1 });
    let answer = portal.ask(&token, Method::POST, TOKENS, Some(body.clone())).await;
    assert_eq!(answer.problem(), (403, "token_cannot_make_tokens".to_owned()));
    let answer = portal.ask(&token, Method::DELETE, "/api/v1/session", None).await;
    assert_eq!(answer.problem(), (403, "token_has_no_session".to_owned()));
    let answer = portal.ask(&As::Anybody, Method::POST, TOKENS, Some(body)).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn a_token_is_listed_without_its_secret_and_deleted_by_its_person_alone() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let (kim, lee) = (portal.browser("kim").await, portal.browser("lee").await);
    let token = portal.token(&kim).await;
    let As::Token(text) = &token else { panic!("no token") };
    let list = portal.ask(&kim, Method::GET, TOKENS, None).await;
    let secret = text.rsplit('_').next().unwrap();
    assert!(!list.json.to_string().contains(secret));
    let path = format!("{TOKENS}/{}", list.text("/items/0/id"));
    assert_eq!(portal.ask(&lee, Method::GET, TOKENS, None).await.json["items"], json!([]));
    let answer = portal.ask(&lee, Method::DELETE, &path, None).await;
    assert_eq!(answer.problem(), (404, "not_found".to_owned()));
    assert_eq!(portal.ask(&kim, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(portal.ask(&token, Method::GET, TOKENS, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let kim = portal.browser("kim").await;
    let cases = [
        (json!({ "name": "", "expires_in_days": 0 }), vec!["name", "expires_in_days"]),
        (json!({ "name": "a", "expires_in_days": 366 }), vec!["expires_in_days"]),
        (json!({ "name": "a", "expires_in_days": -1 }), vec!["expires_in_days"]),
        (json!({ "name": "a" }), vec!["expires_in_days"]),
    ];
    for (body, expected) in cases {
        let answer = portal.ask(&kim, Method::POST, TOKENS, Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, expected);
    }
}
