//! `/apps`: the views that only show up over HTTP; what apps do is tested in their own crate.

use myksc_testkit::TestPortal;
use serde_json::json;

use crate::kims::{id, launch};

#[tokio::test]
async fn an_app_has_an_origin_of_its_own_and_a_way_there() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let app = kim.post("/api/v1/apps", &launch("my-app")).await.expect(202).json();
    let origin = app["origin"].as_str().unwrap();
    assert_eq!(origin, portal.origin().replace("localhost", &format!("{}.localhost", id(&app))));
    let path = format!("/api/v1/apps/{}/tickets", id(&app));
    let ticket = kim.post(&path, &json!({})).await.expect(201).json();
    assert!(ticket["url"].as_str().unwrap().starts_with(&format!("{origin}/.myksc/enter?ticket=")));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let _ = kim.post("/api/v1/apps", &launch("my-app")).await.expect(202);
    let answer = kim.post("/api/v1/apps", &launch("my-app")).await;
    assert!(matches!(answer.status.as_u16(), 409 | 422), "{}", answer.status);
}
