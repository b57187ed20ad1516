use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use myksc_core::Role;
use serde_json::{Value, json};

use crate::testing::{As, AuthenticatorApp, PASSWORD, TestPortal};

const AUDIT: &str = "/api/v1/audit";

/// The log as an operator takes it away, line by line.
async fn exported(portal: &TestPortal, operator: &As, query: &str) -> Vec<Value> {
    let path = format!("{AUDIT}/export{query}");
    let response = portal.open(TestPortal::request(operator, Method::GET, &path, None)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_log_is_searched_page_by_page_and_exported_whole() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    for number in 0..3 {
        portal.sign_in("kim", &format!("wrong password {number}")).await;
    }
    let first = portal.ask(&operator, Method::GET, &format!("{AUDIT}?actor=kim&limit=2&object="), None).await;
    assert_eq!(first.json["items"].as_array().unwrap().len(), 2, "{first:?}");
    assert_eq!(first.json["items"][0]["outcome"], "wrong_credentials");
    let next = format!("{AUDIT}?actor=kim&limit=2&cursor={}", first.text("/next_cursor"));
    let second = portal.ask(&operator, Method::GET, &next, None).await;
    assert_eq!(
        (second.json["items"].as_array().unwrap().len(), &second.json["next_cursor"]),
        (1, &json!(null))
    );
    for query in ["cursor=x", "from=yesterday", "limit=-1"] {
        let answer = portal.ask(&operator, Method::GET, &format!("{AUDIT}?{query}"), None).await;
        assert_eq!(answer.problem().0, 422, "{query}");
    }
    let strange = portal.ask(&operator, Method::GET, &format!("{AUDIT}?actor=%00&outcome="), None).await;
    assert_eq!(strange.json["items"], json!([]));

    let lines = exported(&portal, &operator, "").await;
    let ids: Vec<_> = lines.iter().map(|line| line["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted() && lines.len() == 4, "{lines:?}");
    assert_eq!((&lines[3]["actor"], &lines[3]["action"]), (&json!("choi"), &json!("export_audit")));
    assert_eq!(exported(&portal, &operator, "?action=sign_in").await.len(), 3);
    assert_eq!(exported(&portal, &operator, "?to=2000-01-01T00:00:00Z").await.len(), 0);
}

#[tokio::test]
async fn no_secret_of_a_whole_session_stands_in_the_log() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    portal.person("kim").await;
    let mut secrets = vec![PASSWORD.to_owned(), "marked-wrong-1".to_owned(), "marked-new-2".to_owned()];
    portal.sign_in("kim", "marked-wrong-1").await;
    portal.sign_in("Marked-Wrong-1 typed as a name", "marked-wrong-1").await;
    let kim = portal.browser("kim").await;
    let token = portal.token(&kim).await;
    let change = json!({ "current": PASSWORD, "new": "marked-new-2", "revoke_tokens": false });
    let changed = portal.ask(&kim, Method::PUT, "/api/v1/password", Some(change)).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    let wrong = json!({ "current": "marked-wrong-1", "new": "marked-new-2" });
    portal.ask(&kim, Method::PUT, "/api/v1/password", Some(wrong)).await;
    let owner = portal.state.access.accounts.by_name("kim").await.unwrap();
    let app = portal.app(&owner).await;
    let ticket =
        portal.ask(&token, Method::POST, &format!("/api/v1/apps/{app}/tickets"), Some(json!({}))).await;
    let ticket = ticket.text("/url");
    secrets.push(ticket.split_once("ticket=").unwrap().1.split('&').next().unwrap().to_owned());
    let enrolment = json!({ "password": "marked-new-2" });
    let enrolment = portal.ask(&kim, Method::POST, "/api/v1/factors/totp", Some(enrolment)).await;
    secrets.push(enrolment.text("/secret"));
    portal.ask(&kim, Method::POST, "/api/v1/factors/totp/confirm", Some(json!({ "code": "918273" }))).await;
    secrets.push("918273".to_owned());
    portal.ask(&kim, Method::DELETE, "/api/v1/session", None).await;
    if let As::Browser { cookie, csrf_token } = kim {
        secrets.extend([cookie.split_once('=').unwrap().1.to_owned(), csrf_token]);
    }
    if let As::Token(token) = token {
        secrets.push(secret_of(&token));
    }

    let actions = ["sign_in", "create_token", "change_password", "open_app", "sign_out"];
    assert_log_has(&portal, &operator, &actions, &secrets).await;
}

#[tokio::test]
async fn no_secret_of_a_second_step_or_of_a_device_stands_in_the_log() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    portal.person("kim").await;
    let kim = portal.browser("kim").await;
    let post = async |caller: &As, path: &str, body: Value| {
        let answer = portal.ask(caller, Method::POST, &format!("/api/v1/{path}"), Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer
    };
    let begun = post(&kim, "factors/totp", json!({ "password": PASSWORD })).await;
    let code = AuthenticatorApp::with(&begun.text("/secret")).code(&portal);
    let enrolled = post(&kim, "factors/totp/confirm", json!({ "code": code })).await;
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let recovery_code = enrolled.text("/recovery_codes/0");
    post(&pending, "sign-in/recovery-code", json!({ "code": recovery_code })).await;
    let wish = json!({ "client_name": "login node", "scopes": ["read"], "expires_in_days": 7 });
    let device = post(&As::Anybody, "device", wish).await;
    post(&kim, &format!("device/{}/approve", device.text("/user_code")), json!({})).await;
    let device_code = device.text("/device_code");
    let fetched = post(&As::Anybody, "device/token", json!({ "device_code": device_code })).await;

    let mut secrets = vec![begun.text("/secret"), device_code, secret_of(&fetched.text("/token"))];
    secrets.extend((0..10).map(|number| enrolled.text(&format!("/recovery_codes/{number}"))));
    let actions = ["begin_factor", "enrol_factor", "sign_in_factor", "approve_device"];
    assert_log_has(&portal, &operator, &actions, &secrets).await;
}

/// What of an API token opens anything.
fn secret_of(token: &str) -> String {
    token.splitn(3, '_').nth(2).unwrap().to_owned()
}

/// Whether the log tells of these acts, and no secret.
async fn assert_log_has(portal: &TestPortal, operator: &As, actions: &[&str], secrets: &[String]) {
    let lines = exported(portal, operator, "").await;
    let told: Vec<_> = lines.iter().filter_map(|line| line["action"].as_str()).collect();
    for action in actions {
        assert!(told.contains(action), "{action}: {told:?}");
    }
    let log = serde_json::to_string(&lines).unwrap().to_lowercase();
    for secret in secrets {
        assert!(!log.contains(&secret.to_lowercase()), "{secret}: {log}");
    }
}
