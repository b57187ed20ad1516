//! What the audit log tells of sign-ins at a provider.

use secrecy::ExposeSecret as _;
use serde_json::json;

use myksc_testdb::each_engine;

use super::fake::{CLIENT_SECRET, Refreshing};
use super::world::{World, code};

#[tokio::test]
async fn nothing_that_opens_anything_stands_in_the_log() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let started = world.start(None).await;
        let answer = world.fake.sign_in(&started.address);
        let finished = world.finish(&answer, &started).await.unwrap();
        assert_eq!(code(world.finish(&answer, &started).await), "oidc_state_unknown");
        let logout = world.fake.logout_token(None, &json!({ "sid": "sid-1" }));
        world.access.oidc.log_out("centre", &logout).await.unwrap();
        world.fake.set_person(json!({ "sub": "sub-lee", "preferred_username": "lee", "sid": "sid-2" }));
        world.sign_in().await.unwrap();
        world.pass_secs(46);
        world.fake.refresh_by(Refreshing::Refused);
        world.recheck().await;

        let entries = world.store.audit_entries(99).await.unwrap();
        let actions: Vec<_> = entries.iter().rev().map(|entry| entry.action.as_str()).collect();
        assert_eq!(
            actions,
            ["sign_in", "admit_user", "sign_in", "back_channel_logout", "sign_in", "shut_out"]
        );
        let log = format!("{entries:?}");
        let cookie = started.cookie.expose_secret();
        let (code, state) = (answer.code.as_deref().unwrap(), answer.state.as_deref().unwrap());
        let session = finished.opened.secret.expose();
        for secret in [code, state, cookie, session, &logout, CLIENT_SECRET, "refresh-"] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    })
    .await;
}
