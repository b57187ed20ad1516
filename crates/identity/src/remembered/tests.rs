use std::net::{IpAddr, Ipv4Addr};

use myksc_core::Error;
use myksc_testdb::sqlite_store;

use crate::testing::World;
use crate::tokens::TokenWish;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn is_away<T>(answer: &myksc_core::Result<T>) -> bool {
    matches!(answer, Err(Error::Unavailable { code: "database_away", .. }))
}

#[tokio::test]
async fn who_was_verified_goes_on_for_five_minutes_without_the_database() {
    let (store, _folder) = sqlite_store().await;
    let world = World::with_long_sessions(store.clone());
    let (kim, lee) = (world.person("kim").await, world.person("lee").await);
    let (known, unknown) = (world.session(&kim).await, world.session(&lee).await);
    let access = &world.access;
    let token = access.tokens.create(&kim.id, &TokenWish::new("t", 9)).await.unwrap().expose();
    let other_token = access.tokens.create(&kim.id, &TokenWish::new("u", 9)).await.unwrap().expose();
    let (known, unknown) = (known.secret.expose(), unknown.secret.expose());
    access.sessions.verify(known).await.unwrap().unwrap();
    access.tokens.verify(&token, HERE).await.unwrap().unwrap();
    assert!(!access.sessions.is_database_away());

    store.close().await;
    world.pass_secs(299);
    let verified = access.sessions.verify(known).await.unwrap().unwrap();
    assert_eq!(verified.user.id, kim.id);
    assert_eq!(access.tokens.verify(&token, HERE).await.unwrap().unwrap().0.id, kim.id);
    assert!(access.sessions.is_database_away());
    assert!(is_away(&access.sessions.verify(unknown).await));
    assert!(is_away(&access.sessions.verify("made up").await));
    assert!(is_away(&access.tokens.verify(&other_token, HERE).await));
    // What was remembered is no new word of the database.
    world.pass_secs(1);
    assert!(is_away(&access.sessions.verify(known).await));
    assert!(is_away(&access.tokens.verify(&token, HERE).await));
}

#[tokio::test]
async fn what_ended_or_was_locked_before_is_not_remembered() {
    let (store, _folder) = sqlite_store().await;
    let world = World::with_long_sessions(store.clone());
    let access = &world.access;
    let (kim, lee, park) = (world.person("kim").await, world.person("lee").await, world.person("park").await);
    let han = world.person("han").await;
    let mut cookies = Vec::new();
    for person in [&kim, &lee, &han, &park] {
        let opened = world.session(person).await;
        access.sessions.verify(opened.secret.expose()).await.unwrap().unwrap();
        cookies.push(opened);
    }
    let token = |user: &myksc_core::User| {
        let id = user.id.clone();
        async move { access.tokens.create(&id, &TokenWish::new("t", 9)).await.unwrap() }
    };
    let (deleted, locked, kept) = (token(&kim).await, token(&lee).await, token(&park).await);
    let shut_out = token(&han).await;
    for token in [&deleted, &locked, &shut_out, &kept] {
        access.tokens.verify(&token.expose(), HERE).await.unwrap().unwrap();
    }
    access.sessions.end(&kim.id, &cookies[0].verified.session.id).await.unwrap();
    access.tokens.delete(&kim.id, &deleted.token.id).await.unwrap();
    access.accounts.set_locked(&lee.id, true).await.unwrap();
    access.people.shut_out(&han.id, "identity_unknown").await.unwrap();

    store.close().await;
    for cookie in &cookies[..3] {
        assert!(is_away(&access.sessions.verify(cookie.secret.expose()).await));
    }
    for token in [&deleted, &locked, &shut_out] {
        assert!(is_away(&access.tokens.verify(&token.expose(), HERE).await));
    }
    assert!(access.sessions.verify(cookies[3].secret.expose()).await.unwrap().is_some());
    assert!(access.tokens.verify(&kept.expose(), HERE).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_remembered_ends_by_the_clock_and_counts_at_its_own_networks_alone() {
    let (store, _folder) = sqlite_store().await;
    let world = World::new(store.clone());
    let access = &world.access;
    let kim = world.person("kim").await;
    let opened = world.session(&kim).await;
    let wish = TokenWish::new("t", 9).with_networks(&["127.0.0.1"]);
    let token = access.tokens.create(&kim.id, &wish).await.unwrap().expose();
    access.sessions.verify(opened.secret.expose()).await.unwrap().unwrap();
    access.tokens.verify(&token, HERE).await.unwrap().unwrap();

    store.close().await;
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert!(access.tokens.verify(&token, elsewhere).await.unwrap().is_none());
    // Its idle time passes within the five minutes.
    world.pass_secs(200);
    assert!(access.sessions.verify(opened.secret.expose()).await.unwrap().is_none());
}
