use myksc_core::User;
use myksc_testdb::{each_engine, sqlite_store};

use super::*;
use crate::TokenWish;
use crate::testing::World;

/// Whether a lease ends within the time that something which was announced takes.
async fn is_over(lease: &mut Lease) -> bool {
    tokio::time::timeout(Duration::from_millis(300), lease.ended()).await.is_ok()
}

/// One by a session and one by a token.
async fn leases(world: &World, user: &User) -> [Lease; 2] {
    let session = world.session(user).await.verified.session;
    let token = world.access.tokens.create(&user.id, &TokenWish::new("t", 1)).await.unwrap().token;
    [Shown::Session(session.id), Shown::Token(token.id)]
        .map(|shown| world.access.lease(user.id.clone(), shown))
}

#[tokio::test]
async fn a_lock_ends_what_its_person_opened_at_once_and_nothing_of_others() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person_of("centre", "lee").await);
        world.person("park").await;
        let (mut of_kim, mut of_lee) = (leases(&world, &kim).await, leases(&world, &lee).await);
        for lease in of_kim.iter_mut().chain(&mut of_lee) {
            assert!(!is_over(lease).await);
        }
        world.access.people.shut_out(&lee.id, "gone").await.unwrap();
        for lease in &mut of_lee {
            assert!(is_over(lease).await, "{:?}", lease.shown);
        }
        for lease in &mut of_kim {
            assert!(!is_over(lease).await, "{:?}", lease.shown);
        }
        let operator = world.person("seo").await;
        world.access.operators.lock(&operator.id, &kim.id, None).await.unwrap();
        for lease in &mut of_kim {
            assert!(is_over(lease).await, "{:?}", lease.shown);
        }
    })
    .await;
}

#[tokio::test]
async fn what_nobody_announces_is_looked_for() {
    each_engine(|store| async move {
        let world = World::new(store.clone());
        let kim = world.person("kim").await;
        let [mut by_session, mut by_token] = leases(&world, &kim).await;
        let [_, mut by_other_token] = leases(&world, &kim).await;
        assert!(by_session.holds().await && by_token.holds().await);
        let Shown::Token(token) = &by_token.shown else { panic!("a token") };
        world.access.tokens.delete(&kim.id, &token.clone()).await.unwrap();
        assert!(!by_token.holds().await && by_other_token.holds().await);
        // By another process.
        store.set_locked(&kim.id, true).await.unwrap();
        assert!(!by_session.holds().await && !by_other_token.holds().await);
    })
    .await;
}

#[tokio::test]
async fn without_the_database_nothing_lasts_longer_than_the_site_says() {
    let (store, _folder) = sqlite_store().await;
    let world = World::with_long_sessions(store.clone());
    let kim = world.person("kim").await;
    let cookie = world.session(&kim).await;
    world.verify(&cookie).await.unwrap();
    let [mut by_session, mut by_token] = leases(&world, &kim).await;
    assert!(by_session.holds().await && by_token.holds().await);
    store.close().await;
    world.pass_secs(299);
    assert!(by_session.holds().await && by_token.holds().await);
    // One that is begun meanwhile gets no further time.
    let mut late = world.access.lease(kim.id.clone(), by_session.shown.clone());
    assert!(late.holds().await);
    world.pass_secs(1);
    assert!(!by_session.holds().await && !by_token.holds().await && !late.holds().await);
}
