//! Requests and responses on their way through.

use std::sync::atomic::Ordering;
use std::time::Duration;

use myksc_core::grant::{Endpoint, RouteState};
use myksc_gateway::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::app::App;
use crate::rig::{PATIENCE, Rig, until};
use crate::sockets::raw;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_its_app_on_a_unix_socket_and_on_tcp() {
    let rig = Rig::start().await;
    for app in [App::on_unix().await, App::on_tcp().await] {
        let visitor = rig.visitor_at(app.endpoint.clone());
        let answer = rig.request(&visitor, "GET", "/headers?a=b").send().await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("GET /headers?a=b HTTP/1.1\n"), "{}", answer.text());
        let answer = rig.request(&visitor, "POST", "/echo").body("hello").send().await;
        assert_eq!(answer.text(), "hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_sees_the_browsers_headers_but_nothing_of_ours_or_of_the_hops() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let answer = rig
        .request(&visitor, "GET", "/headers")
        .header(
            "cookie",
            "a=1;b=2; __Host-myksc=portal; __host-MYKSC-nonce=x; _xsrf=2|ab==; =__Host-myksc-app=y",
        )
        .header("authorization", "Bearer of-the-portal")
        .header("connection", "keep-alive, X-Named, close-not, Cookie")
        .header("x-named", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic x")
        .header("proxy-connection", "keep-alive")
        .header("te", "trailers")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAAQAAP__")
        .header("expect", "100-continue")
        .header("forwarded", "for=1.2.3.4")
        .header("x-forwarded-for", "1.2.3.4")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-user", "root")
        .header("x-real-ip", "1.2.3.4")
        .header("x-remote-user", "root")
        .header("x-auth-request-user", "root")
        .header("x-xsrftoken", "kept")
        .header("if-none-match", "\"kept\"")
        .send()
        .await;
    let mut seen: Vec<&str> = answer.text().lines().skip(1).collect();
    seen.sort_unstable();
    let host = visitor.host();
    assert_eq!(
        seen,
        [
            "authorization: token of-the-app",
            "cookie: a=1; b=2; _xsrf=2|ab==",
            &format!("host: {host}"),
            "if-none-match: \"kept\"",
            "sec-fetch-site: same-origin",
            "x-forwarded-for: 127.0.0.1",
            &format!("x-forwarded-host: {host}"),
            "x-forwarded-proto: http",
            "x-xsrftoken: kept",
        ]
    );
    let korean =
        rig.bare(&host, "GET", "/headers").raw_cookie(format!("k=한글; {}", visitor.cookie_header()));
    assert!(
        korean.send().await.text().contains("cookie: k=한글\n"),
        "bytes beyond ASCII pass, and hide nothing"
    );
    let bare = rig.request(&visitor, "GET", "/headers").send().await;
    assert!(!bare.text().contains("cookie"), "{}", bare.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sees_the_apps_headers_but_none_that_reach_beyond_the_app() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let dropped = [
        "alt-svc=h3",
        "nel=x",
        "report-to=x",
        "reporting-endpoints=x",
        "strict-transport-security=max-age%3D1",
        "service-worker-allowed=/",
        "clear-site-data=*",
        "keep-alive=timeout",
        "proxy-authenticate=Basic",
        "upgrade=h2c",
        "x-named=1",
    ];
    let kept = ["server=tornado", "x-frame-options=DENY", "content-security-policy=default-src", "etag=1"];
    let query = [&dropped[..], &kept[..], &["connection=x-named"]].concat().join("&");
    let answer = rig.request(&visitor, "GET", &format!("/answer?{query}")).send().await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "answer"));
    for pair in dropped {
        let name = pair.split('=').next().unwrap();
        assert_eq!(answer.header(name), None, "{name}");
    }
    for pair in kept {
        let (name, value) = pair.split_once('=').unwrap();
        assert_eq!(answer.header(name), Some(value));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_cookies_stay_on_its_own_host_and_never_bear_our_names() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let given = [
        "_xsrf=1; expires=Thu, 01 Jan 2099 00:00:00 GMT; Path=/",
        "a=1; Domain=localhost; Path=/x; HttpOnly",
        "b=2;DOMAIN = .example ;Secure",
        "c=domain=x; domain",
        "__Host-myksc-app=evil; Path=/; Secure",
        "__host-MyKSC=evil",
        " __Host-myksc-nonce=evil",
        "=__Host-myksc-app=evil",
    ];
    let encoded: Vec<String> = given
        .iter()
        .map(|text| {
            format!(
                "set-cookie={}",
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
            )
        })
        .collect();
    let answer = rig.request(&visitor, "GET", &format!("/answer?{}", encoded.join("&"))).send().await;
    let cookies: Vec<&str> =
        answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies, [given[0], "a=1; Path=/x; HttpOnly", "b=2;Secure", "c=domain=x"]);
}

/// Method, Sec-Fetch-Site, Sec-Fetch-Mode and -Dest, Origin, whether it passes.
type Rule<'a> = (&'a str, Option<&'a str>, Option<(&'a str, &'a str)>, Option<&'a str>, bool);

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_the_app_itself_may_send_to_it() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let own = format!("http://{}", visitor.host());
    let sibling = "http://aaaaaaaaaaaaaaaa.localhost";
    let rules: &[Rule] = &[
        ("GET", Some("same-origin"), None, None, true),
        ("POST", Some("same-origin"), None, None, true),
        ("POST", Some("same-origin"), None, Some("null"), true),
        ("DELETE", Some("same-origin"), None, Some(&own), true),
        ("GET", Some("none"), Some(("navigate", "document")), None, true),
        ("POST", Some("none"), Some(("navigate", "document")), None, false),
        ("GET", Some("cross-site"), Some(("navigate", "document")), None, true),
        ("GET", Some("same-site"), Some(("navigate", "document")), None, true),
        ("GET", Some("same-site"), Some(("navigate", "iframe")), None, false),
        ("GET", Some("cross-site"), Some(("navigate", "object")), None, false),
        ("POST", Some("cross-site"), Some(("navigate", "document")), None, false),
        ("GET", Some("same-site"), Some(("cors", "empty")), Some(sibling), false),
        ("GET", Some("same-site"), Some(("no-cors", "image")), None, false),
        ("GET", Some("cross-site"), Some(("no-cors", "script")), None, false),
        ("HEAD", Some("same-site"), Some(("no-cors", "empty")), None, false),
        ("OPTIONS", Some("cross-site"), Some(("cors", "empty")), Some(sibling), false),
        ("POST", Some("same-site"), None, Some(&own), false),
        ("GET", Some("nonsense"), None, None, false),
        ("GET", None, None, None, true),
        ("GET", None, None, Some(&own), true),
        ("GET", None, None, Some(sibling), false),
        ("GET", None, None, Some("null"), false),
        ("POST", None, None, Some(&own), true),
        ("POST", None, None, Some(sibling), false),
        ("POST", None, None, Some("null"), false),
        ("POST", None, None, None, false),
        ("PUT", None, Some(("navigate", "document")), None, false),
    ];
    for rule in rules {
        let (method, site, mode, origin, passes) = *rule;
        let before = app.state.requests.load(Ordering::SeqCst);
        let mut call = rig.request(&visitor, method, "/headers").without("sec-fetch-site");
        if let Some(site) = site {
            call = call.header("sec-fetch-site", site);
        }
        if let Some((mode, dest)) = mode {
            call = call.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest);
        }
        if let Some(origin) = origin {
            call = call.header("origin", origin);
        }
        let answer = call.send().await;
        assert_eq!(answer.status, if passes { 200 } else { 403 }, "{rule:?}");
        let reached = app.state.requests.load(Ordering::SeqCst) > before;
        assert_eq!(reached, passes, "{rule:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let (host, cookie) = (visitor.host(), visitor.cookie_header());
    let head = |line: &str, more: &str| {
        format!("{line}\r\nHost: {host}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n{more}\r\n")
    };
    let smuggled = "0\r\n\r\nGET /headers HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases = [
        head("POST /count HTTP/1.1", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + smuggled,
        head("POST /count HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + smuggled,
        head("POST /count HTTP/1.1", "Content-Length: 4\r\nContent-Length: 5\r\n") + "abcde",
        head("POST /count HTTP/1.1", "Transfer-Encoding: chunked, identity\r\n") + smuggled,
        head("GET /headers HTTP/1.1", "Host: evil.example\r\n"),
        head("GET /headers HTTP/1.1", &format!("Host: {host}\r\n")),
        head("GET http://evil.example/headers HTTP/1.1", ""),
        head("GET /headers HTTP/1.1", "X-Bad : 1\r\n"),
        "GET /headers HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".replace(' ', "\u{1}"),
    ];
    for case in cases {
        let (mut stream, head) = raw(&rig, case.as_bytes()).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{case:?}: {head}");
        let rest = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        rest.expect("the connection ends with such a request").unwrap();
    }
    for method in ["CONNECT", "TRACE"] {
        let target = if method == "CONNECT" { &host } else { "/headers" };
        let (_, head) = raw(&rig, head(&format!("{method} {target} HTTP/1.1"), "").as_bytes()).await;
        assert!(head.starts_with("HTTP/1.1 405 "), "{method}: {head}");
    }
    assert_eq!(app.state.requests.load(Ordering::SeqCst), 0);
    let absolute = head(&format!("GET http://{host}/headers?q HTTP/1.1"), "");
    let (mut stream, head) = raw(&rig, absolute.as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut body = vec![0; 26];
    stream.read_exact(&mut body).await.unwrap();
    assert!(body.starts_with(b"GET /headers?q HTTP/1.1\n"), "{}", String::from_utf8_lossy(&body));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_uploads_pass_and_end_their_connection() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let request = format!(
        "POST /count HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
        visitor.host(),
        visitor.cookie_header(),
    );
    let (mut stream, head) = raw(&rig, request.as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("connection: close"), "{head}");
    let mut body = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut body)).await.unwrap().unwrap();
    assert_eq!(body, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_nobody_asked_for_goes_no_further() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    assert_eq!(rig.request(&visitor, "GET", "/switch").send().await.status, 502);
    until("its connection is closed", || app.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_an_app_are_used_again_and_a_closed_one_is_replaced() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    for _ in 0..20 {
        assert_eq!(rig.request(&visitor, "POST", "/echo").body("x").send().await.status, 200);
    }
    // One for each worker at most.
    assert!(app.state.accepted.load(Ordering::SeqCst) <= 2);
    until("idle connections are given up", || app.open() == 0).await;
    assert_eq!(rig.request(&visitor, "POST", "/echo").body("x").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_has_its_page_in_the_readers_language() {
    let rig = Rig::start().await;
    let visitor = rig.visitor();
    let folder = tempfile::tempdir().unwrap();
    let dead = Endpoint::Unix(folder.path().join("nobody.sock"));
    let ready = |endpoint| RouteState::Ready { endpoint, authorization: None, guard: None };
    let unbound = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (RouteState::NotReady, 503, "app_not_ready", true, "is not ready yet", "아직 준비되지 않았습니다"),
        (RouteState::Ended, 410, "app_ended", false, "is not running", "실행 중이 아닙니다"),
        (ready(dead), 502, "app_no_answer", true, "does not answer", "응답이 없습니다"),
        (ready(Endpoint::Tcp(unbound)), 502, "app_no_answer", true, "does not answer", "응답이 없습니다"),
    ];
    for (state, status, code, reloads, english, korean) in cases {
        rig.set_state(&visitor, state);
        for (language, text) in [("en-GB,en;q=0.9", english), ("ko-KR,ko;q=0.9,en;q=0.5", korean)] {
            let call = rig.request(&visitor, "GET", "/lab").navigation("cross-site");
            let page = call.header("accept-language", language).send().await;
            assert_eq!(page.status, status);
            assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
            assert_eq!(page.header("cache-control"), Some("no-store"));
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{policy}");
            let html = page.text();
            assert!(html.contains(text) && html.contains(code), "{html}");
            assert!(html.contains("my &lt;b&gt;notebook&lt;/b&gt;") && !html.contains("<b>"), "{html}");
            assert!(html.contains("href=\"http://localhost:8080/\""), "{html}");
            assert_eq!(html.contains("http-equiv=\"refresh\""), reloads);
            assert_eq!(page.header("retry-after").is_some(), reloads);
        }
        let problem = rig.request(&visitor, "GET", "/api").send().await;
        assert_eq!(problem.header("content-type"), Some("application/problem+json"));
        assert_eq!(problem.json()["code"], code);
        assert_eq!(problem.json()["status"], status);
        assert_eq!(problem.json()["params"]["name"], "my <b>notebook</b>");
    }
    rig.gateway.remove_route(&visitor.app);
    let page =
        rig.request(&visitor, "GET", "/lab").navigation("none").header("accept-language", "ko").send().await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("앱이 없습니다"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_other_routes_change_nothing() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    for _ in 0..1000 {
        let other = rig.visitor();
        rig.set_state(&other, RouteState::Ended);
    }
    let visitor = rig.visitor_at(app.endpoint.clone());
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_for_a_head_is_cut_but_not_who_waits_for_an_answer() {
    let header_timeout = Duration::from_millis(100);
    let rig = Rig::start_with(ServerConfig { header_timeout, ..ServerConfig::default() }).await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let waiting = rig.request(&visitor, "GET", "/never");
    let waiting = tokio::spawn(async move { waiting.send().await });
    until("the app is asked", || app.open() == 1).await;
    let half = format!("GET / HTTP/1.1\r\nHost: {}\r\n", visitor.host());
    let whole = format!("{half}\r\n");
    for sent in ["", &half, &whole] {
        let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "{sent:?} stays open");
    }
    assert_eq!(app.open(), 1);
    assert!(!waiting.is_finished());
    waiting.abort();
}
