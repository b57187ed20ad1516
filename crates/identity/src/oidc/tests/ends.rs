//! What the provider says later ends what a sign-in opened.

use std::sync::atomic::Ordering;

use serde_json::json;

use myksc_testdb::each_engine;

use super::fake::{GROUP, Mode, NOW_SECS, Refreshing};
use super::world::{World, code, user};

#[tokio::test]
async fn a_logout_that_the_provider_tells_of_ends_its_sessions_and_nothing_else() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let finished = world.sign_in().await.unwrap();
        let events = || json!({ "http://schemas.openid.net/event/backchannel-logout": 1 });
        let good = Some("logout+jwt");
        for (what, kind, claims) in [
            ("audience", good, json!({ "sid": "sid-1", "aud": "another" })),
            ("issuer", good, json!({ "sid": "sid-1", "iss": "https://evil.example" })),
            ("nonce", good, json!({ "sid": "sid-1", "nonce": "n" })),
            ("no event", good, json!({ "sid": "sid-1", "events": null })),
            ("wrong event", good, json!({ "sid": "sid-1", "events": events() })),
            ("no id", good, json!({ "sid": "sid-1", "jti": null })),
            ("nobody", good, json!({})),
            ("old", good, json!({ "sid": "sid-1", "iat": NOW_SECS - 700 })),
            ("over", good, json!({ "sid": "sid-1", "exp": NOW_SECS - 61 })),
            ("kind", Some("at+jwt"), json!({ "sid": "sid-1" })),
        ] {
            assert_eq!(code(world.log_out(kind, claims).await), "oidc_token_invalid", "{what}");
        }
        world.log_out(good, json!({ "sid": "sid-2", "sub": "sub-lee", "jti": "0" })).await.unwrap();
        world.log_out(good, json!({ "sid": "sid-1", "sub": "sub-kim", "jti": "1" })).await.unwrap();
        assert!(world.is_signed_in(&finished).await);

        let mut ended = world.access.sessions.subscribe();
        let claims = json!({ "sid": "sid-1", "sub": "sub-lee", "jti": "2" });
        world.log_out(good, claims.clone()).await.unwrap();
        assert!(!world.is_signed_in(&finished).await);
        assert_eq!(ended.recv().await.unwrap().session, finished.opened.verified.session.id);
        assert_eq!(code(world.log_out(good, claims).await), "oidc_token_invalid");

        // The provider's session is over, also for a sign-in that was under way.
        assert_eq!(code(world.sign_in().await), "oidc_state_unknown");
        world.fake.set_person(json!({ "sub": "sub-lee", "preferred_username": "lee", "sid": "sid-3" }));
        let finished = world.sign_in().await.unwrap();
        world.log_out(None, json!({ "sub": "sub-lee", "jti": "3" })).await.unwrap();
        assert!(!world.is_signed_in(&finished).await);
    })
    .await;
}

#[tokio::test]
async fn a_person_whom_the_provider_knows_no_more_is_shut_out_until_she_signs_in_again() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let finished = world.sign_in().await.unwrap();
        let mut shut_out = world.access.people.subscribe();
        world.recheck().await;
        assert_eq!(world.fake.asked("/token"), 1);
        // With another token each time.
        for asked in 2..4 {
            world.pass_secs(46);
            world.recheck().await;
            world.recheck().await;
            assert_eq!(world.fake.asked("/token"), asked);
        }
        world.pass_secs(46);
        for mode in [Mode::Fails, Mode::Rubbish, Mode::Hangs] {
            world.fake.set_mode(mode);
            world.recheck().await;
            world.pass_secs(46);
        }
        world.fake.set_mode(Mode::Fine);
        world.recheck().await;
        assert!(world.is_signed_in(&finished).await);

        world.pass_secs(46);
        world.fake.refresh_by(Refreshing::Refused);
        world.recheck().await;
        assert!(!world.is_signed_in(&finished).await);
        let lee = user(&world.store, "lee").await;
        assert!(lee.locked);
        assert_eq!(shut_out.recv().await.unwrap().user, lee.id);

        world.fake.refresh_by(Refreshing::Rotates);
        world.fake.set_person(json!({ "sub": "sub-lee", "preferred_username": "lee" }));
        world.fake.change_claims(|claims| {
            (claims["iat"], claims["exp"]) = (json!(NOW_SECS + 322), json!(NOW_SECS + 400));
        });
        world.millis.store((NOW_SECS + 322) * 1000, Ordering::SeqCst);
        let finished = world.sign_in().await.unwrap();
        assert!(world.is_signed_in(&finished).await);
        world.pass_secs(46);
        world.recheck().await;
        assert!(world.is_signed_in(&finished).await);
    })
    .await;
}

#[tokio::test]
async fn several_people_are_asked_about_at_once_and_not_all_of_them() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let people = 2 * GROUP;
        for n in 0..people {
            let name = format!("lee{n}");
            world.people.put(&name, 2000 + u32::try_from(n).unwrap());
            world.fake.set_person(json!({ "sub": format!("sub-{name}"), "preferred_username": name }));
            world.sign_in().await.unwrap();
        }
        world.pass_secs(46);
        world.fake.set_mode(Mode::InGroups);
        world.recheck().await;
        assert_eq!(world.fake.asked("/token"), u32::try_from(2 * people).unwrap());
        assert_eq!(world.fake.most_under_way(), GROUP);
        // Each got her own answer: nobody is out, and the token of each is good the next time.
        world.pass_secs(46);
        world.recheck().await;
        assert!(!user(&world.store, "lee0").await.locked);
        assert_eq!(world.fake.asked("/token"), u32::try_from(3 * people).unwrap());
    })
    .await;
}
