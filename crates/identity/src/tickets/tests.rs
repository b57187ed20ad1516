use myksc_core::SessionId;
use myksc_testdb::each_engine;

use super::*;
use crate::TokenWish;
use crate::testing::{World, somewhere};

/// A ticket with a nonce, its app, and the nonce's hash.
async fn issued(world: &World, session: &Session) -> (IssuedTicket, AppId, SecretHash) {
    let (app, nonce) = (AppId::random(), Secret::random().hash());
    let ticket = world.access.tickets.issue(session, &app, Some(nonce)).await.unwrap();
    (ticket, app, nonce)
}

#[tokio::test]
async fn a_ticket_is_spent_once_for_a_grant_of_its_app_and_session() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let session = world.session(&kim).await.verified.session;
        let (ticket, app, nonce) = issued(&world, &session).await;
        let tickets = &world.access.tickets;
        let (secret, grant) =
            tickets.redeem(ticket.secret.expose(), &app, Some(nonce)).await.unwrap().unwrap();
        assert_eq!((&grant.app, &grant.user, &grant.session), (&app, &kim.id, &session.id));
        assert_eq!(grant.expires_at, session.expires_at);
        assert_eq!(tickets.find_grant(&secret.hash()).await.unwrap(), Some(grant));
        assert!(tickets.redeem(ticket.secret.expose(), &app, Some(nonce)).await.unwrap().is_none());
        assert_eq!(tickets.find_grant(&ticket.secret.hash()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_in_wrong_hands_opens_nothing_and_is_spent() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let session = world.session(&kim).await.verified.session;
        let tickets = &world.access.tickets;
        for case in ["other app", "other nonce", "no nonce"] {
            let (ticket, app, nonce) = issued(&world, &session).await;
            let (shown_app, shown_nonce) = match case {
                "other app" => (AppId::random(), Some(nonce)),
                "other nonce" => (app.clone(), Some(Secret::random().hash())),
                _ => (app.clone(), None),
            };
            let ticket = ticket.secret.expose();
            assert!(tickets.redeem(ticket, &shown_app, shown_nonce).await.unwrap().is_none(), "{case}");
            assert!(tickets.redeem(ticket, &app, Some(nonce)).await.unwrap().is_none(), "{case}");
        }
        for rubbish in ["", "x", "\0", "가"] {
            assert!(tickets.redeem(rubbish, &AppId::random(), None).await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_ticket_lives_30_seconds_and_no_longer_than_its_session() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tickets = &world.access.tickets;
        for (secs, is_good) in [(29, true), (30, false)] {
            let session = world.session(&kim).await.verified.session;
            let (ticket, app, nonce) = issued(&world, &session).await;
            world.pass_secs(secs);
            let redeemed = tickets.redeem(ticket.secret.expose(), &app, Some(nonce)).await.unwrap();
            assert_eq!(redeemed.is_some(), is_good, "{secs}");
        }
        let session = world.session(&kim).await.verified.session;
        let (ticket, app, nonce) = issued(&world, &session).await;
        world.access.sessions.end(&kim.id, &session.id).await.unwrap();
        assert!(tickets.redeem(ticket.secret.expose(), &app, Some(nonce)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_ticket_of_the_command_line_needs_no_nonce_and_its_grant_ends_with_the_token() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let token = world.access.tokens.create(&kim.id, &TokenWish::new("laptop", 1)).await.unwrap().token;
        let session = world.access.sessions.of_token(&token, &somewhere()).await.unwrap();
        let (tickets, app) = (&world.access.tickets, AppId::random());
        let ticket = tickets.issue(&session, &app, None).await.unwrap();
        let leftover = Some(Secret::random().hash());
        // The gateway asks again without nonce where no page can have started the navigation.
        assert!(tickets.redeem(ticket.secret.expose(), &app, leftover).await.unwrap().is_none());
        let (secret, grant) = tickets.redeem(ticket.secret.expose(), &app, None).await.unwrap().unwrap();
        assert_eq!(tickets.find_grant(&secret.hash()).await.unwrap(), Some(grant));
        world.access.tokens.delete(&kim.id, &token.id).await.unwrap();
        assert_eq!(tickets.find_grant(&secret.hash()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_grant_is_over_when_its_session_is_idle_locked_or_gone() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tickets = &world.access.tickets;
        let open = async || {
            let session = world.session(&kim).await.verified.session;
            let (ticket, app, nonce) = issued(&world, &session).await;
            let redeemed = tickets.redeem(ticket.secret.expose(), &app, Some(nonce)).await.unwrap();
            (redeemed.unwrap().0.hash(), session.id)
        };
        let is_good = async |grant: &SecretHash| tickets.find_grant(grant).await.unwrap().is_some();
        let (idle, _): (SecretHash, SessionId) = open().await;
        // A use may have been noted as much as ten seconds late.
        world.pass_secs(109);
        assert!(is_good(&idle).await);
        world.pass_secs(1);
        assert!(!is_good(&idle).await);

        let (locked, _) = open().await;
        world.store.set_locked(&kim.id, true).await.unwrap();
        assert!(!is_good(&locked).await);
        world.store.set_locked(&kim.id, false).await.unwrap();
        let (gone, session) = open().await;
        world.access.sessions.end(&kim.id, &session).await.unwrap();
        assert!(!is_good(&gone).await);
    })
    .await;
}
