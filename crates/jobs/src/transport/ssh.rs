//! Commands on a login node over ssh, each person's as herself.
//!
//! Nothing is installed over there. The portal is a certificate authority for users that the login node's sshd trusts
//! (`TrustedUserCAKeys`, sshd_config(5)): for every connection it makes a key in memory and signs it for one account
//! and a few minutes. A person has one connection with few channels, closed when nobody uses it; its first command
//! compares the account over there with the portal's identity.

mod certificate;
mod connection;
mod identity;
mod shell;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::Identity;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::certificate::{UserCa, UserCaError};
use self::connection::Connection;
pub use self::connection::{HostKey, HostKeyError};
pub use self::identity::SameIdentity;
use super::{Command, Output, Transport, TransportError, account};

/// Commands of one person that run at the same time; sshd's own `MaxSessions` is 10.
const CHANNELS_MAX: usize = 4;
/// People who are connected at the same time.
const CONNECTIONS_MAX: usize = 256;
/// After this long without a command a connection is closed.
const IDLE: Duration = Duration::from_secs(60);
/// How often idle connections are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How long a login node that let somebody not in is left alone about her: sshd punishes addresses that fail often.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// A login node and how people get in there.
pub struct SshConfig {
    /// Name or address.
    pub host: String,
    /// Port of its sshd.
    pub port: u16,
    /// The keys of which it shows one.
    pub host_keys: Vec<HostKey>,
    /// Signs for the people.
    pub user_ca: UserCa,
    /// The one address from which the certificates are good, `source-address` of ssh-keygen(1).
    pub source_address: Option<String>,
    /// What has to be the same here and there.
    pub same_identity: SameIdentity,
    /// The least UID of a person, here and there.
    pub min_uid: u32,
    /// Folders in which programs are looked for.
    pub path: String,
}

/// Runs commands on a login node; cheap to share.
pub struct Ssh {
    inner: Arc<Inner>,
    /// Ends the sweeper.
    _sweeper: DropGuard,
}

struct Inner {
    config: SshConfig,
    people: Mutex<HashMap<u32, Arc<Person>>>,
    connections: Arc<Semaphore>,
}

/// What there is for one person.
struct Person {
    channels: Semaphore,
    /// One at a time connects for her.
    connecting: Semaphore,
    state: Mutex<State>,
}

struct State {
    open: Option<Open>,
    last_used: Instant,
    /// Until when she is not tried again, and why.
    refused: Option<(Instant, String)>,
}

#[derive(Clone)]
struct Open {
    connection: Arc<Connection>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Ssh {
    /// Connects to nobody yet.
    #[must_use]
    pub fn new(config: SshConfig) -> Self {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let inner = Arc::new(Inner { config, people: Mutex::default(), connections });
        let end = CancellationToken::new();
        let swept = Arc::downgrade(&inner);
        let sweep = async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                let Some(inner) = swept.upgrade() else { return };
                inner.sweep(Instant::now());
            }
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(sweep));
        Self { inner, _sweeper: end.drop_guard() }
    }
}

impl Transport for Ssh {
    fn run<'a>(
        &'a self,
        who: &'a Identity,
        command: &'a Command,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        self.inner.run(who, command).boxed()
    }
}

impl Inner {
    async fn run(&self, who: &Identity, command: &Command) -> Result<Output, TransportError> {
        let program = command.argv.first().filter(|program| !program.is_empty());
        let program = program.ok_or(TransportError::NoCommand)?;
        if command.argv.iter().any(|argument| argument.contains('\0')) {
            return Err(TransportError::NoCommand);
        }
        account::check_here(who, self.config.min_uid)?;
        let person = self.person(who.uid);
        let Ok(done) = tokio::time::timeout(command.deadline, self.run_as(who, &person, command)).await
        else {
            // What is stuck once is not asked again.
            person.state().open = None;
            return Err(TransportError::TooSlow {
                program: program.clone(),
                deadline_secs: command.deadline.as_secs(),
            });
        };
        person.state().last_used = Instant::now();
        done
    }

    async fn run_as(
        &self,
        who: &Identity,
        person: &Person,
        command: &Command,
    ) -> Result<Output, TransportError> {
        let closed = |_| TransportError::Unreachable("the connections are closed".to_owned());
        let _channel = person.channels.acquire().await.map_err(closed)?;
        let open = self.open(who, person).await?;
        let channel = match open.connection.channel().await {
            Ok(channel) => channel,
            // It was cut since; nothing of this command went over it.
            Err(_) => {
                person.forget(&open);
                self.open(who, person).await?.connection.channel().await?
            }
        };
        let done = channel.run(&self.config.path, command).await;
        if matches!(done, Err(TransportError::Lost(_))) {
            person.forget(&open);
        }
        done
    }

    /// Her connection, made now if there is none.
    async fn open(&self, who: &Identity, person: &Person) -> Result<Open, TransportError> {
        let closed = |_| TransportError::Unreachable("the connections are closed".to_owned());
        let _alone = person.connecting.acquire().await.map_err(closed)?;
        {
            let mut state = person.state();
            if let Some(open) = state.open.clone().filter(|open| !open.connection.is_closed()) {
                return Ok(open);
            }
            state.open = None;
            if let Some((until, why)) = &state.refused
                && Instant::now() < *until
            {
                return Err(TransportError::NotLetIn(why.clone()));
            }
        }
        let no_place =
            |_| TransportError::Unreachable(format!("{CONNECTIONS_MAX} people are connected already"));
        let place = Arc::clone(&self.connections).try_acquire_owned().map_err(no_place)?;
        let connected = self.connect(who).await;
        let mut state = person.state();
        state.refused = match &connected {
            Err(TransportError::NotLetIn(why)) => Some((Instant::now() + REFUSED_PAUSE, why.clone())),
            _ => None,
        };
        let open = Open { connection: Arc::new(connected?), _place: Arc::new(place) };
        state.open = Some(open.clone());
        state.last_used = Instant::now();
        Ok(open)
    }

    async fn connect(&self, who: &Identity) -> Result<Connection, TransportError> {
        let config = &self.config;
        let connection = connection::connect(config, who).await?;
        let asked = Command {
            argv: identity::QUESTION.map(str::to_owned).to_vec(),
            work_dir: None,
            stdin: Vec::new(),
            deadline: connection::DEADLINE,
            output_bytes_max: 64 << 10,
        };
        let answer = connection.channel().await?.run(&config.path, &asked).await?;
        identity::check_there(who, &answer, config.same_identity, config.min_uid)?;
        Ok(connection)
    }

    fn person(&self, uid: u32) -> Arc<Person> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(people.entry(uid).or_insert_with(|| Arc::new(Person::new())))
    }

    /// Closes what nobody used for a while, and forgets those of whom there is nothing to know.
    fn sweep(&self, now: Instant) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.retain(|_, person| {
            let is_idle = Arc::strong_count(person) == 1;
            let mut state = person.state();
            if is_idle && now.duration_since(state.last_used) >= IDLE {
                state.open = None;
            }
            let is_refused = state.refused.as_ref().is_some_and(|(until, _)| now < *until);
            !is_idle || is_refused || state.open.is_some()
        });
    }
}

impl Person {
    fn new() -> Self {
        let state = State { open: None, last_used: Instant::now(), refused: None };
        Self {
            channels: Semaphore::new(CHANNELS_MAX),
            connecting: Semaphore::new(1),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next command connects anew, unless another one did already.
    fn forget(&self, open: &Open) {
        let mut state = self.state();
        if state.open.as_ref().is_some_and(|now| Arc::ptr_eq(&now.connection, &open.connection)) {
            state.open = None;
        }
    }
}

#[cfg(test)]
mod tests;
