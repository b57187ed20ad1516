//! The stream of live events.

use std::time::Duration;

use myksc_core::{Contract, Resources, Timestamp};
use myksc_testkit::{Events, TestPortal};

use crate::kims::{id, launch};

#[tokio::test]
async fn a_change_arrives_and_a_reader_that_was_away_misses_none() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let mut events = Events::open(&kim, "/api/v1/events").await;
    let hello = events.next().await.unwrap();
    assert_eq!(hello.name, "hello");
    assert_eq!(hello.data["revision"], hello.id);
    let app = id(&kim.post("/api/v1/apps", &launch("seen-live")).await.expect(202).json());
    let event = events.expect("app").await;
    assert_eq!(event.data["id"], app);
    assert!(event.data["origin"].as_str().unwrap().contains(&app));
    assert!(event.id > hello.id);
    drop(events);
    let mut again = Events::open(&kim, &format!("/api/v1/events?since={}", hello.id)).await;
    assert_eq!(again.next().await.unwrap().name, "hello");
    assert_eq!(again.expect("app").await.data["id"], app);
}

#[tokio::test]
async fn nothing_of_anothers_arrives() {
    let portal = TestPortal::start().await;
    let (kim, lee) = (portal.browser("kim").await, portal.browser("lee").await);
    let mut hers = Events::open(&kim, "/api/v1/events").await;
    let mut his = Events::open(&lee, "/api/v1/events").await;
    let _ = kim.post("/api/v1/apps", &launch("kims-alone")).await.expect(202);
    let _ = hers.expect("app").await;
    let limits = Resources { cpu_millis: 1000, memory_bytes: 1 << 30, gpus: 0 };
    let now = Timestamp::now();
    let contract = Contract { starts_at: now, ends_at: now.plus_secs(60), limits, budget_sru_hours: None };
    let user = portal.user("lee").await.id;
    portal.state.store.set_contract(&user, &contract).await.unwrap();
    assert_eq!(his.next().await.unwrap().name, "hello");
    assert_eq!(his.next().await.unwrap().name, "contract");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let portal = TestPortal::start().await;
    let (here, elsewhere) = (portal.browser("kim").await, portal.browser("kim").await);
    let mut events = Events::open(&here, "/api/v1/events").await;
    assert_eq!(events.next().await.unwrap().name, "hello");
    let _ = elsewhere.delete("/api/v1/sessions").await.expect(204);
    let _ = events.expect("session_ended").await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_stream_of_a_token_ends_when_its_person_is_locked() {
    let portal = TestPortal::start().await;
    let mut events = Events::open(&portal.program("kim").await, "/api/v1/events").await;
    let mut of_lee = Events::open(&portal.program("lee").await, "/api/v1/events").await;
    assert_eq!(events.next().await.unwrap().name, "hello");
    portal.lock("kim").await;
    let _ = events.expect("session_ended").await;
    assert_eq!(events.next().await, None);
    assert_eq!(of_lee.next().await.unwrap().name, "hello");
    let more = tokio::time::timeout(Duration::from_millis(200), of_lee.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn a_revision_that_never_was_starts_anew() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    for since in ["999999", "-1"] {
        let mut events = Events::open(&kim, &format!("/api/v1/events?since={since}")).await;
        assert_eq!(events.next().await.unwrap().name, "hello");
        if since == "999999" {
            assert_eq!(events.next().await.unwrap().name, "reset");
        }
    }
}

#[tokio::test]
async fn streams_end_when_the_portal_stops() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let mut events = Events::open(&kim, "/api/v1/events").await;
    assert_eq!(events.next().await.unwrap().name, "hello");
    portal.stop().await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn one_person_cannot_hold_every_stream() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Events::open(&kim, "/api/v1/events").await);
    }
    let answer = kim.get("/api/v1/events").await.expect(429);
    assert!(answer.headers.contains_key("retry-after"));
}
