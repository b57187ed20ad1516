use axum::body::Body;
use http::header::{AUTHORIZATION, COOKIE, ORIGIN, SET_COOKIE};
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::testing::{As, PASSWORD, PORTAL, TestPortal};

const SESSION: &str = "/api/v1/session";

#[tokio::test]
async fn signing_in_shows_the_person_and_sets_a_cookie_that_pages_cannot_read() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let answer = portal.sign_in("kim", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-myksc="), "{cookie}");
    for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert_eq!(answer.text("/user/id"), kim.id.as_str());
    assert_eq!(answer.json["user"]["uid"], 1000);
    assert_eq!(answer.json["user"].get("shell"), None);
    let again = portal.ask(&answer.browser(), Method::GET, SESSION, None).await;
    assert_eq!(again.json, answer.json);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_have_one_answer() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let mut answers = Vec::new();
    for (name, password) in [("kim", "wrong"), ("nobody", PASSWORD), ("kim\0", PASSWORD)] {
        let mut answer = portal.sign_in(name, password).await;
        assert_eq!(answer.problem(), (401, "wrong_credentials".to_owned()));
        assert!(!answer.headers.contains_key(SET_COOKIE));
        answer.json["request_id"] = json!(null);
        answers.push(answer.json);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn after_wrong_passwords_the_answer_says_when_to_try_again() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    for _ in 0..5 {
        assert_eq!(portal.sign_in("kim", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = portal.sign_in("kim", PASSWORD).await;
    assert_eq!(answer.problem(), (429, "too_many".to_owned()));
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn signing_in_from_another_site_is_refused() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let body = json!({ "name": "kim", "password": PASSWORD }).to_string();
    for origin in [Some("http://evil.example"), Some("http://axxxxxxxxxxxxxxx.localhost:8080"), None] {
        let mut request =
            Request::builder().method(Method::POST).uri(SESSION).header("content-type", "application/json");
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let answer = portal.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.problem(), (403, "cross_origin".to_owned()), "{origin:?}");
    }
}

#[tokio::test]
async fn changing_something_with_the_cookie_needs_the_session_s_own_csrf_token() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let As::Browser { cookie, csrf_token: other } = portal.browser("kim").await else { panic!("no browser") };
    let As::Browser { cookie: own, .. } = &browser else { panic!("no browser") };
    assert_ne!(&cookie, own);
    for csrf_token in ["", "x", other.as_str()] {
        let forged = As::Browser { cookie: own.clone(), csrf_token: csrf_token.to_owned() };
        let answer = portal.ask(&forged, Method::DELETE, SESSION, None).await;
        assert_eq!(answer.problem(), (403, "csrf_invalid".to_owned()));
    }
    assert_eq!(portal.ask(&browser, Method::GET, SESSION, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let (here, there) = (portal.browser("kim").await, portal.browser("kim").await);
    let answer = portal.ask(&here, Method::DELETE, SESSION, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let gone = portal.ask(&here, Method::GET, SESSION, None).await;
    assert_eq!(gone.problem(), (401, "unauthenticated".to_owned()));
    assert_eq!(portal.ask(&there, Method::GET, SESSION, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_again_replaces_the_browser_s_session() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let first = portal.browser("kim").await;
    let As::Browser { cookie, .. } = &first else { panic!("no browser") };
    let request = Request::builder()
        .method(Method::POST)
        .uri(SESSION)
        .header("content-type", "application/json")
        .header(ORIGIN, PORTAL)
        .header(COOKIE, cookie);
    let body = json!({ "name": "kim", "password": PASSWORD }).to_string();
    let answer = portal.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(portal.ask(&first, Method::GET, SESSION, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(portal.ask(&answer.browser(), Method::GET, SESSION, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_token_does_not_fall_back_to_the_cookie() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let As::Browser { cookie, .. } = &browser else { panic!("no browser") };
    for authorization in ["Bearer myksc_x_y", "Bearer", "Basic a2ltOng=", ""] {
        let request =
            Request::builder().uri(SESSION).header(COOKIE, cookie).header(AUTHORIZATION, authorization);
        let answer = portal.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{authorization:?}");
    }
}

#[tokio::test]
async fn a_second_cookie_of_the_session_s_name_signs_nobody_in() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    portal.person("mallory").await;
    let own = portal.browser("kim").await;
    let As::Browser { cookie: own, .. } = &own else { panic!("no browser") };
    let planted = portal.browser("mallory").await;
    let As::Browser { cookie: planted, .. } = &planted else { panic!("no browser") };
    for cookies in [format!("{own}; {planted}"), format!("{planted}; {own}"), format!("{own}; {own}")] {
        let request = Request::builder().uri(SESSION).header(COOKIE, &cookies);
        let answer = portal.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{cookies}");
    }
}
