use http::header::SET_COOKIE;
use http::{Method, StatusCode};
use myksc_identity::FactorRule;
use serde_json::{Value, json};

use crate::testing::{Answer, As, AuthenticatorApp, PASSWORD, TestPortal};

const SIGN_IN: &str = "/api/v1/sign-in";
const SESSION: &str = "/api/v1/session";

/// Enrols an app for somebody who is signed in; the clock moves on to its next code.
async fn enrolled(portal: &TestPortal, browser: &As) -> (AuthenticatorApp, Vec<Value>) {
    let body = Some(json!({ "password": PASSWORD }));
    let new = portal.ask(browser, Method::POST, "/api/v1/factors/totp", body).await;
    let app = AuthenticatorApp::with(&new.text("/secret"));
    let body = Some(json!({ "code": app.code(portal) }));
    let done = portal.ask(browser, Method::POST, "/api/v1/factors/totp/confirm", body).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    portal.pass_secs(30);
    (app, done.json["recovery_codes"].as_array().unwrap().clone())
}

async fn give(portal: &TestPortal, caller: &As, path: &str, code: &str) -> Answer {
    let body = Some(json!({ "code": code }));
    portal.ask(caller, Method::POST, &format!("{SIGN_IN}/{path}"), body).await
}

fn code_wrong() -> Vec<(String, String)> {
    vec![("code".to_owned(), "code_wrong".to_owned())]
}

fn over() -> (u16, String) {
    (404, "not_found".to_owned())
}

#[tokio::test]
async fn the_session_opens_after_the_factor_and_the_cookies_change_places() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let at_work = portal.browser("kim").await;
    let (app, _) = enrolled(&portal, &at_work).await;
    let answer = portal.sign_in("kim", PASSWORD).await;
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-myksc-sign-in="), "{cookie}");
    for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(answer.headers.get_all(SET_COOKIE).iter().count(), 1);
    assert_eq!((answer.text("/step"), answer.json.get("user")), ("factor".to_owned(), None));
    assert_eq!(answer.json["factors"], json!(["totp", "recovery_code"]));
    let pending = answer.pending();
    assert_eq!(portal.ask(&pending, Method::GET, SIGN_IN, None).await.json, answer.json);
    assert_eq!(portal.ask(&As::Anybody, Method::GET, SIGN_IN, None).await.problem(), over());

    let opened = give(&portal, &pending, "totp", &app.code(&portal)).await;
    assert_eq!((opened.status, opened.text("/user/name")), (StatusCode::OK, "kim".to_owned()));
    let cookies: Vec<_> =
        opened.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("__Host-myksc="), "{cookies:?}");
    assert!(cookies[1].starts_with("__Host-myksc-sign-in=;") && cookies[1].contains("Max-Age=0"));
    assert_eq!(portal.ask(&opened.browser(), Method::GET, SESSION, None).await.status, StatusCode::OK);
    assert_eq!(portal.ask(&pending, Method::GET, SIGN_IN, None).await.problem(), over());
}

#[tokio::test]
async fn before_the_factor_unknown_names_wrong_passwords_and_unknown_providers_have_one_answer() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    enrolled(&portal, &portal.browser("kim").await).await;
    let mut answers = Vec::new();
    for (provider, name, password) in
        [("local", "kim", "wrong"), ("local", "nobody", PASSWORD), ("ldap", "kim", PASSWORD)]
    {
        let body = json!({ "provider": provider, "name": name, "password": password });
        let mut answer = portal.ask(&As::Anybody, Method::POST, SESSION, Some(body)).await;
        assert_eq!(answer.problem(), (401, "wrong_credentials".to_owned()));
        assert!(!answer.headers.contains_key(SET_COOKIE));
        answer.json["request_id"] = json!(null);
        answers.push(answer.json);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn a_pending_sign_in_opens_nothing_but_its_second_step() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    enrolled(&portal, &browser).await;
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let As::Pending { cookie } = &pending else { panic!("no cookie") };
    let As::Browser { csrf_token, .. } = &browser else { panic!("no browser") };
    let secret = cookie.split_once('=').unwrap().1;
    // As it is, and put where a session's secret or a token belongs.
    let callers = [
        pending.clone(),
        As::Browser { cookie: cookie.clone(), csrf_token: csrf_token.clone() },
        As::Browser { cookie: format!("__Host-myksc={secret}"), csrf_token: csrf_token.clone() },
        As::Token(secret.to_owned()),
    ];
    for caller in callers {
        for (method, path) in [
            (Method::GET, SESSION),
            (Method::GET, "/api/v1/sessions"),
            (Method::GET, "/api/v1/apps"),
            (Method::GET, "/api/v1/jobs"),
            (Method::GET, "/api/v1/tokens"),
            (Method::GET, "/api/v1/factors"),
            (Method::POST, "/api/v1/factors/totp"),
            (Method::POST, "/api/v1/factors/totp/confirm"),
            (Method::POST, "/api/v1/factors/passkeys/options"),
            (Method::GET, "/api/v1/events"),
        ] {
            let body = (method == Method::POST).then(|| json!({ "password": PASSWORD }));
            let answer = portal.ask(&caller, method, path, body).await;
            assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{path} {caller:?}");
        }
    }
}

#[tokio::test]
async fn nobody_and_nobody_else_goes_on_with_a_pending_sign_in() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("lee").await;
    let (app, _) = enrolled(&portal, &portal.browser("kim").await).await;
    let lee = portal.browser("lee").await;
    let (_, codes_of_lee) = enrolled(&portal, &lee).await;
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let code = app.code(&portal);
    for caller in [&As::Anybody, &lee, &As::Pending { cookie: "__Host-myksc-sign-in=x".to_owned() }] {
        for path in ["totp", "recovery-code", "enrolment/confirm"] {
            assert_eq!(give(&portal, caller, path, &code).await.problem(), over(), "{caller:?}");
        }
        for path in ["passkey/options", "enrolment"] {
            let answer = portal.ask(caller, Method::POST, &format!("{SIGN_IN}/{path}"), None).await;
            assert_eq!(answer.problem(), over(), "{caller:?}");
        }
    }
    let another = codes_of_lee[0].as_str().unwrap();
    assert_eq!(give(&portal, &pending, "recovery-code", another).await.fields(), code_wrong());
    // Who has a factor can't enrol another one by her password alone.
    let answer = portal.ask(&pending, Method::POST, &format!("{SIGN_IN}/enrolment"), None).await;
    assert_eq!(answer.problem(), (409, "sign_in_other_step".to_owned()));
    assert_eq!(give(&portal, &pending, "totp", &code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn codes_are_good_once_and_wrong_ones_lead_back_to_the_password() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let (app, recovery) = enrolled(&portal, &portal.browser("kim").await).await;
    let code = app.code(&portal);
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    assert_eq!(give(&portal, &pending, "totp", &code).await.status, StatusCode::OK);
    let recovery = recovery[0].as_str().unwrap();
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    assert_eq!(give(&portal, &pending, "totp", &code).await.fields(), code_wrong());
    assert_eq!(give(&portal, &pending, "recovery-code", recovery).await.status, StatusCode::OK);
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    for _ in 0..4 {
        assert_eq!(give(&portal, &pending, "recovery-code", recovery).await.fields(), code_wrong());
    }
    assert_eq!(give(&portal, &pending, "totp", "000000").await.problem(), over());
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let slowed = give(&portal, &pending, "totp", "000000").await;
    assert_eq!(slowed.problem(), (429, "too_many".to_owned()));
    portal.pass_secs(60);
    assert_eq!(give(&portal, &pending, "totp", &app.code(&portal)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn where_a_factor_is_demanded_the_first_sign_in_enrols_it() {
    let portal = TestPortal::with_factors(FactorRule::Required).await;
    portal.person("kim").await;
    let answer = portal.sign_in("kim", PASSWORD).await;
    assert_eq!((answer.text("/step"), &answer.json["factors"]), ("enrolment".to_owned(), &json!(["totp"])));
    let pending = answer.pending();
    let new = portal.ask(&pending, Method::POST, &format!("{SIGN_IN}/enrolment"), None).await;
    assert!(new.text("/uri").starts_with("otpauth://totp/Test:kim?"), "{new:?}");
    assert!(new.text("/qr_svg").contains("<svg"));
    let app = AuthenticatorApp::with(&new.text("/secret"));
    assert_eq!(give(&portal, &pending, "enrolment/confirm", "000000").await.fields(), code_wrong());
    let done = give(&portal, &pending, "enrolment/confirm", &app.code(&portal)).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert_eq!(done.json["recovery_codes"].as_array().unwrap().len(), 10);
    let cookie = done.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let browser = As::Browser { cookie, csrf_token: done.text("/session/csrf_token") };
    let factors = portal.ask(&browser, Method::GET, "/api/v1/factors", None).await;
    assert_eq!(
        (factors.json["recovery_codes_left"].as_u64(), &factors.json["required"]),
        (Some(10), &json!(true))
    );
    portal.pass_secs(30);
    let body = Some(json!({ "code": app.code(&portal) }));
    let kept = portal.ask(&browser, Method::POST, "/api/v1/factors/totp/remove", body).await;
    assert_eq!(kept.problem(), (409, "factor_required".to_owned()));
    portal.sign_in("kim", PASSWORD).await.pending();
}

#[tokio::test]
async fn a_pending_sign_in_can_be_given_up() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    enrolled(&portal, &portal.browser("kim").await).await;
    let pending = portal.sign_in("kim", PASSWORD).await.pending();
    let answer = portal.ask(&pending, Method::DELETE, SIGN_IN, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(portal.ask(&pending, Method::GET, SIGN_IN, None).await.problem(), over());
    assert_eq!(portal.ask(&As::Anybody, Method::DELETE, SIGN_IN, None).await.status, StatusCode::NO_CONTENT);
}
