use axum::body::Body;
use http::header::{CACHE_CONTROL, COOKIE, HOST};
use http::{Method, Request};
use myksc_core::Translated;
use myksc_identity::{OidcConfig, OidcIdentity, OidcTimes};
use secrecy::SecretString;

use crate::testing::{Answer, As, TestPortal};

use super::*;

/// A portal with a provider that does not answer.
async fn portal() -> TestPortal {
    let centre = OidcConfig {
        id: "centre".to_owned(),
        title: Translated::same("The centre"),
        issuer: "http://127.0.0.1:1/realms/centre".to_owned(),
        client_id: "myksc".to_owned(),
        client_secret: SecretString::from("secret"),
        scopes: Vec::new(),
        authorities_pem: None,
        name_claim: "preferred_username".to_owned(),
        identity: OidcIdentity::Directory,
        roles: Vec::new(),
        times: OidcTimes::default(),
    };
    TestPortal::with_oidc(vec![centre]).await
}

async fn get(portal: &TestPortal, path: &str) -> Answer {
    portal.ask(&As::Anybody, Method::GET, path, None).await
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_people_on_the_sign_in_page() {
    let portal = portal().await;
    let answer = get(&portal, "/oidc/centre/start?next=%2Fapps%3Fa%3Db").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let expected = "/sign-in?problem=oidc_unavailable&provider=centre&next=%2Fapps%3Fa%3Db";
    assert_eq!(answer.location(), expected);
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    assert!(answer.headers.get(SET_COOKIE).is_none());

    let site = get(&portal, "/api/v1/site").await;
    let ways = site.json["sign_in"].as_array().unwrap();
    let way = ways.iter().find(|way| way["id"] == "centre").unwrap();
    assert_eq!(way["kind"], "redirect");
    assert_eq!(way["available"], false);
    assert_eq!(way["start"], "/oidc/centre/start");
    assert_eq!(get(&portal, "/oidc/other/start").await.location(), "/sign-in");
}

#[tokio::test]
async fn who_comes_back_without_having_begun_is_not_signed_in() {
    let portal = portal().await;
    let path = "/oidc/centre/callback?code=c&state=s&session_state=x";
    let expected = "/sign-in?problem=oidc_state_unknown&provider=centre";
    let strange = format!("{FLOW_COOKIE}={}", "a".repeat(43));
    for cookie in ["", strange.as_str(), "__Host-myksc-oidc=short"] {
        let request = Request::get(path).header(COOKIE, cookie).body(Body::empty()).unwrap();
        let answer = portal.send(request).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, expected));
        assert!(answer.headers.get(SET_COOKIE).is_none());
    }
    let hostile = get(&portal, "/oidc/a%2F..%2F%0d%0aX:%20y/callback").await;
    assert_eq!(hostile.location(), "/sign-in");
}

#[tokio::test]
async fn a_sign_in_begins_under_the_name_that_the_provider_sends_people_back_to() {
    let portal = portal().await;
    for (host, expected) in [
        ("127.0.0.1:8080", "http://localhost:8080/oidc/centre/start?next=%2Fa"),
        ("localhost:8080", "/sign-in?problem=oidc_unavailable&provider=centre&next=%2Fa"),
    ] {
        let request = Request::get("/oidc/centre/start?next=/a").header(HOST, host);
        let answer = portal.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.location(), expected);
    }
}

#[tokio::test]
async fn a_provider_needs_no_page_of_the_portal_to_tell_of_a_logout_but_a_token_that_holds() {
    let portal = portal().await;
    for (path, body, status) in [
        ("/oidc/centre/back-channel-logout", "", 400),
        ("/oidc/centre/back-channel-logout", "logout_token=a&logout_token=b", 400),
        ("/oidc/centre/back-channel-logout", "logout_token=a.b.c", 503),
        ("/oidc/other/back-channel-logout", "logout_token=a.b.c", 404),
    ] {
        let answer = portal.send(Request::post(path).body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    }
    // Everything else still needs one.
    let request = Request::post("/oidc/centre/callback").body(Body::empty()).unwrap();
    assert_eq!(portal.send(request).await.problem().1, "cross_origin");
}
