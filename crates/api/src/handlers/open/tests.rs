use http::{Method, StatusCode};
use myksc_core::AppId;
use myksc_core::secret::{Secret, SecretHash};
use serde_json::json;

use super::*;
use crate::testing::{As, TestPortal};

/// Ticket and place of an address into an app, which must be of the app's own origin.
fn parse_entry<'a>(address: &'a str, app: &AppId) -> (&'a str, &'a str) {
    let query = address.strip_prefix(&format!("http://{app}.localhost:8080/.myksc/enter?ticket="));
    query.and_then(|query| query.split_once("&to=")).unwrap_or_else(|| panic!("{address}"))
}

#[test]
fn only_a_place_below_the_apps_own_origin_is_kept() {
    let long = format!("/{}", "x".repeat(MAX_TO_BYTES));
    for to in ["//evil.example", "https://evil.example", "/\\evil.example", "", "lab", "/a\r\nb", &long] {
        assert_eq!(place_in_app(Some(to)), "/", "{to:?}");
    }
    assert_eq!(place_in_app(None), "/");
    assert_eq!(place_in_app(Some("/lab/tree/%EA%B0%80.ipynb?a=b//c")), "/lab/tree/%EA%B0%80.ipynb?a=b//c");
}

#[tokio::test]
async fn the_owner_s_browser_is_sent_on_with_a_ticket_for_its_nonce() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let app = portal.app(&kim).await;
    let browser = portal.browser("kim").await;
    let nonce = Secret::random();
    let path = format!("/open/{app}?n={}&to=%2Flab%3Fa%3Db", nonce.hash().to_hex());
    let answer = portal.ask(&browser, Method::GET, &path, None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let (ticket, to) = parse_entry(answer.location(), &app);
    assert_eq!(to, "%2Flab%3Fa%3Db");
    let tickets = &portal.state.access.tickets;
    let (_, grant) = tickets.redeem(ticket, &app, Some(nonce.hash())).await.unwrap().unwrap();
    assert_eq!((grant.app, grant.user), (app, kim.id));
}

#[tokio::test]
async fn who_is_not_signed_in_is_sent_to_sign_in_and_back() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let app = portal.app(&kim).await;
    let answer = portal.ask(&As::Anybody, Method::GET, &format!("/open/{app}?n=00&to=/lab"), None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), format!("/sign-in?next=%2Fopen%2F{app}%3Fn%3D00%26to%3D%2Flab"));
}

#[tokio::test]
async fn another_person_s_app_and_none_are_not_found() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    portal.person("lee").await;
    let app = portal.app(&kim).await;
    let lee = portal.browser("lee").await;
    let none = AppId::random().to_string();
    for id in [app.as_str(), none.as_str(), "x", "..%2F"] {
        let path = format!("/open/{id}?n={}", SecretHash::of("nonce").to_hex());
        assert_eq!(portal.ask(&lee, Method::GET, &path, None).await.status, StatusCode::NOT_FOUND, "{id}");
        let path = format!("/api/v1/apps/{id}/tickets");
        let answer = portal.ask(&lee, Method::POST, &path, Some(json!({}))).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{id}");
    }
}

#[tokio::test]
async fn without_a_nonce_the_app_s_own_host_is_asked_for_one() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let app = portal.app(&kim).await;
    let browser = portal.browser("kim").await;
    for query in ["", "?n=", "?n=zz", "?n=00"] {
        let answer = portal.ask(&browser, Method::GET, &format!("/open/{app}{query}"), None).await;
        assert_eq!(answer.location(), format!("http://{app}.localhost:8080/"));
    }
}

#[tokio::test]
async fn a_ticket_of_the_command_line_opens_the_app_until_the_token_goes() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let app = portal.app(&kim).await;
    let browser = portal.browser("kim").await;
    let token = portal.token(&browser).await;
    let path = format!("/api/v1/apps/{app}/tickets");
    let answer = portal.ask(&token, Method::POST, &path, Some(json!({ "to": "/lab" }))).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let url = answer.text("/url");
    let (ticket, to) = parse_entry(&url, &app);
    assert_eq!(to, "%2Flab");
    let tickets = &portal.state.access.tickets;
    let (secret, _) = tickets.redeem(ticket, &app, None).await.unwrap().unwrap();
    assert!(tickets.find_grant(&secret.hash()).await.unwrap().is_some());

    let list = portal.ask(&browser, Method::GET, "/api/v1/tokens", None).await;
    let path = format!("/api/v1/tokens/{}", list.text("/items/0/id"));
    assert_eq!(portal.ask(&browser, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(tickets.find_grant(&secret.hash()).await.unwrap().is_none());
}
