//! From an app's bare address to its cookie.

use std::sync::atomic::Ordering;

use myksc_core::grant::RouteState;
use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, Timestamp};

use crate::app::App;
use crate::rig::{Answer, Rig, Visitor, until};

const NONCE: &str = "__Host-myksc-nonce";
const COOKIE: &str = "__Host-myksc-app";

fn query_value<'a>(location: &'a str, name: &str) -> &'a str {
    let query = location.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

fn set_cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

/// Goes to the entrance as the portal's redirect leads there.
async fn enter(rig: &Rig, visitor: &Visitor, ticket: &str, nonce: Option<&str>, to: &str) -> Answer {
    let target = format!("/.myksc/enter?ticket={ticket}&to={to}");
    let call = rig.bare(&visitor.host(), "GET", &target).navigation("cross-site");
    match nonce {
        Some(nonce) => call.header("cookie", &format!("{NONCE}={nonce}")).send().await,
        None => call.send().await,
    }
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 403);
    assert_eq!(answer.cookie(COOKIE), None);
    assert!(answer.text().contains("ticket_refused"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_a_cookie_comes_back_with_a_ticket_and_is_in() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let to = "/headers?x=1&y=%ED%95%9C+z";

    let away = rig.bare(&visitor.host(), "GET", to).navigation("none").send().await;
    assert_eq!(away.status, 303);
    assert_eq!(away.header("cache-control"), Some("no-store"));
    assert_eq!(away.header("referrer-policy"), Some("no-referrer"));
    let location = away.header("location").unwrap();
    assert!(location.starts_with(&format!("http://localhost:8080/open/{}?n=", visitor.app)), "{location}");
    let nonce = away.cookie(NONCE).unwrap();
    assert_eq!(query_value(location, "n"), SecretHash::of(&nonce).to_hex());
    assert_eq!(query_value(location, "to"), "/headers%3Fx%3D1%26y%3D%25ED%2595%259C%2Bz");
    let set = set_cookies(&away)[0];
    for attribute in ["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.to_ascii_lowercase().contains("domain"), "{set}");

    let ticket = rig.ticket(&visitor, Some(SecretHash::of(&nonce)));
    let inside = enter(&rig, &visitor, &ticket, Some(&nonce), query_value(location, "to")).await;
    assert_eq!((inside.status.as_u16(), inside.header("location")), (303, Some(to)));
    assert_eq!(inside.header("cache-control"), Some("no-store"));
    assert_eq!(inside.header("referrer-policy"), Some("no-referrer"));
    let cookie = inside.cookie(COOKIE).unwrap();
    for set in set_cookies(&inside) {
        for attribute in ["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"] {
            assert!(set.contains(attribute), "{set}");
        }
    }
    assert!(set_cookies(&inside).iter().any(|set| set.starts_with(NONCE) && set.ends_with("Max-Age=0")));

    let lookups = rig.portal.with(|records| records.lookups);
    let page = rig
        .bare(&visitor.host(), "GET", to)
        .navigation("cross-site")
        .header("cookie", &format!("{COOKIE}={cookie}"))
        .send()
        .await;
    assert_eq!(page.status, 200);
    assert_eq!(rig.portal.with(|records| records.lookups), lookups, "a fresh grant needs no query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_app_once_for_the_browser_that_asked() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let sibling = rig.visitor_at(app.endpoint.clone());
    let nonce = Secret::random().expose().to_owned();
    let hash = SecretHash::of(&nonce);

    is_refused(&enter(&rig, &visitor, "unknown", Some(&nonce), "/").await);
    is_refused(&enter(&rig, &visitor, "", Some(&nonce), "/").await);
    let ticket = rig.ticket(&visitor, Some(hash));
    let thief = Secret::random().expose().to_owned();
    is_refused(&enter(&rig, &visitor, &ticket, Some(&thief), "/").await);
    is_refused(&enter(&rig, &visitor, &ticket, None, "/").await);
    is_refused(&enter(&rig, &visitor, &ticket, Some("x; y=\"<script>"), "/").await);
    is_refused(&enter(&rig, &sibling, &ticket, Some(&nonce), "/").await);
    rig.portal
        .with(|records| records.tickets.get_mut(&ticket).unwrap().expires_at = Timestamp::from_millis(1));
    is_refused(&enter(&rig, &visitor, &ticket, Some(&nonce), "/").await);

    let ticket = rig.ticket(&visitor, Some(hash));
    assert_eq!(enter(&rig, &visitor, &ticket, Some(&nonce), "/").await.status, 303);
    is_refused(&enter(&rig, &visitor, &ticket, Some(&nonce), "/").await);
    assert_eq!(app.state.requests.load(Ordering::SeqCst), 0, "nothing of this concerns the app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_without_nonce_is_taken_only_where_no_page_started_the_navigation() {
    let rig = Rig::start().await;
    let visitor = rig.visitor();
    rig.set_state(&visitor, RouteState::NotReady);
    let ticket = rig.ticket(&visitor, None);
    let target = format!("/.myksc/enter?ticket={ticket}&to=/");
    let call = || rig.bare(&visitor.host(), "GET", &target);
    for refused in [
        call().navigation("cross-site"),
        call().navigation("same-site"),
        call().navigation("same-origin"),
        call().header("sec-fetch-mode", "navigate").header("accept", "text/html"),
        call().header("referer", "http://evil.example/").header("accept", "text/html"),
    ] {
        is_refused(&refused.send().await);
    }
    let foreign = call().header("origin", "http://evil.example").send().await;
    assert_eq!((foreign.status.as_u16(), foreign.cookie(COOKIE)), (403, None));

    // An old nonce from an earlier visit does not stand in the way.
    let old = format!("{NONCE}={}", Secret::random().expose());
    let typed = call().navigation("none").header("cookie", &old).send().await;
    assert_eq!(typed.status, 303);
    assert!(typed.cookie(COOKIE).is_some());

    let ticket = rig.ticket(&visitor, None);
    let program =
        rig.bare(&visitor.host(), "GET", &format!("/.myksc/enter?ticket={ticket}&to=/")).send().await;
    assert_eq!(program.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entrance_never_leads_to_another_host() {
    let rig = Rig::start().await;
    let visitor = rig.visitor();
    rig.set_state(&visitor, RouteState::NotReady);
    for to in [
        "//evil.example/",
        "/%5Cevil.example",
        "https://evil.example/",
        "%2F%2Fevil.example",
        "/%09/evil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "javascript:alert(1)",
        "/.myksc/enter",
        "",
    ] {
        let nonce = Secret::random().expose().to_owned();
        let ticket = rig.ticket(&visitor, Some(SecretHash::of(&nonce)));
        let answer = enter(&rig, &visitor, &ticket, Some(&nonce), to).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/")), "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_on_their_way_in_share_the_nonce_and_both_arrive() {
    let rig = Rig::start().await;
    let visitor = rig.visitor();
    rig.set_state(&visitor, RouteState::NotReady);
    let first = rig.bare(&visitor.host(), "GET", "/a").navigation("none").send().await;
    let nonce = first.cookie(NONCE).unwrap();
    let second = rig
        .bare(&visitor.host(), "GET", "/b")
        .navigation("none")
        .header("cookie", &format!("{NONCE}={nonce}"))
        .send()
        .await;
    assert_eq!(second.cookie(NONCE).as_deref(), Some(nonce.as_str()));
    let hash = SecretHash::of(&nonce);
    let (one, other) = (rig.ticket(&visitor, Some(hash)), rig.ticket(&visitor, Some(hash)));
    let cookie = enter(&rig, &visitor, &one, Some(&nonce), "/a").await.cookie(COOKIE).unwrap();
    // By now the nonce is cleared, but the first tab's cookie is there.
    let late = rig
        .bare(&visitor.host(), "GET", &format!("/.myksc/enter?ticket={other}&to=/b"))
        .navigation("cross-site")
        .header("cookie", &format!("{COOKIE}={cookie}"))
        .send()
        .await;
    assert_eq!((late.status.as_u16(), late.header("location")), (303, Some("/b")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_navigation_is_not_sent_to_the_portal() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let host = visitor.host();
    for call in [
        rig.bare(&host, "GET", "/x"),
        rig.bare(&host, "GET", "/x").header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors"),
        rig.bare(&host, "POST", "/x").header("sec-fetch-site", "same-origin"),
        rig.bare(&host, "GET", "/x").header("origin", &format!("http://{host}")).header("accept", "*/*"),
    ] {
        let answer = call.send().await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["code"], "unauthenticated");
        assert!(set_cookies(&answer).is_empty());
    }
    assert_eq!(app.state.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_opens_its_own_app_only_and_only_while_its_grant_lasts() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let sibling = rig.visitor_at(app.endpoint.clone());
    let with = |host: &str, cookie: &str| rig.bare(host, "GET", "/headers").header("cookie", cookie).send();

    assert_eq!(with(&visitor.host(), &visitor.cookie_header()).await.status, 200);
    assert_eq!(with(&sibling.host(), &visitor.cookie_header()).await.status, 401);
    assert_eq!(with(&visitor.host(), &format!("{COOKIE}=")).await.status, 401);
    assert_eq!(with(&visitor.host(), "__Host-myksc=abc").await.status, 401);
    let over = rig.visitor_until(Timestamp::from_millis(Timestamp::now().as_millis() - 1));
    rig.ready(&over, app.endpoint.clone());
    assert_eq!(with(&over.host(), &over.cookie_header()).await.status, 401);

    rig.portal.with(|records| records.grants.clear());
    rig.gateway.revoke_session(&visitor.session);
    assert_eq!(with(&visitor.host(), &visitor.cookie_header()).await.status, 401);
    assert_eq!(with(&sibling.host(), &sibling.cookie_header()).await.status, 401, "never looked up before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_cookie_costs_one_question_and_a_failed_one_is_asked_again() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    let stranger = format!("{COOKIE}={}", Secret::random().expose());
    for _ in 0..10 {
        let answer = rig.bare(&visitor.host(), "GET", "/").header("cookie", &stranger).send().await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(rig.portal.with(|records| records.lookups), 1);

    rig.portal.with(|records| records.down = true);
    let answer = rig.request(&visitor, "GET", "/headers").send().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["code"], "portal_failed");
    rig.portal.with(|records| records.down = false);
    assert_eq!(rig.request(&visitor, "GET", "/headers").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_paths_never_reach_an_app() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    for target in ["/.myksc/", "/.myksc/x", "/%2emyksc/enter", "/.%6dyksc/enter", "//.myksc/x"] {
        let answer = rig.request(&visitor, "GET", target).send().await;
        assert_eq!(answer.status, 404, "{target}");
    }
    assert_eq!(rig.request(&visitor, "POST", "/.myksc/enter").send().await.status, 405);
    assert_eq!(app.state.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_touched_by_work_once_and_not_by_looking() {
    let rig = Rig::start().await;
    let app = App::on_unix().await;
    let visitor = rig.visitor_at(app.endpoint.clone());
    for _ in 0..3 {
        rig.request(&visitor, "GET", "/headers").send().await;
    }
    // What the app's pages send by themselves, as its template says.
    rig.request(&visitor, "POST", "/echo?poll=1").send().await;
    assert!(rig.portal.with(|records| records.touched.is_empty()) && rig.gateway.uses().is_empty());
    for path in ["/echo?pol", "/echo", "/echo?then&poll=1"] {
        rig.request(&visitor, "POST", path).send().await;
    }
    until("the portal heard of it", || !rig.portal.with(|records| records.touched.is_empty())).await;
    assert_eq!(rig.portal.with(|records| records.touched.clone()), [visitor.session]);
    assert_eq!(rig.gateway.uses()[0].0, visitor.app);
    rig.gateway.remove_route(&visitor.app);
    assert_eq!(rig.gateway.uses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_nobodys_is_misdirected() {
    let rig = Rig::start().await;
    let app = AppId::random();
    for host in
        ["evil.example", "x.localhost", &format!("{app}.evil.example"), &format!("x.{app}.localhost"), ""]
    {
        assert_eq!(rig.bare(host, "GET", "/").send().await.status, 421, "{host}");
    }
    let portal = rig.bare("localhost:8080", "GET", "/x").send().await;
    assert_eq!((portal.status.as_u16(), portal.text()), (200, "portal /x true"));
    let unknown = rig.bare(&format!("{app}.localhost"), "GET", "/").send().await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["code"], "app_not_found");
}
