//! A portal, its provider and its directory, for the tests.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use myksc_core::user::Group;
use myksc_core::{Error, Result, Role, Timestamp, Translated, User};
use myksc_store::Store;

use super::fake::{CLIENT_ID, CLIENT_SECRET, Fake, NOW_SECS};
use crate::directory::{Directory, Entry};
use crate::oidc::*;
use crate::posix::PosixAccount;
use crate::provider::Answer;
use crate::sessions::SessionLimits;
use crate::testing::somewhere;
use crate::{Access, AccessConfig, AccountPolicy, Directories, PeoplePolicy, RoleRules};

pub(super) const PORTAL: &str = "http://localhost:8080";

/// A portal, its provider and its directory.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) access: Access,
    pub(super) fake: Fake,
    pub(super) people: Arc<Known>,
    pub(super) millis: Arc<AtomicI64>,
}

/// A directory of whoever is put into it.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<String, Option<Entry>>>);

impl Directory for Known {
    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Entry>> {
        let found = self.0.lock().unwrap().get(name).cloned();
        Box::pin(async move {
            match found {
                Some(None) => Err(crate::directory::unavailable("the directory is away")),
                Some(entry) => Ok(entry),
                None => Ok(None),
            }
        })
    }

    fn names_of_uid(&self, uid: u32) -> Answer<'_, Vec<String>> {
        let people = self.0.lock().unwrap();
        let found = people.values().flatten().filter(|entry| entry.account.uid == uid);
        let names = found.map(|entry| entry.account.name.clone()).collect();
        Box::pin(async move { Ok(names) })
    }

    fn check(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

impl Known {
    pub(super) fn put(&self, name: &str, uid: u32) {
        self.0.lock().unwrap().insert(name.to_owned(), Some(entry(name, uid)));
    }

    /// It does not answer about her.
    pub(super) fn hide(&self, name: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), None);
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Entry)) {
        change(self.0.lock().unwrap().get_mut(name).unwrap().as_mut().unwrap());
    }
}

pub(super) fn entry(name: &str, uid: u32) -> Entry {
    let account = PosixAccount {
        name: name.to_owned(),
        display_name: "이영희".to_owned(),
        uid,
        gid: 2000,
        groups: vec![Group { gid: 2000, name: "hpc".to_owned() }],
        home: PathBuf::from(format!("/nowhere/{name}")),
        shell: "/bin/sh".into(),
    };
    Entry { subject: format!("entry of {name}"), account, locked: false }
}

impl World {
    pub(super) async fn new(store: Store) -> Self {
        Self::with(store, |_| {}).await
    }

    pub(super) async fn with(store: Store, change: impl Fn(&mut OidcConfig)) -> Self {
        let fake = Fake::start().await;
        let people = Arc::new(Known::default());
        people.put("lee", 1002);
        let millis = Arc::new(AtomicI64::new(NOW_SECS * 1000));
        let read = Arc::clone(&millis);
        let clock = Clock::from_fn(move || Timestamp::from_millis(read.load(Ordering::SeqCst)));
        let mut directories = Directories::default();
        directories.add("directory", Arc::clone(&people) as Arc<dyn Directory>);
        for provider in ["centre", "other"] {
            assert!(directories.assign(provider, "directory"));
        }
        let accounts = AccountPolicy { own_uid: 990, allow_root: false, local: false, min_uid: 1000 };
        let roles = RoleRules::new(vec![(Role::Support, vec!["helpdesk".to_owned()])]);
        let policy = PeoplePolicy { directories, roles, ..PeoplePolicy::new(accounts) };
        let limits = SessionLimits { idle_secs: 100_000, absolute_secs: 100_000 };
        let config =
            AccessConfig { limits, people: policy, ..AccessConfig::new(Seal::new(&[7; 32]).unwrap()) };
        let mut centre = provider("centre", &fake);
        change(&mut centre);
        let access = Access::new(&store, config, &clock);
        let access = access.with_oidc(PORTAL, vec![centre, provider("other", &fake)]).unwrap();
        Self { store, access, fake, people, millis }
    }

    pub(super) fn pass_secs(&self, secs: i64) {
        self.millis.fetch_add(secs * 1000, Ordering::SeqCst);
    }

    pub(super) async fn start(&self, next: Option<&str>) -> OidcStarted {
        self.access.oidc.start("centre", next, None).await.unwrap()
    }

    pub(super) async fn finish(&self, answer: &OidcAnswer, started: &OidcStarted) -> Result<OidcFinished> {
        let cookie = Some(started.cookie.expose_secret());
        self.access.oidc.finish("centre", answer, cookie, &somewhere(), None).await
    }

    /// Signs in from the beginning to the end.
    pub(super) async fn sign_in(&self) -> Result<OidcFinished> {
        let started = self.start(None).await;
        self.finish(&self.fake.sign_in(&started.address), &started).await
    }

    /// Asks the provider about everybody who is due.
    pub(super) async fn recheck(&self) {
        let shared = &self.access.oidc.shared;
        recheck::round(&shared.parts, &shared.providers[0]).await.unwrap();
    }

    pub(super) async fn is_signed_in(&self, finished: &OidcFinished) -> bool {
        let cookie = finished.opened.secret.expose();
        self.access.sessions.verify(cookie).await.unwrap().is_some()
    }

    pub(super) async fn log_out(&self, kind: Option<&str>, claims: serde_json::Value) -> Result<()> {
        let token = self.fake.logout_token(kind, &claims);
        self.access.oidc.log_out("centre", &token).await
    }
}

pub(super) fn provider(id: &str, fake: &Fake) -> OidcConfig {
    OidcConfig {
        id: id.to_owned(),
        title: Translated::same("The centre"),
        issuer: fake.issuer.clone(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: SecretString::from(CLIENT_SECRET),
        scopes: vec!["profile".to_owned(), "offline_access".to_owned()],
        authorities_pem: None,
        name_claim: "preferred_username".to_owned(),
        identity: OidcIdentity::Directory,
        roles: Vec::new(),
        times: OidcTimes {
            answer: Duration::from_secs(2),
            retry: Duration::ZERO,
            keys: Duration::ZERO,
            ..OidcTimes::default()
        },
    }
}

pub(super) fn code<T: std::fmt::Debug>(answer: Result<T>) -> &'static str {
    match answer.unwrap_err() {
        Error::Forbidden { code, .. } | Error::Unavailable { code, .. } => code,
        error => panic!("{error:?}"),
    }
}

pub(super) async fn user(store: &Store, name: &str) -> User {
    store.user_by_name(name).await.unwrap().unwrap().user
}
