//! Sign-ins at a provider that does what it should, and at ones that do not.

mod claims;
mod ends;
mod fake;
mod log;
mod world;

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use myksc_core::user::Group;
use myksc_core::{Role, Translated};
use myksc_testdb::each_engine;

use super::*;
use crate::testing::somewhere;

use fake::{CLIENT_ID, CLIENT_SECRET, Mode, NOW_SECS, Signing};
use world::{World, code, user};

#[tokio::test]
async fn a_person_whom_the_provider_knows_signs_in_with_her_account_of_the_directory() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        world.people.change("lee", |lee| {
            lee.account.groups.push(Group { gid: 9, name: "helpdesk".to_owned() });
        });
        for signing in [Signing::Rs256, Signing::Es256] {
            world.fake.sign_by(signing);
            let started = world.start(Some("/open/a1?to=%2Flab")).await;
            let finished = world.finish(&world.fake.sign_in(&started.address), &started).await.unwrap();
            assert_eq!(finished.next, "/open/a1?to=%2Flab");
            let verified = finished.opened.verified;
            assert_eq!((verified.user.name.as_str(), verified.user.uid), ("lee", 1002));
            assert_eq!((verified.user.provider.as_str(), verified.user.role), ("centre", Role::Support));
            assert_eq!(verified.session.provider_session.as_deref(), Some("sid-1"));
            assert!(world.access.sessions.verify(finished.opened.secret.expose()).await.unwrap().is_some());
        }
        assert_eq!(world.store.users().await.unwrap().len(), 1);
        let way = &world.access.oidc.ways()[0];
        assert_eq!((way.id.as_str(), way.available), ("centre", true));
        let leave = world.access.oidc.sign_out_address(&user(&world.store, "lee").await).unwrap();
        assert!(leave.starts_with(&format!("{}/logout?client_id=myksc&", world.fake.issuer)), "{leave}");
        assert!(
            leave.ends_with("post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fsign-in"),
            "{leave}"
        );
        let outcomes = world.store.audit_entries(9).await.unwrap();
        let (portals, hers): (Vec<_>, Vec<_>) = outcomes.iter().partition(|entry| entry.actor == "portal");
        assert!(hers.iter().all(|entry| entry.actor == "lee" && entry.object == "centre"), "{hers:?}");
        let [admitted] = portals[..] else { panic!("{portals:?}") };
        assert_eq!(
            (&*admitted.action, &*admitted.object),
            ("admit_user", "lee (role support, +2000:hpc, +9:helpdesk)")
        );
    })
    .await;
}

#[tokio::test]
async fn where_to_come_back_to_is_fixed_and_next_is_a_place_of_the_portal() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let started = world.start(Some("https://evil.example/")).await;
        let address = Url::parse(&started.address).unwrap();
        let redirect = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
        assert_eq!(redirect, "http://localhost:8080/oidc/centre/callback");
        let finished = world.finish(&world.fake.sign_in(&started.address), &started).await.unwrap();
        assert_eq!(finished.next, "/");
    })
    .await;
}

#[tokio::test]
async fn an_id_token_that_is_not_for_this_sign_in_is_not_believed() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 14] = [
        ("nonce", |claims| claims["nonce"] = json!("another")),
        ("no nonce", |claims| claims["nonce"] = json!(null)),
        ("audience", |claims| claims["aud"] = json!("another")),
        ("no audience", |claims| claims["aud"] = json!(null)),
        ("audiences", |claims| (claims["aud"], claims["azp"]) = (json!(["other", "myksc"]), json!("other"))),
        ("party", |claims| claims["azp"] = json!("another")),
        ("issuer", |claims| claims["iss"] = json!("https://evil.example")),
        ("issuer's end", |claims| claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap()))),
        ("expired", |claims| claims["exp"] = json!(NOW_SECS - 61)),
        ("no end", |claims| claims["exp"] = json!(null)),
        ("old", |claims| claims["iat"] = json!(NOW_SECS - 700)),
        ("future", |claims| claims["iat"] = json!(NOW_SECS + 61)),
        ("no subject", |claims| claims["sub"] = json!("")),
        ("not yet", |claims| claims["nbf"] = json!(NOW_SECS + 3600)),
    ];
    each_engine(|store| async move {
        let world = World::new(store).await;
        for (what, change) in changes {
            world.fake.change_claims(change);
            let answer = world.sign_in().await;
            assert!(
                matches!(code(answer), "oidc_token_invalid" | "oidc_unavailable"),
                "{what} was believed or is another failure"
            );
        }
        world.fake.change_claims(|_| {});
        for signing in [Signing::None, Signing::PublicKeyAsSecret, Signing::Forged] {
            world.fake.sign_by(signing);
            assert_eq!(code(world.sign_in().await), "oidc_token_invalid", "{signing:?}");
        }
        assert!(world.store.users().await.unwrap().is_empty());
        world.fake.sign_by(Signing::Rs256);
        // Within the skew, and for others, too, where the provider says who asked for it.
        world.fake.change_claims(|claims| {
            claims["iat"] = json!(NOW_SECS + 59);
            claims["exp"] = json!(NOW_SECS - 59);
            claims["aud"] = json!(["myksc", "account"]);
        });
        world.sign_in().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_claim_gives_a_role_where_the_site_believes_it_and_a_group_may_give_more() {
    let rule = |role, claim: &str, value: &str| ClaimRole {
        role,
        claim: claim.to_owned(),
        values: vec!["unused".to_owned(), value.to_owned()],
    };
    let rules = &[
        rule(Role::Operator, "realm_access.roles", "portal-operator"),
        rule(Role::ProjectLeader, "https://sso.example.org/role", "leader"),
    ];
    let cases = &[
        (json!({ "realm_access": { "roles": ["a", "portal-operator"] } }), Role::Operator),
        (json!({ "realm_access": { "roles": "portal-operator" } }), Role::Operator),
        (json!({ "realm_access.roles": ["portal-operator"], "realm_access": null }), Role::Operator),
        (json!({ "https://sso.example.org/role": "leader" }), Role::ProjectLeader),
        (json!({ "realm_access": { "roles": ["Portal-Operator", 7, null] } }), Role::User),
        (json!({ "realm_access": { "roles": { "portal-operator": true } } }), Role::User),
        (json!({ "roles": ["portal-operator"], "realm_access": "portal-operator" }), Role::User),
        (json!({}), Role::User),
    ];
    each_engine(|store| async move {
        let world = World::with(store, |config| config.roles = rules.to_vec()).await;
        let role = async || world.sign_in().await.unwrap().opened.verified.user.role;
        for (claims, expected) in cases {
            let told = claims.clone();
            world.fake.change_claims(move |token| {
                for (name, value) in told.as_object().unwrap() {
                    token[name] = value.clone();
                }
            });
            assert_eq!(role().await, *expected, "{claims}");
        }
        world.people.change("lee", |lee| {
            lee.account.groups.push(Group { gid: 9, name: "helpdesk".to_owned() });
        });
        world.fake.change_claims(|token| token["https://sso.example.org/role"] = json!("leader"));
        assert_eq!(role().await, Role::Support);
        world.fake.change_claims(|token| token["realm_access"] = json!({ "roles": ["portal-operator"] }));
        assert_eq!(role().await, Role::Operator);
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_nobody_asked_for_gives_nothing() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        world.fake.change_claims(|token| token["roles"] = json!(["operator", "portal-operator"]));
        assert_eq!(world.sign_in().await.unwrap().opened.verified.user.role, Role::User);
    })
    .await;
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_names_one_but_not_for_every_stranger() {
    each_engine(|store| async move {
        let world = World::with(store, |config| config.times.keys = Duration::from_secs(3600)).await;
        world.sign_in().await.unwrap();
        assert_eq!(world.fake.asked("/keys"), 1);
        world.fake.rotate_keys();
        world.sign_in().await.unwrap();
        assert_eq!(world.fake.asked("/keys"), 2);
        world.fake.rotate_keys();
        for id in ["1", "2", "3"] {
            let answer = world.log_out(None, json!({ "sid": "sid-1", "jti": id })).await;
            assert_eq!(code(answer), "oidc_token_invalid");
        }
        assert_eq!(world.fake.asked("/keys"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_belongs_to_the_browser_that_began_it_and_is_spent_once() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let oidc = &world.access.oidc;
        let (mine, other) = (world.start(None).await, world.start(None).await);
        let answer = world.fake.sign_in(&mine.address);
        // An attacker sends somebody the end of a sign-in of his own.
        assert_eq!(code(world.finish(&answer, &other).await), "oidc_state_unknown");
        assert_eq!(
            code(oidc.finish("centre", &answer, None, &somewhere(), None).await),
            "oidc_state_unknown"
        );
        // Another provider can't end it, either.
        let cookie = Some(mine.cookie.expose_secret());
        let mixed = oidc.finish("other", &answer, cookie, &somewhere(), None).await;
        assert_eq!(code(mixed), "oidc_state_unknown");
        world.finish(&answer, &mine).await.unwrap();
        assert_eq!(code(world.finish(&answer, &mine).await), "oidc_state_unknown");

        // A code of another sign-in of the same browser does not fit this one's verifier and nonce.
        let again = oidc.start("centre", None, cookie).await.unwrap();
        let third = oidc.start("centre", None, cookie).await.unwrap();
        assert_eq!(again.cookie.expose_secret(), mine.cookie.expose_secret());
        let (first, second) = (world.fake.sign_in(&again.address), world.fake.sign_in(&third.address));
        let swapped = OidcAnswer { code: second.code.clone(), ..first };
        assert_eq!(code(world.finish(&swapped, &again).await), "oidc_refused");
        // Several tabs at once.
        let (tab, other_tab) = (
            oidc.start("centre", Some("/a"), cookie).await.unwrap(),
            oidc.start("centre", Some("/b"), cookie).await.unwrap(),
        );
        for (started, next) in [(other_tab, "/b"), (tab, "/a")] {
            let answer = world.fake.sign_in(&started.address);
            assert_eq!(world.finish(&answer, &started).await.unwrap().next, next);
        }

        let late = world.start(None).await;
        let answer = world.fake.sign_in(&late.address);
        world.pass_secs(OIDC_FLOW_SECS);
        assert_eq!(code(world.finish(&answer, &late).await), "oidc_state_unknown");
    })
    .await;
}

#[tokio::test]
async fn the_session_that_the_browser_held_before_ends() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let planted = world.sign_in().await.unwrap();
        let started = world.start(None).await;
        let answer = world.fake.sign_in(&started.address);
        let (cookie, before) = (started.cookie.expose_secret(), planted.opened.secret.expose());
        let oidc = &world.access.oidc;
        let finished =
            oidc.finish("centre", &answer, Some(cookie), &somewhere(), Some(before)).await.unwrap();
        assert_ne!(finished.opened.secret.expose(), before);
        assert!(!world.is_signed_in(&planted).await);
        assert!(world.is_signed_in(&finished).await);
    })
    .await;
}

#[tokio::test]
async fn an_answer_must_come_from_the_provider_that_was_asked() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        world.fake.name_itself();
        for issuer in [Some("https://evil.example".to_owned()), None] {
            let started = world.start(None).await;
            let answer = OidcAnswer { issuer, ..world.fake.sign_in(&started.address) };
            assert_eq!(code(world.finish(&answer, &started).await), "oidc_token_invalid");
        }
        for (error, expected) in [
            (Some("access_denied"), "oidc_cancelled"),
            (Some("server_error"), "oidc_unavailable"),
            (Some("invalid_scope"), "oidc_refused"),
            (None, "oidc_refused"),
        ] {
            let started = world.start(None).await;
            let answer = world.fake.sign_in(&started.address);
            let answer = OidcAnswer { code: None, error: error.map(str::to_owned), ..answer };
            assert_eq!(code(world.finish(&answer, &started).await), expected);
        }
        assert_eq!(world.fake.asked("/token"), 0);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_is_down_slow_or_answers_rubbish_lets_nobody_in_and_comes_back_by_itself() {
    let modes = [Mode::Fails, Mode::Rubbish, Mode::Huge, Mode::Hangs, Mode::Redirects];
    each_engine(|store| async move {
        for (mode, uid) in modes.into_iter().zip(1100..) {
            // Another issuer each time, which calls nobody by the subject of another.
            let (world, name) = (World::new(store.clone()).await, format!("person{uid}"));
            world.people.put(&name, uid);
            world.fake.set_person(json!({ "sub": name, "preferred_username": name }));
            world.fake.set_mode(mode);
            let start = world.access.oidc.start("centre", None, None).await;
            assert_eq!(code(start), "oidc_unavailable", "{mode:?}");
            assert!(!world.access.oidc.ways()[0].available);
            world.fake.set_mode(Mode::Fine);
            let started = world.start(None).await;
            assert!(world.access.oidc.ways()[0].available);
            let answer = world.fake.sign_in(&started.address);
            world.fake.set_mode(mode);
            assert_eq!(code(world.finish(&answer, &started).await), "oidc_unavailable", "{mode:?}");
            world.fake.set_mode(Mode::Fine);
            world.sign_in().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn people_whom_the_directory_does_not_let_in_stay_out() {
    each_engine(|store| async move {
        let world = World::new(store).await;
        let claimed = |name: &str, sub: &str| json!({ "sub": sub, "preferred_username": name });
        world.people.put("root", 0);
        world.people.put("park", 1003);
        world.people.change("park", |park| park.locked = true);
        world.people.put("choi", 1004);
        world.people.change("choi", |choi| choi.account.name = "Choi".to_owned());
        world.people.hide("away");
        for (name, expected) in [
            ("root", "identity_uid_is_root"),
            ("park", "identity_locked"),
            ("choi", "identity_name_differs"),
            ("stranger", "identity_unknown"),
            ("away", "directory_unavailable"),
            ("", "identity_name_missing"),
            ("../kim", "identity_name_missing"),
        ] {
            world.fake.set_person(claimed(name, &format!("sub of {name}")));
            assert_eq!(code(world.sign_in().await), expected, "{name:?}");
            let logged = world.store.audit_entries(1).await.unwrap().remove(0);
            assert_eq!((logged.action.as_str(), logged.outcome.as_deref()), ("sign_in", Some(expected)));
        }
        assert!(world.store.users().await.unwrap().is_empty());

        world.fake.set_person(claimed("lee", "sub-lee"));
        world.sign_in().await.unwrap();
        world.fake.set_person(claimed("lee", "sub-of-somebody-else"));
        assert_eq!(code(world.sign_in().await), "identity_name_taken");
        world.people.put("lee2", 1005);
        world.fake.set_person(claimed("lee2", "sub-lee"));
        assert_eq!(code(world.sign_in().await), "identity_name_changed");
        world.store.set_locked(&user(&world.store, "lee").await.id, true).await.unwrap();
        world.fake.set_person(claimed("lee", "sub-lee"));
        assert_eq!(code(world.sign_in().await), "account_locked");
    })
    .await;
}

#[tokio::test]
async fn where_the_site_says_so_the_claims_are_the_account() {
    each_engine(|store| async move {
        let world = World::with(store, |config| config.identity = OidcIdentity::Claims).await;
        let person = json!({
            "sub": "sub-han", "preferred_username": "han", "name": "한가람", "uid_number": "1010",
            "gid_number": 2000, "groups": [{ "gid": 2001, "name": "hpc" }, 2002], "home": "/nowhere/han",
        });
        world.fake.set_person(person.clone());
        world.sign_in().await.unwrap();
        let han = user(&world.store, "han").await;
        assert_eq!((han.uid, han.gid, han.display_name.as_str()), (1010, 2000, "한가람"));
        assert_eq!(han.groups.iter().map(|group| group.gid).collect::<Vec<_>>(), [2000, 2001, 2002]);
        for (claim, value, expected) in [
            ("uid_number", json!(0), "identity_uid_is_root"),
            ("uid_number", json!(1011), "identity_uid_changed"),
            ("uid_number", json!("-1"), "identity_claims_invalid"),
            ("gid_number", json!(null), "identity_claims_invalid"),
            ("gid_number", json!(0), "identity_gid_is_reserved"),
            ("groups", json!("hpc"), "identity_claims_invalid"),
            ("groups", json!(["hpc"]), "identity_claims_invalid"),
            ("home", json!(""), "identity_claims_invalid"),
        ] {
            let mut wrong = person.clone();
            wrong[claim] = value;
            world.fake.set_person(wrong);
            assert_eq!(code(world.sign_in().await), expected, "{claim}");
        }
    })
    .await;
}

#[test]
fn secrets_do_not_show_and_providers_that_can_t_be_trusted_are_refused() {
    let config = OidcConfig {
        id: "centre".to_owned(),
        title: Translated::same("The centre"),
        issuer: "https://sso.example/realms/centre".to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: SecretString::from(CLIENT_SECRET),
        scopes: Vec::new(),
        authorities_pem: None,
        name_claim: "preferred_username".to_owned(),
        identity: OidcIdentity::Directory,
        roles: Vec::new(),
        times: OidcTimes::default(),
    };
    assert!(!format!("{config:?}").contains("secret"));
    assert!(config.check().is_ok());
    for issuer in [
        "http://sso.example",
        "http://localhost.evil.example",
        "https://sso.example/?a=b",
        "https://sso.example/#a",
        "ftp://sso.example",
        "sso.example",
        "",
    ] {
        let wrong = OidcConfig { issuer: issuer.to_owned(), ..config.clone() };
        assert!(wrong.check().is_err(), "{issuer:?}");
    }
    for id in ["", "local", "a/b", "A", "-a", "a.b"] {
        let wrong = OidcConfig { id: id.to_owned(), ..config.clone() };
        assert!(wrong.check().is_err(), "{id:?}");
    }
}
