use std::net::Ipv4Addr;

use myksc_testdb::each_engine;

use super::*;
use crate::testing::World;

/// Where everybody is.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

#[tokio::test]
async fn a_token_tells_whose_it_is_until_its_day() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tokens = &world.access.tokens;
        let made = tokens.create(&kim.id, &TokenWish::new(" 노트북 ", 2)).await.unwrap();
        let text = made.expose();
        assert!(text.starts_with(&format!("myksc_{}_", made.token.id)), "{text}");
        assert!(!format!("{made:?}").contains(made.secret.expose()));
        let (user, token) = tokens.verify(&text, HERE).await.unwrap().unwrap();
        assert_eq!((user, token.name.as_str()), (kim.clone(), "노트북"));
        assert!(tokens.list(&kim.id).await.unwrap()[0].last_used_at.is_some());

        world.pass_secs(2 * 24 * 3600 - 1);
        assert!(tokens.verify(&text, HERE).await.unwrap().is_some());
        world.pass_secs(1);
        assert!(tokens.verify(&text, HERE).await.unwrap().is_none());
        assert_eq!(tokens.list(&kim.id).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn what_is_almost_a_token_is_none() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let tokens = &world.access.tokens;
        let (first, second) = (
            tokens.create(&kim.id, &TokenWish::new("a", 1)).await.unwrap(),
            tokens.create(&lee.id, &TokenWish::new("b", 1)).await.unwrap(),
        );
        let mixed = format!("myksc_{}_{}", first.token.id, second.secret.expose());
        let hashed = format!("myksc_{}_{}", first.token.id, first.secret.hash().to_hex());
        let text = first.expose();
        for wrong in ["", "myksc_", "myksc__", &text[1..], &text[..text.len() - 1], &mixed, &hashed] {
            assert!(tokens.verify(wrong, HERE).await.unwrap().is_none(), "{wrong:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_is_refused_while_its_person_is_locked_and_deleted_by_her_alone() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let tokens = &world.access.tokens;
        let made = tokens.create(&kim.id, &TokenWish::new("laptop", 1)).await.unwrap();
        world.access.accounts.set_locked(&kim.id, true).await.unwrap();
        assert!(tokens.verify(&made.expose(), HERE).await.unwrap().is_none());
        world.access.accounts.set_locked(&kim.id, false).await.unwrap();
        let refused = tokens.delete(&lee.id, &made.token.id).await;
        assert!(matches!(refused, Err(Error::NotFound { kind: "token", .. })), "{refused:?}");
        assert!(tokens.verify(&made.expose(), HERE).await.unwrap().is_some());
        assert_eq!(tokens.list(&lee.id).await.unwrap(), []);
        tokens.delete(&kim.id, &made.token.id).await.unwrap();
        assert!(tokens.verify(&made.expose(), HERE).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn names_days_and_their_number_are_bounded() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tokens = &world.access.tokens;
        let long = "x".repeat(61);
        let cases = [
            ("", 1, vec!["name"]),
            ("  ", 1, vec!["name"]),
            ("a\nb", 1, vec!["name"]),
            (&long, 0, vec!["name", "expires_in_days"]),
            ("laptop", 366, vec!["expires_in_days"]),
            ("laptop", u32::MAX, vec!["expires_in_days"]),
        ];
        for (name, days, expected) in cases {
            let Err(Error::Invalid(problems)) = tokens.create(&kim.id, &TokenWish::new(name, days)).await
            else {
                panic!("{name:?} {days} was taken")
            };
            let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, expected);
        }
        let shorter = tokens.clone().with_max_days(30);
        assert!(shorter.create(&kim.id, &TokenWish::new("laptop", 31)).await.is_err());
        for n in 0..MAX_TOKENS {
            tokens.create(&kim.id, &TokenWish::new(&format!("t{n}"), 365)).await.unwrap();
        }
        let refused = tokens.create(&kim.id, &TokenWish::new("one more", 1)).await;
        assert!(matches!(refused, Err(Error::Conflict { code: "too_many_tokens", .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_token_has_the_scopes_that_were_asked_for_and_admin_is_for_operators() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tokens = &world.access.tokens;
        let usual = tokens.create(&kim.id, &TokenWish::new("a", 1)).await.unwrap();
        assert_eq!(usual.token.scopes, Scope::USUAL);
        let twice = TokenWish::new("b", 1).with_scopes(&[Scope::Files, Scope::Read, Scope::Files]);
        let made = tokens.create(&kim.id, &twice).await.unwrap();
        let (_, token) = tokens.verify(&made.expose(), HERE).await.unwrap().unwrap();
        assert_eq!(token.scopes, [Scope::Read, Scope::Files]);
        let admin = TokenWish::new("c", 1).with_scopes(&[Scope::Admin]);
        for (role, expected) in [
            (Role::User, Some("scope_not_allowed")),
            (Role::Support, Some("scope_not_allowed")),
            (Role::Operator, None),
        ] {
            world.store.set_role(&kim.id, role).await.unwrap();
            assert_eq!(refusal(&tokens.create(&kim.id, &admin).await), expected, "{role}");
        }
        let none = TokenWish::new("d", 1).with_scopes(&[]);
        assert_eq!(refusal(&tokens.create(&kim.id, &none).await), Some("required"));
    })
    .await;
}

#[tokio::test]
async fn a_token_of_a_network_is_none_elsewhere_and_the_attempt_is_written_down_once() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tokens = &world.access.tokens;
        let wish = TokenWish::new("a", 1).with_networks(&["192.0.2.0/28", "2001:db8::7"]);
        let made = tokens.create(&kim.id, &wish).await.unwrap();
        for (address, expected) in [
            ("192.0.2.15", true),
            ("192.0.2.16", false),
            ("::ffff:192.0.2.7", true),
            ("::ffff:198.51.100.7", false),
            ("2001:db8::7", true),
            ("2001:db8::8", false),
            ("0.0.0.0", false),
        ] {
            let found = tokens.verify(&made.expose(), address.parse().unwrap()).await.unwrap();
            assert_eq!(found.is_some(), expected, "{address}");
        }
        let used = &tokens.list(&kim.id).await.unwrap()[0];
        assert_eq!(used.last_used_address.as_deref(), Some("192.0.2.15"));
        let entries = world.store.audit_entries(9).await.unwrap();
        let [refusal] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((refusal.action.as_str(), refusal.object.as_str()), ("use_token", made.token.id.as_str()));
        assert_eq!((refusal.actor.as_str(), refusal.address.as_str()), ("kim", "192.0.2.16"));
        assert_eq!(refusal.outcome.as_deref(), Some("network_not_allowed"));
    })
    .await;
}

#[tokio::test]
async fn networks_are_kept_in_one_spelling_and_what_is_none_is_named() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tokens = &world.access.tokens;
        let wish = TokenWish::new("a", 1).with_networks(&[" 192.0.2.7/24 ", "198.51.100.1"]);
        let made = tokens.create(&kim.id, &wish).await.unwrap();
        assert_eq!(made.token.networks, ["192.0.2.0/24", "198.51.100.1/32"]);
        let wish = TokenWish::new("a", 1).with_networks(&["192.0.2.0/24", "192.0.2.0/33", "", "example.org"]);
        let Err(Error::Invalid(problems)) = tokens.create(&kim.id, &wish).await else { panic!("taken") };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["networks[1]", "networks[2]", "networks[3]"]);
        let many = TokenWish::new("a", 1).with_networks(&["192.0.2.0/24"; MAX_NETWORKS + 1]);
        assert_eq!(refusal(&tokens.create(&kim.id, &many).await), Some("above_max"));
    })
    .await;
}

/// The code of the first field that was refused.
fn refusal(made: &Result<NewToken>) -> Option<&str> {
    match made {
        Ok(_) => None,
        Err(Error::Invalid(problems)) => Some(problems[0].code.as_str()),
        Err(error) => panic!("{error:?}"),
    }
}
