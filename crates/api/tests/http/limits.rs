//! What is no request of ours: wrong bodies, wrong places, wrong sizes.

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use myksc_testkit::TestPortal;
use serde_json::json;

#[tokio::test]
async fn every_refusal_is_a_problem_with_a_code_and_a_request_id() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let json = [(CONTENT_TYPE, "application/json")];
    let cases: [(Method, &str, &[_], Bytes, u16, &str); 8] = [
        (Method::GET, "/api/v1/nothing", &[], Bytes::new(), 404, "not_found"),
        (Method::GET, "/api", &[], Bytes::new(), 404, "not_found"),
        (Method::PATCH, "/api/v1/apps", &[], Bytes::new(), 405, "method_not_allowed"),
        (Method::POST, "/api/v1/apps", &[], Bytes::from("{}"), 415, "json_expected"),
        (Method::POST, "/api/v1/apps", &json, Bytes::from("{"), 422, "invalid"),
        (Method::POST, "/api/v1/apps", &json, Bytes::from(vec![b' '; 3 << 20]), 413, "too_large"),
        (Method::GET, "/api/v1/jobs?limit=many", &[], Bytes::new(), 422, "invalid"),
        (Method::GET, "/api/v1/apps/..%2f..%2fetc", &[], Bytes::new(), 404, "not_found"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = kim.ask(method, path, headers, body).await.expect(status);
        assert_eq!(answer.headers[CONTENT_TYPE], "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{path}");
        assert_eq!(problem["status"], status, "{path}");
        assert_eq!(problem["request_id"], answer.headers["x-request-id"].to_str().unwrap(), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let body = json!({ "template": "command", "name": "x", "resources": { "cpu_millis": -1 } });
    let problem = kim.post("/api/v1/apps", &body).await.expect(422).json();
    assert_eq!(problem["fields"][0]["field"], "resources.cpu_millis");
    let body = json!({ "template": "command", "name": "x", "colour": "red" });
    let problem = kim.post("/api/v1/apps", &body).await.expect(422).json();
    assert_eq!(problem["fields"][0]["field"], "colour");
    assert_eq!(problem["fields"][0]["code"], "field_unknown");
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_misdirected() {
    let portal = TestPortal::start().await;
    let answer = portal.nobody().at_host("evil.example").get("/api/v1/site").await;
    let _ = answer.expect(421);
}
