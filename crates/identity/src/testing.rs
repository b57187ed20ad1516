//! A portal's sign-in with a clock that tests set, and people in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrecy::SecretString;
use tokio::sync::OnceCell;

use myksc_core::user::Group;
use myksc_core::{Timestamp, User, UserId};
use myksc_store::{Session, Store};

use crate::clock::Clock;
use crate::sessions::{Client, Opened, SessionLimits};
use crate::{Access, Passwords};

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
        let millis = Arc::new(AtomicI64::new(START_MILLIS));
        let read = Arc::clone(&millis);
        let clock = Clock::from_fn(move || Timestamp::from_millis(read.load(Ordering::SeqCst)));
        let limits = SessionLimits { idle_secs: 100, absolute_secs: 1000 };
        Self { access: Access::new(&store, limits, &clock), store, millis }
    }

    /// Moves the clock on.
    pub(crate) fn pass_secs(&self, secs: i64) {
        self.millis.fetch_add(secs * 1000, Ordering::SeqCst);
    }

    /// Somebody with the password `right password`.
    pub(crate) async fn person(&self, name: &str) -> User {
        let user = User {
            id: UserId::random(),
            name: name.to_owned(),
            display_name: name.to_owned(),
            uid: 1000,
            gid: 1000,
            groups: vec![Group { gid: 1000, name: "users".to_owned() }],
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
            locked: false,
            created_at: Timestamp::from_millis(START_MILLIS),
        };
        self.store.create_user(&user, Some(right_hash().await)).await.unwrap();
        user
    }

    /// A session of a browser, opened now.
    pub(crate) async fn session(&self, user: &User) -> Opened {
        self.access.sessions.open(user.clone(), &somewhere()).await.unwrap()
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
