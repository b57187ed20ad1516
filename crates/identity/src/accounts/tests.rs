use secrecy::ExposeSecret as _;

use myksc_testdb::each_engine;

use super::*;
use crate::Credentials;
use crate::TokenWish;
use crate::testing::{World, right_password, somewhere};

fn policy(own_uid: u32) -> AccountPolicy {
    AccountPolicy { own_uid, allow_root: true, local: true, min_uid: 1000 }
}

fn account(name: &str, uid: u32) -> PosixAccount {
    PosixAccount { name: name.to_owned(), uid, ..own_account() }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn change(current: &str, new: &str) -> NewPassword<'static> {
    NewPassword { current: secret(current), new: secret(new), keep: None, revoke_tokens: true }
}

async fn can_sign_in(world: &World, name: &str, password: &SecretString) -> bool {
    let given = Credentials { provider: None, name, password };
    world.access.sign_in.sign_in(given, &somewhere(), None).await.is_ok()
}

#[tokio::test]
async fn the_first_start_makes_the_account_of_whoever_runs_the_portal_once() {
    each_engine(|store| async move {
        let world = World::new(store);
        let accounts = &world.access.accounts;
        let own = own_account();
        let first = accounts.ensure_first_user(&policy(own.uid)).await.unwrap().unwrap();
        assert_eq!((&first.user.name, first.user.uid, first.user.gid), (&own.name, own.uid, own.gid));
        assert_eq!(first.user.role, Role::Operator);
        assert!(!format!("{first:?}").contains(first.password.expose_secret()));
        assert!(can_sign_in(&world, &own.name, &first.password).await);
        assert!(accounts.ensure_first_user(&policy(own.uid)).await.unwrap().is_none());
        assert_eq!(accounts.list().await.unwrap(), [first.user]);
    })
    .await;
}

#[tokio::test]
async fn an_account_that_the_policy_refuses_or_whose_name_is_taken_is_not_made() {
    each_engine(|store| async move {
        let world = World::new(store);
        let accounts = &world.access.accounts;
        let add = |name: &str, uid: u32, password: &str| {
            let (account, password) = (account(name, uid), secret(password));
            async move { accounts.add(account, password, &policy(1000)).await }
        };
        let refused = add("kim", 1001, "long enough").await;
        let Err(Error::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!(problems[0].code, "uid_is_not_the_portals");
        assert!(problems[0].detail.contains("1001") && problems[0].detail.contains("1000"));
        let refused = add("kim", 1000, "short").await;
        let Err(Error::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!(
            (problems[0].field.as_str(), problems[0].code.as_str()),
            ("password", "password_too_short")
        );
        add("kim", 1000, "long enough").await.unwrap();
        let taken = add("kim", 1000, "long enough").await;
        assert!(matches!(taken, Err(Error::Conflict { code: "user_name_taken", .. })), "{taken:?}");
        assert_eq!(accounts.list().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_needs_the_present_one_and_ends_the_other_sessions() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let (here, elsewhere) = (world.session(&kim).await, world.session(&kim).await);
        let accounts = &world.access.accounts;
        let keep = Some(&here.verified.session.id);
        let change = |current: &str, new: &str| {
            let (kim, current, new) = (&kim, secret(current), secret(new));
            async move {
                let change = NewPassword { current, new, keep, revoke_tokens: true };
                accounts.change_password(kim, change).await
            }
        };
        for (current, new, field) in
            [("wrong password", "new password", "current"), ("right password", "short", "new")]
        {
            let refused = change(current, new).await;
            let Err(Error::Invalid(problems)) = refused else { panic!("{refused:?}") };
            assert_eq!(problems[0].field, field);
        }
        assert!(world.verify(&elsewhere).await.is_some());
        change("right password", "new password").await.unwrap();
        assert!(world.verify(&here).await.is_some());
        assert!(world.verify(&elsewhere).await.is_none());
        assert!(!can_sign_in(&world, "kim", &right_password()).await);
        assert!(can_sign_in(&world, "kim", &secret("new password")).await);
    })
    .await;
}

#[tokio::test]
async fn guessing_the_present_password_is_slowed_without_slowing_sign_in() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let accounts = &world.access.accounts;
        let guess =
            async || accounts.change_password(&kim, change("a guess", "new password")).await.unwrap_err();
        for _ in 0..5 {
            assert!(matches!(guess().await, Error::Invalid(_)));
        }
        assert!(matches!(guess().await, Error::TooMany { retry_after_secs: 1 }));
        assert!(can_sign_in(&world, "kim", &right_password()).await);
    })
    .await;
}

#[tokio::test]
async fn tokens_end_with_the_password_unless_the_person_keeps_them() {
    each_engine(|store| async move {
        let world = World::new(store);
        let (kim, lee) = (world.person("kim").await, world.person("lee").await);
        let (accounts, tokens) = (&world.access.accounts, &world.access.tokens);
        let of_kim = tokens.create(&kim.id, &TokenWish::new("laptop", 1)).await.unwrap();
        let of_lee = tokens.create(&lee.id, &TokenWish::new("laptop", 1)).await.unwrap();
        let opened = world.access.sessions.of_token(&of_kim.token, &somewhere()).await.unwrap();
        let kept = NewPassword { revoke_tokens: false, ..change("right password", "new password") };
        accounts.change_password(&kim, kept).await.unwrap();
        assert!(tokens.verify(&of_kim.expose(), somewhere().address).await.unwrap().is_some());
        assert!(world.access.sessions.alive(&opened.id).await.unwrap().is_none());

        let opened = world.access.sessions.of_token(&of_kim.token, &somewhere()).await.unwrap();
        let mut ended = world.access.sessions.subscribe();
        accounts.change_password(&kim, change("new password", "newer password")).await.unwrap();
        assert!(tokens.verify(&of_kim.expose(), somewhere().address).await.unwrap().is_none());
        assert_eq!(ended.try_recv().unwrap().session, opened.id);
        let late = world.access.sessions.of_token(&of_kim.token, &somewhere()).await;
        assert!(matches!(late, Err(Error::Unauthenticated)), "{late:?}");
        assert!(tokens.verify(&of_lee.expose(), somewhere().address).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_session_that_a_changed_password_ended_makes_no_token() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let session = world.session(&kim).await.verified.session;
        world.access.tokens.create_in(&session, &TokenWish::new("laptop", 1)).await.unwrap();
        world.access.accounts.reset_password(&kim.id, secret("new password")).await.unwrap();
        let late = world.access.tokens.create_in(&session, &TokenWish::new("laptop", 1)).await;
        assert!(matches!(late, Err(Error::Unauthenticated)), "{late:?}");
        assert_eq!(world.access.tokens.list(&kim.id).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_reset_or_a_lock_ends_every_session() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let accounts = &world.access.accounts;
        let before = world.session(&kim).await;
        let token = world.access.tokens.create(&kim.id, &TokenWish::new("laptop", 1)).await.unwrap();
        accounts.reset_password(&kim.id, secret("new password")).await.unwrap();
        assert!(world.verify(&before).await.is_none());
        assert!(world.access.tokens.verify(&token.expose(), somewhere().address).await.unwrap().is_none());
        let before = world.session(&kim).await;
        accounts.set_locked(&kim.id, true).await.unwrap();
        assert!(world.verify(&before).await.is_none());
        assert!(!can_sign_in(&world, "kim", &secret("new password")).await);
        accounts.set_locked(&kim.id, false).await.unwrap();
        assert!(world.verify(&before).await.is_none());
        assert!(can_sign_in(&world, "kim", &secret("new password")).await);
    })
    .await;
}

#[tokio::test]
async fn whoever_comes_from_elsewhere_has_no_password_here() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person_of("centre", "kim").await;
        let accounts = &world.access.accounts;
        let is_refused =
            |answer: Result<()>| matches!(answer, Err(Error::Forbidden { code: "password_elsewhere", .. }));
        assert!(is_refused(accounts.reset_password(&kim.id, secret("new password")).await));
        assert!(is_refused(accounts.change_password(&kim, change("right password", "new password")).await));
        for password in [right_password(), secret("new password")] {
            let before = world.access.passwords.operations();
            assert!(!can_sign_in(&world, "kim", &password).await);
            assert_eq!(world.access.passwords.operations() - before, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_name_is_nobody() {
    each_engine(|store| async move {
        let world = World::new(store);
        for name in ["", "nobody-here", "kim\0", "../kim"] {
            let answer = world.access.accounts.by_name(name).await;
            assert!(matches!(answer, Err(Error::NotFound { kind: "user", .. })), "{name:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn beside_a_directory_no_local_account_gets_a_uid_that_somebody_has() {
    each_engine(|store| async move {
        let world = World::new(store);
        let accounts = &world.access.accounts;
        let site = AccountPolicy { local: false, allow_root: false, ..policy(1000) };
        let person = |name: &str, uid| PosixAccount { gid: uid, groups: Vec::new(), ..account(name, uid) };
        accounts.add(person("seo", 1009), secret("long enough"), &site).await.unwrap();
        let refused = accounts.add(person("other", 1009), secret("long enough"), &site).await;
        let Err(Error::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!((problems[0].field.as_str(), problems[0].code.as_str()), ("uid", "uid_is_taken"));
        accounts.add(person("other", 1010), secret("long enough"), &site).await.unwrap();
    })
    .await;
}
