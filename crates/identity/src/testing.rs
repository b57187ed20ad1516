//! A portal's sign-in with a clock that tests set, and people in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrecy::SecretString;
use tokio::sync::OnceCell;

use myksc_core::user::Group;
use myksc_core::{Role, Timestamp, User, UserId};
use myksc_store::{Session, Store};

use crate::clock::Clock;
use crate::provider::Authenticated;
use crate::sessions::{Client, Opened, SessionLimits};
use crate::{Access, AccessConfig, FactorRule, FactorRules, FactorSettings, Passwords, Seal};

/// When the tests' clock starts.
const START_MILLIS: i64 = 1_800_000_000_000;

/// What one test works with.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) access: Access,
    millis: Arc<AtomicI64>,
}

impl World {
    /// Sessions end after 100 seconds without use and after 1000 in any case.
    pub(crate) fn new(store: Store) -> Self {
        Self::with_factors(store, FactorRules::local(FactorRule::Optional))
    }

    /// The same with another rule of second factors.
    pub(crate) fn with_factors(store: Store, rules: FactorRules) -> Self {
        Self::with(store, rules, SessionLimits { idle_secs: 100, absolute_secs: 1000 })
    }

    /// Sessions end after the usual times.
    pub(crate) fn with_long_sessions(store: Store) -> Self {
        Self::with(store, FactorRules::local(FactorRule::Optional), SessionLimits::default())
    }

    fn with(store: Store, rules: FactorRules, limits: SessionLimits) -> Self {
        let millis = Arc::new(AtomicI64::new(START_MILLIS));
        let read = Arc::clone(&millis);
        let clock = Clock::from_fn(move || Timestamp::from_millis(read.load(Ordering::SeqCst)));
        let factors = FactorSettings { rules, ..FactorSettings::default() };
        let config = AccessConfig { limits, factors, ..AccessConfig::new(Seal::new(&[7; 32]).unwrap()) };
        Self { access: Access::new(&store, config, &clock), store, millis }
    }

    /// The present moment by the tests' clock.
    pub(crate) fn now_secs(&self) -> u64 {
        u64::try_from(self.millis.load(Ordering::SeqCst) / 1000).unwrap()
    }

    /// Moves the clock on.
    pub(crate) fn pass_secs(&self, secs: i64) {
        self.millis.fetch_add(secs * 1000, Ordering::SeqCst);
    }

    /// Somebody with the password `right password`.
    pub(crate) async fn person(&self, name: &str) -> User {
        self.person_of(User::LOCAL, name).await
    }

    /// The same on record as another provider's.
    pub(crate) async fn person_of(&self, provider: &str, name: &str) -> User {
        let user = User {
            id: UserId::random(),
            name: name.to_owned(),
            display_name: name.to_owned(),
            uid: 1000,
            gid: 1000,
            groups: vec![Group { gid: 1000, name: "users".to_owned() }],
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
            provider: provider.to_owned(),
            role: Role::User,
            locked: false,
            created_at: Timestamp::from_millis(START_MILLIS),
        };
        self.store.create_user(&user, Some(right_hash().await)).await.unwrap();
        user
    }

    /// A session of a browser, opened now.
    pub(crate) async fn session(&self, user: &User) -> Opened {
        let credential_revision =
            self.store.user_by_name(&user.name).await.unwrap().unwrap().credential_revision;
        let person = Authenticated { user: user.clone(), credential_revision, provider_session: None };
        self.access.sessions.open(person, &somewhere()).await.unwrap().unwrap()
    }

    /// The session of a cookie, if it is not over.
    pub(crate) async fn verify(&self, opened: &Opened) -> Option<Session> {
        let verified = self.access.sessions.verify(opened.secret.expose()).await.unwrap();
        verified.map(|verified| verified.session)
    }
}

/// What [`World::person`] has.
pub(crate) fn right_password() -> SecretString {
    SecretString::from("right password")
}

/// The stored form of [`right_password`], made once.
async fn right_hash() -> &'static str {
    static HASH: OnceCell<String> = OnceCell::const_new();
    HASH.get_or_init(|| async { Passwords::new().hash(right_password()).await.unwrap() }).await
}

/// The other end of some connection.
pub(crate) fn somewhere() -> Client {
    client("192.0.2.7")
}

/// The other end of a connection from this address.
pub(crate) fn client(address: &str) -> Client {
    Client { address: address.parse().unwrap(), user_agent: "Firefox\r\nX: y".to_owned() }
}
