use std::net::SocketAddr;

use axum::Router;
use http::header::{CONTENT_TYPE, SET_COOKIE, USER_AGENT};
use http::{Method, StatusCode};
use myksc_core::{Timestamp, Translated, User};
use myksc_identity::{OidcConfig, OidcIdentity, OidcTimes};
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;

use crate::testing::{As, PASSWORD, TestPortal};

const SESSIONS: &str = "/api/v1/sessions";

#[tokio::test]
async fn a_person_sees_and_ends_her_own_sessions_alone() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let (here, there) = (portal.browser("kim").await, portal.browser("kim").await);
    let lee = portal.browser("lee").await;
    let list = portal.ask(&here, Method::GET, SESSIONS, None).await;
    let items = list.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items.iter().filter(|item| item["current"] == true).count(), 1);
    let other = items.iter().find(|item| item["current"] == false).unwrap();
    let path = format!("{SESSIONS}/{}", other["id"].as_str().unwrap());

    for refused in [&lee, &As::Anybody] {
        let answer = portal.ask(refused, Method::DELETE, &path, None).await;
        assert!(matches!(answer.status.as_u16(), 401 | 404), "{answer:?}");
    }
    assert_eq!(portal.ask(&there, Method::GET, SESSIONS, None).await.status, StatusCode::OK);
    assert_eq!(portal.ask(&here, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(portal.ask(&there, Method::GET, SESSIONS, None).await.status, StatusCode::UNAUTHORIZED);
    let twice = portal.ask(&here, Method::DELETE, &path, None).await;
    assert_eq!(twice.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn the_list_says_from_where_and_when_somebody_signed_in() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let began = Timestamp::now();
    let body = json!({ "name": "kim", "password": PASSWORD });
    let mut request = TestPortal::request(&As::Anybody, Method::POST, "/api/v1/session", Some(body));
    request.headers_mut().insert(USER_AGENT, "A browser".parse().unwrap());
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 7], 4711)));
    let there = portal.send(request).await.browser();
    portal.pass_secs(120);
    assert_eq!(portal.ask(&there, Method::GET, "/api/v1/apps", None).await.status, StatusCode::OK);
    let list = portal.ask(&there, Method::GET, SESSIONS, None).await;
    let item = &list.json["items"][0];
    assert_eq!((&item["address"], &item["user_agent"]), (&json!("192.0.2.7"), &json!("A browser")));
    let time = |name: &str| serde_json::from_value::<Timestamp>(item[name].clone()).unwrap();
    assert!(began <= time("created_at") && time("created_at") <= Timestamp::now(), "{item}");
    assert!(time("last_used_at") >= began.plus_secs(120), "{item}");
}

#[tokio::test]
async fn sign_out_everywhere_ends_all_of_one_person() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let (here, there) = (portal.browser("kim").await, portal.browser("kim").await);
    let lee = portal.browser("lee").await;
    assert_eq!(portal.ask(&here, Method::DELETE, SESSIONS, None).await.status, StatusCode::NO_CONTENT);
    for browser in [&here, &there] {
        assert_eq!(portal.ask(browser, Method::GET, SESSIONS, None).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(portal.ask(&lee, Method::GET, SESSIONS, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_came_by_a_provider_goes_on_to_sign_out_there_in_whatever_way_she_signs_out() {
    let provider = provider().await;
    let end = format!("{}/logout?", provider.issuer);
    let portal = TestPortal::with_oidc(vec![provider]).await;
    let kim = portal.person("kim").await;
    let of_provider = User {
        id: myksc_core::UserId::random(),
        name: "lee".to_owned(),
        provider: "centre".to_owned(),
        ..kim
    };
    portal.state.store.create_user(&of_provider, None).await.unwrap();
    // It is known where to sign out once somebody signed in.
    portal.state.access.oidc.start("centre", None, None).await.unwrap();
    for path in ["/api/v1/session", SESSIONS, "/api/v1/sessions/ID"] {
        let browser = portal.session("lee").await;
        let session = portal.ask(&browser, Method::GET, "/api/v1/session", None).await;
        let path = path.replace("ID", &session.text("/session_id"));
        let answer = portal.ask(&browser, Method::DELETE, &path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.text("/continue_at").starts_with(&end), "{path} {answer:?}");
        assert!(answer.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"), "{path}");
    }
    let (here, there) = (portal.session("lee").await, portal.session("lee").await);
    let session = portal.ask(&there, Method::GET, "/api/v1/session", None).await;
    let path = format!("{SESSIONS}/{}", session.text("/session_id"));
    let answer = portal.ask(&here, Method::DELETE, &path, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "another browser is no sign-out of this one");
    assert!(!answer.headers.contains_key(SET_COOKIE));
}

/// A provider that says where to sign out of it, on a free port.
async fn provider() -> OidcConfig {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    // One document is its configuration and its keys.
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "keys": [],
    });
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], document.to_string()) };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    OidcConfig {
        id: "centre".to_owned(),
        title: Translated::same("The centre"),
        issuer,
        client_id: "myksc".to_owned(),
        client_secret: SecretString::from("secret"),
        scopes: Vec::new(),
        authorities_pem: None,
        name_claim: "preferred_username".to_owned(),
        identity: OidcIdentity::Directory,
        roles: Vec::new(),
        times: OidcTimes::default(),
    }
}
