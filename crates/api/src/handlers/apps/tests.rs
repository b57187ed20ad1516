use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::testing::{As, TestPortal};

const APPS: &str = "/api/v1/apps";

/// Every operation on one app.
fn operations(app: &str) -> [(Method, String, Option<Value>); 7] {
    let path = |tail: &str| format!("{APPS}/{app}{tail}");
    [
        (Method::GET, path(""), None),
        (Method::GET, path("/log?offset=-100"), None),
        (Method::PATCH, path(""), Some(json!({ "name": "mine-now" }))),
        (Method::POST, path("/stop"), None),
        (Method::POST, path("/keep"), None),
        (Method::POST, path("/start"), None),
        (Method::DELETE, path(""), None),
    ]
}

fn launch(name: &str) -> Value {
    json!({
        "template": "command",
        "name": name,
        "resources": { "cpu_millis": 100, "memory_bytes": 100_000_000, "gpus": 0 },
        "values": { "command": "true" }
    })
}

#[tokio::test]
async fn nobody_and_another_person_can_do_nothing_with_an_app() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    portal.person("lee").await;
    let app = portal.app(&kim).await;
    let (kim, lee) = (portal.browser("kim").await, portal.browser("lee").await);
    for (method, path, body) in operations(app.as_str()) {
        let answer = portal.ask(&As::Anybody, method.clone(), &path, body.clone()).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{method} {path}");
        let answer = portal.ask(&lee, method.clone(), &path, body).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{method} {path}");
    }
    for method in [Method::GET, Method::POST] {
        let answer = portal.ask(&As::Anybody, method, APPS, Some(launch("lab"))).await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    }
    assert_eq!(portal.ask(&lee, Method::GET, APPS, None).await.json["items"], json!([]));
    let list = portal.ask(&kim, Method::GET, APPS, None).await;
    assert_eq!(list.text("/items/0/id"), app.as_str());
    assert_eq!(list.text("/items/0/name"), "notebook");
    assert_eq!(list.text("/items/0/origin"), format!("http://{app}.localhost:8080"));
}

#[tokio::test]
async fn what_is_no_id_is_no_app() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let kim = portal.browser("kim").await;
    for id in ["x", "a", "aaaaaaaaaaaaaaaa", "..%2f..%2fetc", "%00", "j234567abcdefghi"] {
        for (method, path, body) in operations(id) {
            let answer = portal.ask(&kim, method.clone(), &path, body).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_field_that_does_not_hold_is_named() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let kim = portal.browser("kim").await;
    let changed = |pointer: &str, value: Value| {
        let mut body = launch("lab");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let cases = [
        (changed("/name", json!("Lab!")), "name", "app_name_invalid"),
        (changed("/name", json!(7)), "name", "value_invalid"),
        (changed("/template", json!("nothing")), "template", "choice_unknown"),
        (changed("/template", json!("rstudio")), "template", "template_unavailable"),
        (changed("/values/command", json!("")), "values.command", "required"),
        (changed("/values", json!({ "command": "x", "path": "x" })), "values.path", "pattern_mismatch"),
        (changed("/values", json!({ "command": "x", "user": "root" })), "values.user", "field_unknown"),
        (changed("/resources/cpu_millis", json!(-1)), "resources.cpu_millis", "value_invalid"),
        (changed("/resources/cpu_millis", json!(u32::MAX)), "resources.cpu_millis", "machine_cpu_exceeded"),
        (changed("/resources/memory_bytes", json!(1)), "resources.memory_bytes", "memory_too_small"),
        (changed("/resources/gpus", json!(1)), "resources.gpus", "gpu_not_available"),
        (json!({ "template": "command", "name": "lab", "uid": 0 }), "uid", "field_unknown"),
    ];
    for (body, field, code) in cases {
        let answer = portal.ask(&kim, Method::POST, APPS, Some(body.clone())).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.fields(), [(field.to_owned(), code.to_owned())], "{body}");
    }
    assert_eq!(portal.ask(&kim, Method::GET, APPS, None).await.json["items"], json!([]));
}

#[tokio::test]
async fn a_launch_is_accepted_and_its_name_taken() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let kim = portal.browser("kim").await;
    let answer = portal.ask(&kim, Method::POST, APPS, Some(launch("lab"))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!((answer.text("/phase"), answer.text("/steps/0/step")), ("starting".into(), "accepted".into()));
    let again = portal.ask(&kim, Method::POST, APPS, Some(launch("lab"))).await;
    assert_eq!(again.fields(), [("name".to_owned(), "app_name_taken".to_owned())]);
    let path = format!("{APPS}/{}", answer.text("/id"));
    let log = portal.ask(&kim, Method::GET, &format!("{path}/log"), None).await;
    assert_eq!(log.status, StatusCode::FORBIDDEN, "apps run as the portal's own user only");
    let deleted = portal.ask(&kim, Method::DELETE, &path, None).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
}
