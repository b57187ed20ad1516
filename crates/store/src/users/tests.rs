//! Local accounts on both engines, and the account that other tests take.

use myksc_core::secret::Secret;

use super::*;
use crate::sessions::SessionKind;
use crate::sessions::tests::session_of;
use crate::testing::each_engine;
use crate::tokens::tests::token_of;

/// An account that no other test has.
pub(crate) fn someone(name: &str) -> User {
    User {
        id: UserId::random(),
        name: name.to_owned(),
        display_name: "김철수".to_owned(),
        uid: u32::MAX - 2 - name.bytes().map(u32::from).sum::<u32>(),
        gid: 1000,
        groups: vec![Group { gid: 1000, name: "hpc \"quoted\"".to_owned() }],
        home: format!("/home/김 {name}").into(),
        shell: "/bin/bash".into(),
        provider: User::LOCAL.to_owned(),
        role: Role::User,
        locked: false,
        created_at: Timestamp::from_millis(1_700_000_000_123),
    }
}

fn change(password_hash: &str) -> PasswordChange<'_> {
    PasswordChange { password_hash, checked_at: None, keep: None, revoke_tokens: false }
}

#[tokio::test]
async fn an_account_comes_back_as_it_was_written() {
    each_engine(|store| async move {
        assert!(!store.has_users().await.unwrap());
        let kim = someone("kim");
        store.create_user(&kim, Some("$argon2id$…")).await.unwrap();
        let found = store.user_by_name("kim").await.unwrap().unwrap();
        assert_eq!((&found.user, found.password_hash.as_deref()), (&kim, Some("$argon2id$…")));
        assert_eq!(store.user(&kim.id).await.unwrap().as_ref(), Some(&kim));
        assert_eq!(store.users().await.unwrap(), [kim]);
        assert!(store.user_by_name("KIM").await.unwrap().is_none());
        assert!(store.has_users().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_name_is_taken_once() {
    each_engine(|store| async move {
        store.create_user(&someone("kim"), None).await.unwrap();
        let error = store.create_user(&someone("kim"), None).await.unwrap_err();
        assert!(error.is_duplicate(), "{error:?}");
        assert_eq!(store.users().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn password_and_lock_change_the_one_account_alone() {
    each_engine(|store| async move {
        let (kim, lee) = (someone("kim"), someone("lee"));
        store.create_user(&kim, Some("old")).await.unwrap();
        store.create_user(&lee, Some("old")).await.unwrap();
        assert_eq!(store.change_password(&kim.id, change("new")).await.unwrap(), Some(vec![]));
        assert!(store.set_locked(&kim.id, true).await.unwrap());
        let kim = store.user_by_name("kim").await.unwrap().unwrap();
        assert_eq!((kim.user.locked, kim.password_hash.as_deref()), (true, Some("new")));
        let lee = store.user_by_name("lee").await.unwrap().unwrap();
        assert_eq!((lee.user.locked, lee.password_hash.as_deref()), (false, Some("old")));
        assert!(!store.set_locked(&UserId::random(), true).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_ends_what_the_older_one_opened_and_lets_nothing_more_of_it_in() {
    each_engine(|store| async move {
        let (kim, lee) = (someone("kim"), someone("lee"));
        store.create_user(&kim, Some("old")).await.unwrap();
        store.create_user(&lee, Some("old")).await.unwrap();
        let here = session_of(&kim.id, SessionKind::Browser);
        let there = session_of(&kim.id, SessionKind::Browser);
        let of_lee = session_of(&lee.id, SessionKind::Browser);
        for session in [&here, &there, &of_lee] {
            assert!(store.create_session(session, Secret::random().hash(), 0).await.unwrap());
        }
        let (first, second) = (token_of(&kim.id), token_of(&lee.id));
        for token in [&first, &second] {
            store.create_token(token, Secret::random().hash(), 9, None).await.unwrap();
        }
        let keep = PasswordChange { keep: Some(&here.id), checked_at: Some(0), ..change("new") };
        assert_eq!(store.change_password(&kim.id, keep).await.unwrap(), Some(vec![there.id]));
        assert_eq!(store.change_password(&kim.id, keep).await.unwrap(), None, "checked before the change");
        assert_eq!(store.tokens_of(&kim.id).await.unwrap(), [first]);

        let late = session_of(&kim.id, SessionKind::Browser);
        assert!(!store.create_session(&late, Secret::random().hash(), 0).await.unwrap());
        assert_eq!(store.sessions_of(&kim.id).await.unwrap(), std::slice::from_ref(&here));
        let revoke = PasswordChange { revoke_tokens: true, ..change("newer") };
        assert_eq!(store.change_password(&kim.id, revoke).await.unwrap(), Some(vec![here.id]));
        assert_eq!(store.tokens_of(&kim.id).await.unwrap(), []);
        assert_eq!(store.sessions_of(&lee.id).await.unwrap(), [of_lee]);
        assert_eq!(store.tokens_of(&lee.id).await.unwrap(), [second]);
        assert_eq!(store.change_password(&UserId::random(), change("x")).await.unwrap(), None);
    })
    .await;
}
