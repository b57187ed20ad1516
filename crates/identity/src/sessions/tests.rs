use std::collections::HashSet;

use myksc_core::AppId;
use myksc_testdb::each_engine;

use super::*;
use crate::TokenWish;
use crate::testing::{World, somewhere};

fn announced(receiver: &mut broadcast::Receiver<SessionEnded>) -> HashSet<SessionId> {
    std::iter::from_fn(|| receiver.try_recv().ok()).map(|ended| ended.session).collect()
}

#[tokio::test]
async fn a_cookie_is_good_for_its_own_session_and_holds_no_trace_in_the_database() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (of_kim, of_lee) = (world.session(&kim).await, world.session(&lee).await);
        let sessions = &world.access.sessions;
        let verified = sessions.verify(of_kim.secret.expose()).await.unwrap().unwrap();
        assert_eq!(verified.user, kim);
        assert_eq!(verified.session, of_kim.verified.session);
        assert_eq!(verified.session.user_agent, "FirefoxX: y");

        assert!(verified.csrf_token.matches(of_kim.verified.csrf_token.expose()));
        for wrong in ["", of_lee.verified.csrf_token.expose(), of_kim.secret.expose()] {
            assert!(!verified.csrf_token.matches(wrong), "{wrong:?}");
        }
        assert!(!format!("{of_kim:?}").contains(of_kim.verified.csrf_token.expose()));
        // Neither the hash nor the id nor the CSRF token opens anything.
        let hash = of_kim.secret.hash().to_hex();
        for wrong in ["", "x", &hash, verified.session.id.as_str(), verified.csrf_token.expose()] {
            assert!(sessions.verify(wrong).await.unwrap().is_none(), "{wrong:?}");
        }
    })
    .await;
}

/// Somebody does something in the session, if it is not over.
async fn use_it(world: &World, opened: &Opened) -> bool {
    let Some(mut session) = world.verify(opened).await else { return false };
    world.access.sessions.used(&mut session).await;
    true
}

#[tokio::test]
async fn a_session_ends_without_use_and_in_any_case() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let (idle, used) = (world.session(&kim).await, world.session(&kim).await);
        for _ in 0..9 {
            world.pass_secs(105);
            assert!(use_it(&world, &used).await);
        }
        assert!(world.verify(&idle).await.is_none());
        assert_eq!(world.access.sessions.list(&kim.id).await.unwrap().len(), 1);
        world.pass_secs(54);
        assert!(use_it(&world, &used).await);
        world.pass_secs(1);
        assert!(world.verify(&used).await.is_none());
        assert_eq!(world.access.sessions.list(&kim.id).await.unwrap(), []);
        assert!(world.access.sessions.alive(&used.verified.session.id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn looking_whether_a_session_lives_does_not_keep_it_alive() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let opened = world.session(&kim).await;
        for _ in 0..10 {
            world.pass_secs(10);
            assert!(world.verify(&opened).await.is_some());
            assert!(world.access.sessions.alive(&opened.verified.session.id).await.unwrap().is_some());
        }
        world.pass_secs(10);
        assert!(world.verify(&opened).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn uses_are_written_seldom_and_none_shortens_the_time_that_is_left() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let opened = world.session(&kim).await;
        let (sessions, id) = (&world.access.sessions, &opened.verified.session.id);
        let started_at = opened.verified.session.last_used_at;
        let noted = || async { world.store.session(id).await.unwrap().unwrap().last_used_at };
        // Five seconds are what is not written down; the gateway holds a use back for as long.
        world.pass_secs(5);
        assert!(use_it(&world, &opened).await);
        sessions.touched(id).await.unwrap();
        assert_eq!(noted().await, started_at);
        // The last use that may be on record nowhere was at second 10: the session is good for 100 more.
        world.pass_secs(104);
        assert!(world.verify(&opened).await.is_some());
        sessions.touched(id).await.unwrap();
        assert_eq!(noted().await, started_at.plus_secs(109));
        world.pass_secs(109);
        assert!(use_it(&world, &opened).await);
        world.pass_secs(110);
        assert!(!use_it(&world, &opened).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_is_extended_at_once_but_not_beyond_its_end_nor_back_to_life() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let opened = world.session(&kim).await;
        let (sessions, session) = (&world.access.sessions, &opened.verified.session);
        world.pass_secs(1);
        let extended = sessions.extend(&session.id).await.unwrap();
        let idle_ends_at = sessions.idle_ends_at(&extended);
        assert_eq!(idle_ends_at, sessions.idle_ends_at(session).plus_secs(1));
        assert_eq!(idle_ends_at, sessions.idle_ends_at(&world.verify(&opened).await.unwrap()));
        for _ in 0..9 {
            world.pass_secs(109);
            sessions.extend(&session.id).await.unwrap();
        }
        let last = sessions.extend(&session.id).await.unwrap();
        assert_eq!(sessions.idle_ends_at(&last), session.expires_at);

        let other = world.session(&kim).await;
        world.pass_secs(110);
        for over in [&opened, &other] {
            let refused = sessions.extend(&over.verified.session.id).await;
            assert!(matches!(refused, Err(Error::Unauthenticated)), "{refused:?}");
            assert!(world.verify(over).await.is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn sign_out_everywhere_ends_sessions_tickets_and_grants_of_one_person_alone() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (first, second) = (world.session(&kim).await, world.session(&kim).await);
        let of_lee = world.session(&lee).await;
        let tickets = &world.access.tickets;
        let app = AppId::random();
        let spent = tickets.issue(&first.verified.session, &app, None).await.unwrap();
        let (grant_secret, _) = tickets.redeem(spent.secret.expose(), &app, None).await.unwrap().unwrap();
        let open = tickets.issue(&second.verified.session, &app, None).await.unwrap();

        let mut receiver = world.access.sessions.subscribe();
        world.access.sessions.end_all(&kim.id, None).await.unwrap();
        let expected = [&first, &second].map(|opened| opened.verified.session.id.clone()).into();
        assert_eq!(announced(&mut receiver), expected);
        for opened in [&first, &second] {
            assert!(world.verify(opened).await.is_none());
        }
        assert!(tickets.find_grant(&grant_secret.hash()).await.unwrap().is_none());
        assert!(tickets.redeem(open.secret.expose(), &app, None).await.unwrap().is_none());
        assert!(world.verify(&of_lee).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn nobody_ends_another_person_s_session() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let of_kim = world.session(&kim).await;
        let mut receiver = world.access.sessions.subscribe();
        let refused = world.access.sessions.end(&lee.id, &of_kim.verified.session.id).await;
        assert!(matches!(refused, Err(Error::NotFound { kind: "session", .. })), "{refused:?}");
        assert_eq!(announced(&mut receiver), HashSet::new());
        world.access.sessions.end(&kim.id, &of_kim.verified.session.id).await.unwrap();
        assert_eq!(announced(&mut receiver).len(), 1);
        let twice = world.access.sessions.end(&kim.id, &of_kim.verified.session.id).await;
        assert!(matches!(twice, Err(Error::NotFound { .. })), "{twice:?}");
    })
    .await;
}

#[tokio::test]
async fn what_ended_by_time_or_by_another_process_is_announced_by_the_sweep() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (over, elsewhere, of_lee) =
            (world.session(&kim).await, world.session(&kim).await, world.session(&lee).await);
        let id = |opened: &Opened| opened.verified.session.id.clone();
        let mut receiver = world.access.sessions.subscribe();
        world.access.sweep().await.unwrap();
        assert_eq!(announced(&mut receiver), HashSet::new());

        // Another process works on the same database.
        let other = World::new(world.store.clone());
        other.access.sessions.end(&kim.id, &id(&elsewhere)).await.unwrap();
        world.access.sweep().await.unwrap();
        assert_eq!(announced(&mut receiver), [id(&elsewhere)].into());
        world.store.set_locked(&lee.id, true).await.unwrap();
        assert!(world.verify(&of_lee).await.is_none());
        world.access.sweep().await.unwrap();
        assert_eq!(announced(&mut receiver), [id(&of_lee)].into());
        world.pass_secs(111);
        world.access.sweep().await.unwrap();
        assert!(announced(&mut receiver).contains(&id(&over)));
        assert_eq!(world.store.sessions_of(&kim.id).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn what_a_token_opens_is_one_session_that_ends_with_the_token() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let token = world.access.tokens.create(&kim.id, &TokenWish::new("laptop", 1)).await.unwrap().token;
        let sessions = &world.access.sessions;
        let first = sessions.of_token(&token, &somewhere()).await.unwrap();
        let second = sessions.of_token(&token, &somewhere()).await.unwrap();
        assert_eq!(first.id, second.id);
        assert_eq!(sessions.list(&kim.id).await.unwrap().len(), 1);
        world.pass_secs(110);
        let third = sessions.of_token(&token, &somewhere()).await.unwrap();
        assert_ne!(first.id, third.id);

        let mut receiver = sessions.subscribe();
        world.access.tokens.delete(&kim.id, &token.id).await.unwrap();
        assert_eq!(announced(&mut receiver), [first.id, third.id.clone()].into());
        assert!(sessions.alive(&third.id).await.unwrap().is_none());
    })
    .await;
}
