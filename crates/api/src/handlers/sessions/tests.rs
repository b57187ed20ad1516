use http::{Method, StatusCode};

use crate::testing::{As, TestPortal};

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
