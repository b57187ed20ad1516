//! The web UI's files, and the headers that stand on every answer.

use bytes::Bytes;
use http::Method;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, HeaderName, IF_NONE_MATCH, LOCATION, RANGE, VARY,
};
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
async fn a_file_comes_in_the_smallest_form_that_the_browser_takes_and_each_has_its_tag() {
    let portal = TestPortal::start().await;
    let ask = async |method: Method, path: &str, headers: &[(HeaderName, &str)]| {
        portal.nobody().ask(method, path, headers, Bytes::new()).await
    };
    assert_eq!(portal.nobody().get("/").await.status, 200, "build the web UI first: tools/web build");
    for path in ["/", "/sign-in", "/boot.js"] {
        let plain = ask(Method::GET, path, &[]).await.expect(200);
        assert!(!plain.headers.contains_key(CONTENT_ENCODING), "{path}");
        let mut tags = vec![plain.headers[ETAG].clone()];
        for (accepted, expected) in [("gzip, deflate, br", "br"), ("gzip", "gzip")] {
            let accepted = (ACCEPT_ENCODING, accepted);
            let answer = ask(Method::GET, path, std::slice::from_ref(&accepted)).await.expect(200);
            assert_eq!(answer.headers[CONTENT_ENCODING], expected, "{path}");
            assert_eq!(answer.headers[CONTENT_TYPE], plain.headers[CONTENT_TYPE], "{path}");
            assert!(answer.body.len() < plain.body.len(), "{path}");
            let tag = answer.headers[ETAG].to_str().unwrap();
            let head = ask(Method::HEAD, path, std::slice::from_ref(&accepted)).await.expect(200);
            assert_eq!(head.headers[CONTENT_LENGTH], answer.body.len().to_string(), "{path}");
            assert_eq!((&head.headers[ETAG], head.body.len()), (&answer.headers[ETAG], 0), "{path}");
            // A part of it is not served, so all of it is.
            let part = ask(Method::GET, path, &[accepted.clone(), (RANGE, "bytes=0-9")]).await.expect(200);
            assert_eq!(part.body, answer.body, "{path}");
            for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}")] {
                let known = ask(Method::GET, path, &[accepted.clone(), (IF_NONE_MATCH, &known)]).await;
                assert_eq!(
                    (known.status.as_u16(), &known.headers[VARY]),
                    (304, &answer.headers[VARY]),
                    "{path}"
                );
                assert!(known.body.is_empty());
            }
            let of_plain = [accepted, (IF_NONE_MATCH, tags[0].to_str().unwrap())];
            assert_eq!(ask(Method::GET, path, &of_plain).await.status, 200, "{path}");
            tags.push(answer.headers[ETAG].clone());
        }
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{path}: {tags:?}");
        assert_eq!(plain.headers[VARY], "accept-encoding", "{path}");
    }
    for form in ["/boot.js.br", "/index.html.gz"] {
        let _ = portal.nobody().get(form).await.expect(404);
    }
}

#[tokio::test]
async fn an_unknown_page_is_404_and_a_known_one_is_not() {
    let portal = TestPortal::start().await;
    let _ = portal.nobody().get("/nothing/here").await.expect(404);
    let _ = portal.nobody().get("/assets/none.js").await.expect(404);
    let index = portal.nobody().get("/jobs").await;
    assert_eq!(index.status, 200, "build the web UI first: tools/web build");
    assert_eq!(index.headers[CACHE_CONTROL], "no-cache");
}
