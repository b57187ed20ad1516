//! `/apps`: the views that only show up over HTTP; what apps do is tested in their own crate.

use std::time::Duration;

use myksc_apps::IdleRules;
use myksc_core::Timestamp;
use myksc_testkit::{Events, TestPortal};
use serde_json::{Value, json};

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

/// Serves HTTP at its port, and does something else beside that.
fn server(name: &str, beside: &str) -> Value {
    let command = format!("{beside}\nexec python3 -m http.server --bind 127.0.0.1 $PORT");
    json!({ "template": "command", "name": name, "values": { "command": command } })
}

#[tokio::test]
async fn an_app_that_nothing_uses_is_announced_kept_and_stopped_and_one_that_computes_is_not() {
    let warn = Duration::from_secs(2);
    let rules = IdleRules { after: Some(2 * warn), max_life: None, warn };
    let portal = TestPortal::start_with(rules).await;
    let kim = portal.browser("kim").await;
    let mut events = Events::open(&kim, "/api/v1/events").await;
    let busy =
        id(&kim.post("/api/v1/apps", &server("busy", "(while :; do :; done) &")).await.expect(202).json());
    let quiet = id(&kim.post("/api/v1/apps", &server("quiet", ":")).await.expect(202).json());
    let path = |action: &str| format!("/api/v1/apps/{quiet}{action}");
    let mut app_where = async |wanted: &dyn Fn(&Value) -> bool| loop {
        let app = events.expect("app").await.data;
        assert_ne!(app["phase"], "failed", "{app}");
        assert!(app["id"] != busy.as_str() || app["auto_stop"].is_null(), "{app}");
        if app["id"] == quiet.as_str() && wanted(&app) {
            return app;
        }
    };

    let announced = app_where(&|app: &Value| !app["auto_stop"].is_null()).await;
    assert_eq!((&announced["phase"], &announced["auto_stop"]["cause"]), (&json!("ready"), &json!("idle")));
    let kept = kim.post(&path("/keep"), &json!({})).await.expect(200).json();
    assert_eq!((&kept["phase"], &kept["auto_stop"]), (&json!("ready"), &Value::Null));
    let again = app_where(&|app: &Value| !app["auto_stop"].is_null()).await;
    let at = |app: &Value| serde_json::from_value::<Timestamp>(app["auto_stop"]["at"].clone()).unwrap();
    assert!(at(&again) > at(&announced));
    assert_eq!(again["auto_stop"]["since"], announced["auto_stop"]["since"], "to keep it is not to use it");

    let stopped = app_where(&|app: &Value| app["phase"] == "stopped").await;
    assert_eq!(stopped["auto_stop"], again["auto_stop"]);
    assert_eq!(kim.post(&path("/keep"), &json!({})).await.expect(409).code(), "app_not_running");
    let started = kim.post(&path("/start"), &json!({})).await.expect(202).json();
    assert_eq!((&started["auto_stop"], &started["values"]), (&Value::Null, &stopped["values"]));
    let other = kim.get(&format!("/api/v1/apps/{busy}")).await.expect(200).json();
    assert_eq!((&other["phase"], &other["auto_stop"]), (&json!("ready"), &Value::Null));
}
