//! The web UI's files, and the headers that stand on every answer.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use myksc_testkit::TestPortal;

#[tokio::test]
async fn every_answer_tells_the_browser_what_no_page_may_do() {
    let portal = TestPortal::start().await;
    for path in ["/", "/nothing", "/api/v1/site", "/api/v1/apps", "/healthz", "/open/aaaaaaaaaaaaaaaa"] {
        let answer = portal.nobody().get(path).await;
        let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("object-src 'none'"), "{path}");
        assert!(!policy.contains("script-src") && policy.contains("default-src 'self'"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "same-origin", "{path}");
        assert_eq!(answer.headers["cross-origin-opener-policy"], "same-origin", "{path}");
        if path.starts_with("/api/") {
            assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_asked_for_under_another_name_moves_to_the_portals_own() {
    let portal = TestPortal::start().await;
    let host = portal.origin().replace("http://localhost", "127.0.0.1");
    let answer = portal.nobody().at_host(&host).get("/jobs?state=all").await.expect(307);
    assert_eq!(answer.headers[LOCATION], format!("{}/jobs?state=all", portal.origin()));
    let _ = portal.nobody().at_host(&host).get("/healthz").await.expect(200);
}

#[tokio::test]
async fn an_unknown_page_is_404_and_a_known_one_is_not() {
    let portal = TestPortal::start().await;
    let _ = portal.nobody().get("/nothing/here").await.expect(404);
    let _ = portal.nobody().get("/assets/none.js").await.expect(404);
    let index = portal.nobody().get("/jobs").await;
    // Without a built web UI every page says so, by 404.
    if index.status == 200 {
        assert_eq!(index.headers[CACHE_CONTROL], "no-cache");
    } else {
        assert!(String::from_utf8_lossy(&index.body).contains("not built"));
    }
}
