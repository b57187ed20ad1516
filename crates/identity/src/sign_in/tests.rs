use std::time::Duration;

use myksc_store::AuditEntry;
use myksc_testdb::each_engine;

use super::*;
use crate::testing::{World, client, right_password, somewhere};

async fn sign_in(world: &World, name: &str, password: &str) -> Result<Opened> {
    let password = SecretString::from(password);
    let step = world.access.sign_in.sign_in(by(name, &password), &somewhere(), None).await?;
    Ok(step.opened().expect("nobody has a second factor"))
}

fn by<'a>(name: &'a str, password: &'a SecretString) -> Credentials<'a> {
    Credentials { provider: None, name, password }
}

async fn outcomes(world: &World) -> Vec<(String, Option<String>)> {
    let entries = world.store.audit_entries(100).await.unwrap();
    entries.into_iter().rev().map(|AuditEntry { actor, outcome, .. }| (actor, outcome)).collect()
}

#[tokio::test]
async fn a_right_password_opens_a_session_and_both_ends_are_in_the_audit_log() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        sign_in(&world, "kim", "wrong password").await.unwrap_err();
        let opened = sign_in(&world, "kim", "right password").await.unwrap();
        assert_eq!(opened.verified.user, kim);
        assert!(world.verify(&opened).await.is_some());
        let expected = [
            ("kim".to_owned(), Some("wrong_credentials".to_owned())),
            ("kim".to_owned(), Some("done".to_owned())),
        ];
        assert_eq!(outcomes(&world).await, expected);
    })
    .await;
}

#[tokio::test]
async fn every_wrong_sign_in_has_one_answer_and_one_hash() {
    each_engine(|store| async move {
        let world = World::new(store);
        let locked = world.person("locked").await;
        world.person("kim").await;
        world.store.set_locked(&locked.id, true).await.unwrap();
        let giant = "x".repeat(10_000);
        let cases = [
            ("kim", "wrong password"),
            ("kim", ""),
            ("kim", giant.as_str()),
            ("nobody", "right password"),
            ("locked", "right password"),
            ("locked", "wrong password"),
            ("", "right password"),
            ("kim\0", "right password"),
            ("' OR 1=1 --", "right password"),
            (giant.as_str(), "right password"),
        ];
        for (name, password) in cases {
            let before = world.access.passwords.operations();
            let answer = sign_in(&world, name, password).await;
            assert!(matches!(answer, Err(Error::WrongCredentials)), "{name:?} {answer:?}");
            assert_eq!(world.access.passwords.operations() - before, 1, "{name:?} {password:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_there_is_not_has_the_same_answer_and_the_same_hash() {
    each_engine(|store| async move {
        let world = World::new(store);
        world.person("kim").await;
        let right = right_password();
        for (provider, name) in [("ldap", "kim"), ("", "kim"), ("ldap", "nobody")] {
            let before = world.access.passwords.operations();
            let given = Credentials { provider: Some(provider), ..by(name, &right) };
            let answer = world.access.sign_in.sign_in(given, &somewhere(), None).await;
            assert!(matches!(answer, Err(Error::WrongCredentials)), "{provider:?} {answer:?}");
            assert_eq!(world.access.passwords.operations() - before, 1, "{provider:?} {name:?}");
        }
        let given = Credentials { provider: Some("local"), ..by("kim", &right) };
        let step = world.access.sign_in.sign_in(given, &somewhere(), None).await.unwrap();
        assert!(step.opened().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_slowed_name_costs_no_hash_and_a_right_password_after_the_delay_clears_it() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let at_work = world.session(&kim).await;
        for _ in 0..5 {
            let wrong = sign_in(&world, "kim", "wrong password").await;
            assert!(matches!(wrong, Err(Error::WrongCredentials)), "{wrong:?}");
        }
        let before = world.access.passwords.operations();
        let slowed = sign_in(&world, "kim", "right password").await;
        let Err(Error::TooMany { retry_after_secs }) = slowed else { panic!("{slowed:?}") };
        assert_eq!(world.access.passwords.operations(), before);
        // Who is signed in notices nothing.
        assert!(world.verify(&at_work).await.is_some());
        world.pass_secs(i64::try_from(retry_after_secs).unwrap());
        sign_in(&world, "kim", "right password").await.unwrap();
        for _ in 0..5 {
            let wrong = sign_in(&world, "kim", "wrong password").await;
            assert!(matches!(wrong, Err(Error::WrongCredentials)), "{wrong:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_planted_session_is_not_the_one_that_is_signed_in_to() {
    each_engine(|store| async move {
        let world = World::new(store);
        world.person("kim").await;
        let mallory = world.person("mallory").await;
        let planted = world.session(&mallory).await;
        let mut ended = world.access.sessions.subscribe();
        let replaced = Some(planted.secret.expose());
        let sign_in = &world.access.sign_in;
        let right = right_password();
        let step = sign_in.sign_in(by("kim", &right), &somewhere(), replaced).await.unwrap();
        let opened = step.opened().unwrap();
        assert_ne!(opened.secret.expose(), planted.secret.expose());
        assert_ne!(opened.verified.session.id, planted.verified.session.id);
        assert!(world.verify(&planted).await.is_none());
        assert_eq!(ended.try_recv().unwrap().session, planted.verified.session.id);

        // A cookie that is no session of ours is no session afterwards either.
        sign_in.sign_in(by("kim", &right), &somewhere(), Some("chosen")).await.unwrap();
        assert!(world.access.sessions.verify("chosen").await.unwrap().is_none());
        // A wrong password takes nothing from the browser's present session.
        let wrong = SecretString::from("wrong password");
        let replaced = Some(opened.secret.expose());
        sign_in.sign_in(by("kim", &wrong), &somewhere(), replaced).await.unwrap_err();
        assert!(world.verify(&opened).await.is_some());
    })
    .await;
}

/// Changes the password between the check of the older one and the session it would open.
struct ChangesMeanwhile {
    world: World,
    local: crate::Local,
}

impl IdentityProvider for ChangesMeanwhile {
    fn id(&self) -> &'static str {
        "local"
    }

    fn authenticate<'a>(
        &'a self,
        name: &'a str,
        password: &'a SecretString,
    ) -> crate::Answer<'a, Option<Authenticated>> {
        Box::pin(async move {
            let person = self.local.authenticate(name, password).await?;
            let user = self.world.access.accounts.by_name(name).await?;
            let new = SecretString::from("new password");
            self.world.access.accounts.reset_password(&user.id, new).await?;
            Ok(person)
        })
    }

    fn look_up<'a>(&'a self, name: &'a str) -> crate::Answer<'a, Option<User>> {
        self.local.look_up(name)
    }
}

#[tokio::test]
async fn a_password_that_is_changed_while_it_is_checked_opens_nothing() {
    each_engine(|store| async move {
        let world = World::new(store.clone());
        let kim = world.person("kim").await;
        let at_work = world.session(&kim).await;
        let local = crate::Local::new(store.clone(), world.access.passwords.clone());
        let provider = Arc::new(ChangesMeanwhile { world: World::new(store.clone()), local });
        let sessions = world.access.sessions.clone();
        let clock = Clock::from_fn(|| myksc_core::Timestamp::from_millis(1_800_000_000_000));
        let sign_in = SignIn::new(store.clone(), provider, world.access.factors.clone(), sessions, clock);
        let replaced = Some("of another browser");
        let answer = sign_in.sign_in(by("kim", &right_password()), &somewhere(), replaced).await;
        assert!(matches!(answer, Err(Error::WrongCredentials)), "{answer:?}");
        assert!(world.verify(&at_work).await.is_none());
        assert_eq!(store.sessions_of(&kim.id).await.unwrap(), []);
    })
    .await;
}

/// The bench of sign-ins (`benches/sign_in.py`) has 10,000 of them, and measures the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_sign_ins_leaves_room_for_those_who_are_signed_in_or_sign_in() {
    each_engine(|store| async move {
        let world = World::new(store);
        let kim = world.person("kim").await;
        let at_work = world.session(&kim).await;
        world.person("lee").await;
        let storm: Vec<_> = (0..200)
            .map(|n| {
                let sign_in = world.access.sign_in.clone();
                tokio::spawn(async move {
                    let client = client(&format!("198.51.100.{n}"));
                    let wrong = SecretString::from("wrong password");
                    sign_in.sign_in(by(&format!("user{n}"), &wrong), &client, None).await.map(|_| ())
                })
            })
            .collect();
        let sign_in = world.access.sign_in.clone();
        let lee = tokio::spawn(async move {
            let right = right_password();
            loop {
                match sign_in.sign_in(by("lee", &right), &client("192.0.2.7"), None).await {
                    Err(Error::Unavailable { code: "sign_in_busy", .. }) => tokio::task::yield_now().await,
                    answer => break answer.unwrap().opened().is_some(),
                }
            }
        });
        let mut answered = 0;
        while storm.iter().any(|task| !task.is_finished()) {
            let verified = tokio::time::timeout(Duration::from_secs(2), world.verify(&at_work)).await;
            assert!(verified.expect("an answer during the storm").is_some());
            answered += 1;
        }
        assert!(answered > 1, "the storm was over before a request came in between");
        let mut busy = 0;
        for task in storm {
            match task.await.unwrap() {
                Err(Error::WrongCredentials) => {}
                Err(Error::Unavailable { code: "sign_in_busy", .. }) => busy += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(busy > 0, "nobody was turned away");
        assert!(lee.await.unwrap(), "whoever knows her password gets in");
        assert_eq!(world.access.passwords.operations(), 200 - busy + 1);
    })
    .await;
}

/// Answers nobody, and counts who asked.
#[derive(Default)]
struct Hangs(std::sync::atomic::AtomicUsize);

impl IdentityProvider for Hangs {
    fn id(&self) -> &'static str {
        "slow"
    }

    fn authenticate<'a>(
        &'a self,
        _: &'a str,
        _: &'a SecretString,
    ) -> crate::Answer<'a, Option<Authenticated>> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(std::future::pending())
    }

    fn look_up<'a>(&'a self, _: &'a str) -> crate::Answer<'a, Option<User>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_provider_that_hangs_keeps_nobody_out_who_signs_in_by_another() {
    each_engine(|store| async move {
        let world = World::new(store);
        world.person("kim").await;
        let slow = Arc::new(Hangs::default());
        let access = world.access.clone().with_provider(Arc::clone(&slow) as Arc<dyn IdentityProvider>);
        let waiting: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let sign_in = access.sign_in.clone();
                tokio::spawn(async move {
                    let password = right_password();
                    let name = format!("user{n}");
                    let given = Credentials { provider: Some("slow"), ..by(&name, &password) };
                    let client = client(&format!("198.51.100.{n}"));
                    sign_in.sign_in(given, &client, None).await.map(|_| ())
                })
            })
            .collect();
        let password = right_password();
        let given = Credentials { provider: Some("slow"), ..by("lee", &password) };
        let are_all_in = async || slow.0.load(std::sync::atomic::Ordering::SeqCst) == AT_ONCE;
        crate::ldap::slapd::eventually("every place is taken", are_all_in).await;
        let full = access.sign_in.sign_in(given, &somewhere(), None).await;
        assert!(matches!(full, Err(Error::Unavailable { code: "sign_in_busy", .. })), "{full:?}");
        let step = access.sign_in.sign_in(by("kim", &password), &somewhere(), None).await.unwrap();
        assert!(step.opened().is_some());
        for task in waiting {
            task.abort();
        }
    })
    .await;
}
