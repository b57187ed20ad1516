use http::Method;
use serde_json::json;

use crate::testing::{As, TestPortal};

#[tokio::test]
async fn everybody_is_told_where_apps_run() {
    let portal = TestPortal::new().await;
    let site = portal.ask(&As::Anybody, Method::GET, "/api/v1/site", None).await;
    let expected = json!([{
        "id": "local",
        "title": { "en": "This machine", "ko": "This machine" },
        "available": true,
        "uses": ["apps"],
    }]);
    assert_eq!((&site.json["systems"], &site.json["notices"]), (&expected, &json!([])));
}
