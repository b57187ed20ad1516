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
    assert_eq!(answer.problem(), (403, "session_needed".to_owned()));
    let own = portal.ask(&browser, Method::GET, TOKENS, None).await.text("/items/0/id");
    portal.token(&browser).await;
    let other = portal.ask(&browser, Method::GET, TOKENS, None).await;
    let other =
        other.json["items"].as_array().unwrap().iter().find(|item| item["id"] != own.as_str()).unwrap();
    let path = format!("{TOKENS}/{}", other["id"].as_str().unwrap());
    let answer = portal.ask(&token, Method::DELETE, &path, None).await;
    assert_eq!(answer.problem(), (404, "not_found".to_owned()));
    let answer = portal.ask(&token, Method::DELETE, "/api/v1/session", None).await;
    assert_eq!(answer.problem(), (403, "session_needed".to_owned()));
    let answer = portal.ask(&As::Anybody, Method::POST, TOKENS, Some(body)).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    let answer = portal.ask(&token, Method::DELETE, &format!("{TOKENS}/{own}"), None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_token_shows_its_scopes_and_networks_and_does_no_more_than_they_say() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let kim = portal.browser("kim").await;
    let body = json!({
        "name": "reader", "expires_in_days": 1, "scopes": ["read"], "networks": ["0.0.0.0", "192.0.2.7/24"],
    });
    let made = portal.ask(&kim, Method::POST, TOKENS, Some(body)).await;
    assert_eq!(
        (&made.json["scopes"], &made.json["networks"]),
        (&json!(["read"]), &json!(["0.0.0.0/32", "192.0.2.0/24"]))
    );
    let token = As::Token(made.text("/token"));
    assert_eq!(portal.ask(&token, Method::GET, "/api/v1/apps", None).await.status, StatusCode::OK);
    let answer = portal.ask(&token, Method::GET, "/api/v1/files/roots", None).await;
    assert_eq!(answer.problem(), (403, "scope_missing".to_owned()));
    assert_eq!(answer.json["params"]["scopes"], json!(["files"]));
    let answer = portal.ask(&token, Method::GET, "/open/aaaaaaaaaaaaaaaa", None).await;
    assert_eq!(answer.problem(), (403, "session_needed".to_owned()));
    let list = portal.ask(&kim, Method::GET, TOKENS, None).await;
    assert_eq!(list.json["items"][0]["last_used_address"], "0.0.0.0");

    let body = json!({ "name": "far", "expires_in_days": 1, "networks": ["192.0.2.0/24"] });
    let far = As::Token(portal.ask(&kim, Method::POST, TOKENS, Some(body)).await.text("/token"));
    let (far, unknown) = (
        portal.ask(&far, Method::GET, "/api/v1/apps", None).await,
        portal.ask(&As::Token("myksc_x".to_owned()), Method::GET, "/api/v1/apps", None).await,
    );
    assert_eq!((far.problem(), &far.json["detail"]), (unknown.problem(), &unknown.json["detail"]));
    assert_eq!(far.problem().0, 401);
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
    let secret = text.splitn(3, '_').nth(2).unwrap();
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
        (json!({ "name": "a", "expires_in_days": 1, "scopes": [] }), vec!["scopes"]),
        (json!({ "name": "a", "expires_in_days": 1, "scopes": ["admin"] }), vec!["scopes"]),
        (json!({ "name": "a", "expires_in_days": 1, "networks": ["x"] }), vec!["networks[0]"]),
    ];
    for (body, expected) in cases {
        let answer = portal.ask(&kim, Method::POST, TOKENS, Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, expected);
    }
}
