use http::{Method, StatusCode};
use myksc_identity::FactorRule;
use serde_json::{Value, json};

use crate::testing::{Answer, As, AuthenticatorApp, Key, PASSWORD, TestPortal};

const FACTORS: &str = "/api/v1/factors";

async fn post(portal: &TestPortal, caller: &As, path: &str, body: Value) -> Answer {
    portal.ask(caller, Method::POST, &format!("/api/v1/{path}"), Some(body)).await
}

/// What everybody shows before a change.
fn proof() -> Value {
    json!({ "password": PASSWORD })
}

async fn remove(portal: &TestPortal, browser: &As, passkey: &str, proof: Value) -> Answer {
    post(portal, browser, &format!("factors/passkeys/{passkey}/remove"), proof).await
}

/// Adds a key to somebody's account.
async fn added(portal: &TestPortal, browser: &As, key: &mut Key) -> Answer {
    let body = json!({ "name": "책상 열쇠", "proof": proof() });
    let options = post(portal, browser, "factors/passkeys/options", body).await;
    assert_eq!(options.status, StatusCode::OK, "{options:?}");
    post(portal, browser, "factors/passkeys", key.create(&options.json)).await
}

async fn shown(portal: &TestPortal, pending: &As, key: &mut Key) -> Answer {
    let options = portal.ask(pending, Method::POST, "/api/v1/sign-in/passkey/options", None).await;
    assert_eq!(options.status, StatusCode::OK, "{options:?}");
    post(portal, pending, "sign-in/passkey", key.get(&options.json)).await
}

fn passkey_wrong() -> Vec<(String, String)> {
    vec![("credential".to_owned(), "passkey_wrong".to_owned())]
}

#[tokio::test]
async fn an_app_is_enrolled_by_password_and_removed_by_a_code() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let none = portal.ask(&browser, Method::GET, FACTORS, None).await;
    assert_eq!(
        none.json,
        json!({ "totp": null, "recovery_codes_left": 0, "passkeys": [], "required": false })
    );
    let wrong = post(&portal, &browser, "factors/totp", json!({ "password": "wrong" })).await;
    assert_eq!(wrong.fields(), [("password".to_owned(), "password_wrong".to_owned())]);
    let new = post(&portal, &browser, "factors/totp", json!({ "password": PASSWORD })).await;
    let app = AuthenticatorApp::with(&new.text("/secret"));
    let other = portal.browser("kim").await;
    let code = json!({ "code": app.code(&portal) });
    let elsewhere = post(&portal, &other, "factors/totp/confirm", code.clone()).await;
    assert_eq!(elsewhere.problem(), (409, "factor_not_begun".to_owned()));
    let done = post(&portal, &browser, "factors/totp/confirm", code.clone()).await;
    let recovery = done.json["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(recovery.len(), 10);
    let used = post(&portal, &browser, "factors/totp/remove", code).await;
    assert_eq!(used.fields(), [("code".to_owned(), "code_wrong".to_owned())]);
    let renewed = post(&portal, &browser, "factors/recovery-codes", json!({ "code": recovery[0] })).await;
    assert_eq!(renewed.status, StatusCode::OK, "{renewed:?}");
    portal.pass_secs(30);
    let code = json!({ "code": app.code(&portal) });
    let gone = post(&portal, &browser, "factors/totp/remove", code).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(portal.ask(&browser, Method::GET, FACTORS, None).await.json, none.json);
    assert_eq!(portal.sign_in("kim", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn factors_are_shown_and_changed_by_their_person_in_a_browser_alone() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let (kim, lee) = (portal.browser("kim").await, portal.browser("lee").await);
    let passkey = added(&portal, &kim, &mut Key::new()).await.text("/id");
    let token = portal.token(&kim).await;
    let operations = [
        (Method::GET, "factors".to_owned()),
        (Method::POST, "factors/totp".to_owned()),
        (Method::POST, "factors/totp/confirm".to_owned()),
        (Method::POST, "factors/totp/remove".to_owned()),
        (Method::POST, "factors/recovery-codes".to_owned()),
        (Method::POST, "factors/passkeys/options".to_owned()),
        (Method::POST, "factors/passkeys".to_owned()),
        (Method::POST, format!("factors/passkeys/{passkey}/remove")),
    ];
    for (method, path) in operations {
        let body = (method == Method::POST).then(|| json!({ "password": PASSWORD }));
        let path = format!("/api/v1/{path}");
        let answer = portal.ask(&As::Anybody, method.clone(), &path, body.clone()).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{path}");
        let answer = portal.ask(&token, method, &path, body).await;
        assert_eq!(answer.problem(), (403, "session_needed".to_owned()), "{path}");
    }
    let answer = remove(&portal, &lee, &passkey, proof()).await;
    assert_eq!(answer.problem(), (404, "not_found".to_owned()));
    assert_eq!(remove(&portal, &kim, &passkey, proof()).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_passkey_lets_its_person_in_and_each_answer_once() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let mut key = Key::new();
    let answer = added(&portal, &browser, &mut key).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(
        (answer.text("/name"), answer.json["recovery_codes"].as_array().unwrap().len()),
        ("책상 열쇠".to_owned(), 10)
    );
    let waits = portal.sign_in("kim", PASSWORD).await;
    assert_eq!(waits.json["factors"], json!(["recovery_code", "passkey"]));
    let pending = waits.pending();
    let options = portal.ask(&pending, Method::POST, "/api/v1/sign-in/passkey/options", None).await;
    assert_eq!(options.text("/publicKey/rpId"), "localhost");
    assert_eq!(options.text("/publicKey/userVerification"), "preferred");
    let shown_once = key.get(&options.json);
    let opened = post(&portal, &pending, "sign-in/passkey", shown_once.clone()).await;
    assert_eq!((opened.status, opened.text("/user/name")), (StatusCode::OK, "kim".to_owned()));
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let replayed = post(&portal, &pending, "sign-in/passkey", shown_once.clone()).await;
    assert_eq!(replayed.problem(), (409, "factor_not_begun".to_owned()));
    portal.ask(&pending, Method::POST, "/api/v1/sign-in/passkey/options", None).await;
    let replayed = post(&portal, &pending, "sign-in/passkey", shown_once).await;
    assert_eq!(replayed.fields(), passkey_wrong());
    assert_eq!(shown(&portal, &pending, &mut key).await.status, StatusCode::OK);
    let factors = portal.ask(&browser, Method::GET, FACTORS, None).await;
    assert!(factors.json["passkeys"][0]["last_used_at"].is_string(), "{factors:?}");
}

#[tokio::test]
async fn a_passkey_of_another_page_another_person_or_a_copied_key_lets_nobody_in() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let (kim, lee) = (portal.browser("kim").await, portal.browser("lee").await);
    let (mut key, mut of_lee) = (Key::new(), Key::new());
    assert_eq!(added(&portal, &kim, &mut key).await.status, StatusCode::CREATED);
    assert_eq!(added(&portal, &lee, &mut of_lee).await.status, StatusCode::CREATED);
    assert_eq!(added(&portal, &lee, &mut key).await.problem(), (409, "passkey_taken".to_owned()));

    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    assert_eq!(shown(&portal, &pending, &mut of_lee).await.fields(), passkey_wrong());
    key.origin = "http://localhost.evil.example".to_owned();
    assert_eq!(shown(&portal, &pending, &mut key).await.fields(), passkey_wrong());
    key.origin = "http://axxxxxxxxxxxxxxx.localhost:8080".to_owned();
    assert_eq!(shown(&portal, &pending, &mut key).await.fields(), passkey_wrong());
    key.origin = crate::testing::PORTAL.to_owned();
    // A copy of the key that fell behind.
    let counter = std::mem::take(&mut key.counter);
    assert_eq!(shown(&portal, &pending, &mut key).await.fields(), passkey_wrong());
    key.counter = counter;
    let garbage = json!({ "credential": { "id": "x" } });
    portal.ask(&pending, Method::POST, "/api/v1/sign-in/passkey/options", None).await;
    let answer = post(&portal, &pending, "sign-in/passkey", garbage).await;
    assert_eq!(answer.fields(), [("credential".to_owned(), "value_invalid".to_owned())]);
    assert_eq!(shown(&portal, &pending, &mut key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_a_factor_is_demanded_one_of_two_can_be_removed_and_the_other_not() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let first = added(&portal, &browser, &mut Key::new()).await.text("/id");
    let again = added(&portal, &browser, &mut Key::new()).await;
    assert_eq!(again.json["recovery_codes"], json!([]));
    drop(portal);

    let portal = TestPortal::with_factors(FactorRule::Required).await;
    portal.person("kim").await;
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let new = portal.ask(&pending, Method::POST, "/api/v1/sign-in/enrolment", None).await;
    let app = AuthenticatorApp::with(&new.text("/secret"));
    let body = json!({ "code": app.code(&portal) });
    let done = post(&portal, &pending, "sign-in/enrolment/confirm", body).await;
    let cookie = done.headers[http::header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let browser = As::Browser { cookie, csrf_token: done.text("/session/csrf_token") };
    let passkey = added(&portal, &browser, &mut Key::new()).await.text("/id");
    assert_ne!(passkey, first);
    portal.pass_secs(30);
    let body = json!({ "code": app.code(&portal) });
    let removed = post(&portal, &browser, "factors/totp/remove", body).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{removed:?}");
    let last = remove(&portal, &browser, &passkey, proof()).await;
    assert_eq!(last.problem(), (409, "factor_required".to_owned()));
    portal.sign_in("kim", PASSWORD).await.pending();
}

#[tokio::test]
async fn a_passkey_comes_and_goes_with_a_password_or_a_code_alone() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let answer = added(&portal, &browser, &mut Key::new()).await;
    let (passkey, code) = (answer.text("/id"), answer.text("/recovery_codes/0"));
    let wrong = [
        (json!({ "password": "wrong" }), "password", "password_wrong"),
        (json!({ "code": "000000" }), "code", "code_wrong"),
    ];
    for (proof, field, reason) in wrong {
        let refused = [(field.to_owned(), reason.to_owned())];
        let begin = json!({ "name": "key", "proof": proof });
        let begun = post(&portal, &browser, "factors/passkeys/options", begin).await;
        assert_eq!(begun.fields(), refused);
        assert_eq!(remove(&portal, &browser, &passkey, proof).await.fields(), refused);
    }
    for proof in [json!({}), json!({ "password": PASSWORD, "code": code })] {
        let refused = remove(&portal, &browser, &passkey, proof).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    }
    let bare = post(&portal, &browser, "factors/passkeys/options", json!({ "name": "key" })).await;
    assert_eq!(bare.status, StatusCode::UNPROCESSABLE_ENTITY, "{bare:?}");
    // What was not begun can't be ended.
    let late = post(&portal, &browser, "factors/passkeys", json!({ "credential": {} })).await;
    assert_eq!(late.problem(), (409, "factor_not_begun".to_owned()));
    let gone = remove(&portal, &browser, &passkey, json!({ "code": code })).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
}

#[tokio::test]
async fn a_passkey_needs_a_name() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    for name in ["", "  ", "a\nb", "x".repeat(61).as_str()] {
        let body = json!({ "name": name, "proof": proof() });
        let answer = post(&portal, &browser, "factors/passkeys/options", body).await;
        assert_eq!(answer.fields(), [("name".to_owned(), "passkey_name_invalid".to_owned())], "{name:?}");
    }
}
