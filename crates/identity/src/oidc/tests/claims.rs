//! People whose accounts are the claims of their provider.

use std::time::Duration;

use serde_json::json;

use myksc_core::Role;
use myksc_store::Store;
use myksc_testdb::each_engine;

use super::world::{World, code, user};
use crate::oidc::OidcIdentity;

const RECHECK_SECS: i64 = 2;

type Change = fn(&mut serde_json::Value);

/// What the provider says of a person, with a change.
fn han(change: Change) -> serde_json::Value {
    let mut person = json!({
        "sub": "sub-han", "preferred_username": "han", "uid_number": 1010, "gid_number": 2000,
        "groups": [{ "gid": 2001, "name": "hpc" }], "home": "/nowhere/han",
    });
    change(&mut person);
    person
}

async fn world_with_han(store: Store) -> World {
    let world = World::with(store, |config| {
        config.identity = OidcIdentity::Claims;
        config.times.recheck = Duration::from_secs(RECHECK_SECS.unsigned_abs());
    });
    let world = world.await;
    world.fake.set_person(han(|_| {}));
    world
}

/// The provider says this of her from now on, and is asked.
async fn say(world: &World, change: Change) {
    world.fake.set_person(han(change));
    world.pass_secs(RECHECK_SECS);
    world.recheck().await;
}

#[tokio::test]
async fn new_claims_make_the_account_while_its_person_is_here() {
    each_engine(|store| async move {
        let world = world_with_han(store).await;
        let finished = world.sign_in().await.unwrap();
        say(&world, |han| han["groups"] = json!([{ "gid": 2002, "name": "helpdesk" }])).await;
        let now = user(&world.store, "han").await;
        assert_eq!(now.groups.iter().map(|group| group.gid).collect::<Vec<_>>(), [2000, 2002]);
        assert_eq!(now.role, Role::Support);

        // What is no word about her account changes nothing.
        let wordless: [(&str, Change); 4] = [
            ("no account", |han| han["gid_number"] = json!(null)),
            ("no name", |han| han["preferred_username"] = json!(null)),
            ("somebody else", |han| han["sub"] = json!("sub-of-another")),
            ("for others", |han| han["aud"] = json!("another")),
        ];
        for (what, change) in wordless {
            say(&world, change).await;
            assert_eq!(user(&world.store, "han").await, now, "{what}");
        }
        assert!(world.is_signed_in(&finished).await);

        say(&world, |han| han["uid_number"] = json!(1011)).await;
        assert!(!world.is_signed_in(&finished).await);
        let standing = world.store.standing(&now.id).await.unwrap().unwrap();
        assert_eq!(standing.shut_out.as_deref(), Some("identity_uid_changed"));
        world.fake.set_person(han(|_| {}));
        let finished = world.sign_in().await.unwrap();
        assert!(world.is_signed_in(&finished).await);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_let_in_about_whom_the_provider_can_not_be_asked() {
    each_engine(|store| async move {
        let world = world_with_han(store).await;
        world.fake.grant("openid profile");
        assert_eq!(code(world.sign_in().await), "oidc_unavailable");
        assert!(world.store.users().await.unwrap().is_empty());
        world.fake.grant("openid offline_access");
        world.sign_in().await.unwrap();
    })
    .await;
}
