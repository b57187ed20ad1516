use http::{Method, StatusCode};
use myksc_core::Timestamp;
use myksc_store::Registry;
use serde_json::json;

use crate::testing::TestPortal;

const REGISTRIES: &str = "/api/v1/registries";

#[tokio::test]
async fn whoever_has_stored_a_password_sees_where_and_nobody_else_does() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    portal.person("lee").await;
    let (of_kim, of_lee) = (portal.browser("kim").await, portal.browser("lee").await);
    let changed_at = Timestamp::from_millis(1_700_000_000_000);
    let registry = Registry { host: "r.example.org".into(), account: "robot".into(), changed_at };
    portal.state.store.put_registry(&kim.id, &registry).await.unwrap();
    let shown = portal.ask(&of_kim, Method::GET, REGISTRIES, None).await;
    let expected =
        json!([{ "host": "r.example.org", "account": "robot", "changed_at": "2023-11-14T22:13:20Z" }]);
    assert_eq!(shown.json["items"], expected);
    let shown = portal.ask(&of_lee, Method::GET, REGISTRIES, None).await;
    assert_eq!((shown.status, &shown.json["items"]), (StatusCode::OK, &json!([])));
    for host in ["r.example.org", "nowhere.example.org", "no%20host"] {
        let answer = portal.ask(&of_lee, Method::DELETE, &format!("{REGISTRIES}/{host}"), None).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{host}");
    }
    assert_eq!(portal.state.store.registries(&kim.id).await.unwrap(), [registry]);
}

#[tokio::test]
async fn a_password_is_stored_nowhere_where_no_images_run_and_what_does_not_hold_is_told() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    let browser = portal.browser("kim").await;
    let put = async |host: &str, account: &str, password: &str| {
        let body = json!({ "account": account, "password": password });
        portal.ask(&browser, Method::PUT, &format!("{REGISTRIES}/{host}"), Some(body)).await
    };
    let answer = put("r.example.org:5000", "kim", "a secret token").await;
    assert_eq!(answer.problem(), (409, "no_images_here".to_owned()));
    let answer = put("r", "ki:m", "").await;
    let expected = [
        ("host", "registry_host_invalid"),
        ("account", "registry_account_invalid"),
        ("password", "required"),
    ];
    let expected = expected.map(|(field, code)| (field.to_owned(), code.to_owned()));
    assert_eq!((answer.status.as_u16(), answer.fields()), (422, expected.to_vec()));
    assert_eq!(portal.state.store.registries(&kim.id).await.unwrap(), []);
    let entry = portal.state.store.audit_entries(9).await.unwrap().remove(1);
    assert_eq!((entry.action.as_str(), entry.object.as_str()), ("put_registry", "r.example.org:5000"));
    assert!(!format!("{entry:?}").contains("a secret token"));
}
