use myksc_store::testing::each_engine;

use super::*;
use crate::testing::World;

#[tokio::test]
async fn a_token_tells_whose_it_is_until_its_day() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let tokens = &world.access.tokens;
        let made = tokens.create(&kim.id, " 노트북 ", 2).await.unwrap();
        let text = made.expose();
        assert!(text.starts_with(&format!("myksc_{}_", made.token.id)), "{text}");
        assert!(!format!("{made:?}").contains(made.secret.expose()));
        let (user, token) = tokens.verify(&text).await.unwrap().unwrap();
        assert_eq!((user, token.name.as_str()), (kim.clone(), "노트북"));
        assert!(tokens.list(&kim.id).await.unwrap()[0].last_used_at.is_some());

        world.pass_secs(2 * 24 * 3600 - 1);
        assert!(tokens.verify(&text).await.unwrap().is_some());
        world.pass_secs(1);
        assert!(tokens.verify(&text).await.unwrap().is_none());
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
        let (first, second) =
            (tokens.create(&kim.id, "a", 1).await.unwrap(), tokens.create(&lee.id, "b", 1).await.unwrap());
        let mixed = format!("myksc_{}_{}", first.token.id, second.secret.expose());
        let hashed = format!("myksc_{}_{}", first.token.id, first.secret.hash().to_hex());
        let text = first.expose();
        for wrong in ["", "myksc_", "myksc__", &text[1..], &text[..text.len() - 1], &mixed, &hashed] {
            assert!(tokens.verify(wrong).await.unwrap().is_none(), "{wrong:?}");
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
        let made = tokens.create(&kim.id, "laptop", 1).await.unwrap();
        world.access.accounts.set_locked(&kim.id, true).await.unwrap();
        assert!(tokens.verify(&made.expose()).await.unwrap().is_none());
        world.access.accounts.set_locked(&kim.id, false).await.unwrap();
        let refused = tokens.delete(&lee.id, &made.token.id).await;
        assert!(matches!(refused, Err(Error::NotFound { kind: "token", .. })), "{refused:?}");
        assert!(tokens.verify(&made.expose()).await.unwrap().is_some());
        assert_eq!(tokens.list(&lee.id).await.unwrap(), []);
        tokens.delete(&kim.id, &made.token.id).await.unwrap();
        assert!(tokens.verify(&made.expose()).await.unwrap().is_none());
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
            let Err(Error::Invalid(problems)) = tokens.create(&kim.id, name, days).await else {
                panic!("{name:?} {days} was taken")
            };
            let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, expected);
        }
        let shorter = tokens.clone().with_max_days(30);
        assert!(shorter.create(&kim.id, "laptop", 31).await.is_err());
        for n in 0..MAX_TOKENS {
            tokens.create(&kim.id, &format!("t{n}"), 365).await.unwrap();
        }
        let refused = tokens.create(&kim.id, "one more", 1).await;
        assert!(matches!(refused, Err(Error::Conflict { code: "too_many_tokens", .. })), "{refused:?}");
    })
    .await;
}
