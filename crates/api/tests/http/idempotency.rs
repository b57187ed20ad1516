//! `Idempotency-Key` on creates.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};
use myksc_core::AppId;
use myksc_testkit::{Answer, Client, TestPortal};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::kims::{id, launch};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

async fn launch_with(client: &Client, key: &str, body: &Value) -> Answer {
    let headers = [(CONTENT_TYPE, "application/json"), (KEY, key)];
    client.ask(Method::POST, "/api/v1/apps", &headers, body.to_string().into()).await
}

/// As the portal has it. It may not change with a version: a repeat may reach a portal that was just updated.
fn request_hash(path: &str, body: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(path.len().to_be_bytes());
    hash.update(path);
    hash.update(body.to_string());
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

fn assert_reused(answer: Answer) {
    assert_eq!(answer.expect(422).code(), "idempotency_key_reused");
}

#[tokio::test]
async fn the_same_key_launches_one_app_however_often_it_is_sent() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let body = launch("once-only");
    let (first, second) = tokio::join!(launch_with(&kim, "k1", &body), launch_with(&kim, "k1", &body));
    let (first, second) = (id(&first.expect(202).json()), id(&second.expect(202).json()));
    let third = id(&launch_with(&kim, "k1", &body).await.expect(202).json());
    assert_eq!((&first, &first), (&second, &third));
    let apps = kim.get("/api/v1/apps").await.expect(200).json();
    assert_eq!(apps["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_repeat_finds_what_was_made_before_the_portal_died() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    // As after a death between the app's record and the answer's: the key is claimed, and nothing is kept for it.
    let user = portal.user("kim").await;
    let hash = request_hash("/apps", &launch("once-only"));
    let first = AppId::derived(&["launch_app", user.id.as_str(), "k1", &hash]);
    portal.state.store.claim_key(user.id.as_str(), "launch_app", "k1", &hash).await.unwrap();
    let request = serde_json::from_value(launch("once-only")).unwrap();
    portal.state.apps.launch_as(&user, first.clone(), request).await.unwrap();
    assert_reused(launch_with(&kim, "k1", &launch("another")).await);
    let again = id(&launch_with(&kim, "k1", &launch("once-only")).await.expect(202).json());
    assert_eq!(first.as_str(), again);
    assert_eq!(kim.get("/api/v1/apps").await.expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let first = id(&launch_with(&kim, "k1", &launch("first")).await.expect(202).json());
    assert_reused(launch_with(&kim, "k1", &launch("second")).await);
    assert_eq!(id(&launch_with(&kim, "k1", &launch("first")).await.expect(202).json()), first);
    assert_eq!(kim.get("/api/v1/apps").await.expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    assert_eq!(launch_with(&kim, "k1", &launch("NO")).await.expect(422).code(), "invalid");
    let _ = launch_with(&kim, "k1", &launch("now-right")).await.expect(202);
}

#[tokio::test]
async fn keys_of_two_people_are_two_keys() {
    let portal = TestPortal::start().await;
    let (kim, lee) = (portal.browser("kim").await, portal.browser("lee").await);
    let hers = id(&launch_with(&kim, "k1", &launch("kims-app")).await.expect(202).json());
    let answer = launch_with(&lee, "k1", &launch("lees-app")).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(&hers));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    for key in ["", &"k".repeat(101)] {
        let answer = launch_with(&kim, key, &launch("an-app")).await.expect(422);
        assert_eq!(answer.json()["fields"][0]["code"], "idempotency_key_invalid");
    }
}
