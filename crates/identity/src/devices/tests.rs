use myksc_testdb::each_engine;

use super::*;
use crate::testing::{World, somewhere};

fn wish() -> DeviceWish {
    DeviceWish {
        client_name: "command line".to_owned(),
        scopes: vec![Scope::Read, Scope::Jobs],
        expires_in_days: 30,
    }
}

fn address() -> IpAddr {
    somewhere().address
}

async fn start(world: &World) -> StartedDevice {
    world.access.devices.start(&wish(), address()).await.unwrap()
}

/// The code of the conflict that one that asks is told.
async fn refusal(world: &World, started: &StartedDevice) -> &'static str {
    match world.access.devices.poll(started.device_code.expose()).await {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_command_line_that_is_let_in_gets_its_token_once_and_nothing_of_it_rests_in_the_open() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let session = world.session(&kim).await.verified.session;
        let started = start(&world).await;
        let devices = &world.access.devices;
        assert_eq!(refusal(&world, &started).await, "device_pending");
        let shown = devices.find(&kim.id, &started.user_code, address()).await.unwrap();
        assert_eq!((shown.client_name.as_str(), shown.address.as_str()), ("command line", "192.0.2.7"));
        devices.approve(&session, &started.user_code, address()).await.unwrap();

        world.pass_secs(5);
        let token = devices.poll(started.device_code.expose()).await.unwrap();
        assert!(!format!("{token:?}").contains(token.expose()));
        let (user, found) = world.access.tokens.verify(token.expose(), address()).await.unwrap().unwrap();
        assert_eq!((user.id, &found.id, found.expires_at), (kim.id, &token.id, token.expires_at));
        assert_eq!((found.name.as_str(), found.scopes), ("command line", vec![Scope::Read, Scope::Jobs]));
        assert_eq!(refusal(&world, &started).await, "device_expired");
    })
    .await;
}

#[tokio::test]
async fn a_code_is_decided_once_and_in_time() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (of_kim, of_lee) =
            (world.session(&kim).await.verified.session, world.session(&lee).await.verified.session);
        let devices = &world.access.devices;
        let (approved, denied, late) = (start(&world).await, start(&world).await, start(&world).await);
        devices.approve(&of_kim, &approved.user_code, address()).await.unwrap();
        devices.deny(&kim.id, &denied.user_code, address()).await.unwrap();
        for started in [&approved, &denied] {
            for second in [
                devices.approve(&of_lee, &started.user_code, address()).await,
                devices.deny(&lee.id, &started.user_code, address()).await,
                devices.find(&kim.id, &started.user_code, address()).await,
            ] {
                assert!(matches!(second, Err(Error::NotFound { kind: "device", .. })), "{second:?}");
            }
            // The throttle's free attempts are for people who mistype.
            world.pass_secs(61);
        }
        assert_eq!(world.access.tokens.list(&lee.id).await.unwrap(), []);
        assert_eq!(refusal(&world, &denied).await, "device_denied");

        world.pass_secs(600);
        let over = devices.approve(&of_kim, &late.user_code, address()).await;
        assert!(matches!(over, Err(Error::NotFound { .. })), "{over:?}");
        for started in [&approved, &denied, &late] {
            assert_eq!(refusal(&world, started).await, "device_expired");
        }
        // Nobody fetched kim's token, so nobody holds it.
        assert_eq!(world.access.tokens.list(&kim.id).await.unwrap().len(), 1);
        world.access.sweep().await.unwrap();
        assert_eq!(world.access.tokens.list(&kim.id).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn only_a_live_session_lets_a_command_line_in() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let session = world.session(&kim).await.verified.session;
        let started = start(&world).await;
        world.access.sessions.end(&kim.id, &session.id).await.unwrap();
        let refused = world.access.devices.approve(&session, &started.user_code, address()).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{refused:?}");
        assert_eq!(refusal(&world, &started).await, "device_pending");
    })
    .await;
}

#[tokio::test]
async fn who_guesses_codes_is_slowed_and_right_ones_do_not_help() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let started = start(&world).await;
        let find = async |code: &UserCode| world.access.devices.find(&kim.id, code, address()).await;
        for _ in 0..5 {
            find(&started.user_code).await.unwrap();
            let wrong = find(&UserCode::random()).await;
            assert!(matches!(wrong, Err(Error::NotFound { .. })), "{wrong:?}");
        }
        let slowed = find(&started.user_code).await;
        assert!(matches!(slowed, Err(Error::TooMany { retry_after_secs: 1 })), "{slowed:?}");
        world.pass_secs(1);
        find(&started.user_code).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_no_token_could_be_is_not_started() {
    each_engine(|store| async move {
        let world = World::new(store);
        let wrong = DeviceWish { client_name: "a\nb".to_owned(), scopes: Vec::new(), expires_in_days: 0 };
        let Err(Error::Invalid(problems)) = world.access.devices.start(&wrong, address()).await else {
            panic!("it was started");
        };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["client_name", "expires_in_days", "scopes"]);
    })
    .await;
}
