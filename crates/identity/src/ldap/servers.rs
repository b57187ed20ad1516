//! The servers of a directory: which one is asked, over which connection, and for how long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use url::Url;

use super::config::{LdapConfig, LdapConfigError, ServiceAccount};

/// Longest life of a connection, so that a server that is back in the first place gets asked again.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);
/// After every server failed to answer, nobody is asked for this long: a directory that comes to its feet must not
/// be met by everybody who waits.
const REST: Duration = Duration::from_secs(1);

/// Result codes (RFC 4511, 4.1.9 and appendix A).
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    /// Answers to a bind that say that this person does not get in, whatever the reason.
    pub(super) const NOT_IN: [u32; 6] = [19, 32, 48, 49, 50, 53];
}

/// A search for entries.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: String,
    pub(super) attributes: Vec<String>,
    pub(super) most: i32,
}

/// What a search found.
#[derive(Debug)]
pub(super) enum Found {
    /// These entries.
    Entries(Vec<SearchEntry>),
    /// More entries than were asked for; some of them.
    TooMany(Vec<SearchEntry>),
    /// There is no such base, or the portal may not see it.
    NoBase,
}

/// No server gave an answer in time; the reasons are in the log.
#[derive(Debug)]
pub(super) struct Unanswered;

/// The servers of one directory.
pub(super) struct Servers {
    shared: Arc<Shared>,
}

struct Shared {
    servers: Vec<Server>,
    settings: LdapConnSettings,
    service: Option<ServiceAccount>,
    server_timeout: Duration,
    timeout: Duration,
    retry_after: Duration,
    lookups: Semaphore,
    binds: Semaphore,
    failed_at: Mutex<Option<Instant>>,
}

struct Server {
    url: Url,
    down_until: Mutex<Option<Instant>>,
    idle: Mutex<Vec<Connection>>,
}

/// A connection, closed when it is dropped.
struct Connection {
    ldap: Ldap,
    driver: AbortHandle,
    opened_at: Instant,
}

/// Why a server did not answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {} ms", .0.as_millis())]
    Slow(Duration),
    #[error("it refuses the portal's own account: {0}")]
    Service(u32),
    #[error("{}", .0.to_string().trim())]
    Ldap(#[from] LdapError),
    #[error("result {0}")]
    Result(u32),
}

impl Servers {
    pub(super) fn new(config: &LdapConfig) -> Result<Self, LdapConfigError> {
        let servers = config.servers()?.into_iter().map(|url| Server {
            url,
            down_until: Mutex::default(),
            idle: Mutex::default(),
        });
        // On `ldaps` the library opens TLS at once and passes StartTLS over.
        let mut settings = LdapConnSettings::new().set_starttls(true);
        if let Some(trust) = config.trust()? {
            settings = settings.set_config(trust);
        }
        let connections = config.connections.max(1);
        let shared = Shared {
            servers: servers.collect(),
            settings,
            service: config.service.clone(),
            server_timeout: config.server_timeout,
            timeout: config.timeout,
            retry_after: config.retry_after,
            lookups: Semaphore::new(connections),
            binds: Semaphore::new(connections),
            failed_at: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Searches as the portal's own account.
    pub(super) async fn search(&self, search: Search) -> Result<Found, Unanswered> {
        let shared = Arc::clone(&self.shared);
        self.in_time(async move { shared.search(&search).await }).await
    }

    /// Whether a server lets somebody in by name and password, on a connection that serves nothing else.
    pub(super) async fn bind(&self, dn: String, password: SecretString) -> Result<bool, Unanswered> {
        // RFC 4513, 5.1.2: a bind without a password succeeds, as nobody.
        if password.expose_secret().is_empty() {
            return Ok(false);
        }
        let shared = Arc::clone(&self.shared);
        self.in_time(async move { shared.bind(&dn, &password).await }).await
    }

    /// In a task of its own: the library panics on some answers that are no LDAP.
    async fn in_time<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, Unanswered>> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let limit = self.shared.timeout;
        match tokio::spawn(timeout(limit, question)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::warn!(limit_ms = limit.as_millis(), "the directory did not answer in time");
                Err(Unanswered)
            }
            Err(error) => {
                tracing::warn!(%error, "the directory's answer can't be read");
                Err(Unanswered)
            }
        }
    }
}

impl Shared {
    async fn search(&self, search: &Search) -> Result<Found, Unanswered> {
        let _turn = self.lookups.acquire().await.map_err(|_| Unanswered)?;
        for server in self.order()? {
            match self.search_at(server, search).await {
                Ok(found) => {
                    self.answered(server);
                    return Ok(found);
                }
                Err(failure) => self.failed(server, &failure),
            }
        }
        Err(self.rest())
    }

    async fn bind(&self, dn: &str, password: &SecretString) -> Result<bool, Unanswered> {
        let _turn = self.binds.acquire().await.map_err(|_| Unanswered)?;
        for server in self.order()? {
            match self.within(self.bind_at(server, dn, password)).await {
                Ok(is_in) => {
                    self.answered(server);
                    return Ok(is_in);
                }
                Err(failure) => self.failed(server, &failure),
            }
        }
        Err(self.rest())
    }

    async fn search_at(&self, server: &Server, search: &Search) -> Result<Found, Failure> {
        while let Some(connection) = server.take_idle() {
            match self.search_on(server, connection, search).await {
                // It may have been over since the server was started anew; a fresh connection tells.
                Err(Failure::Ldap(_)) => server.forget_idle(),
                answer => return answer,
            }
        }
        let connection = self.within(self.connect(server)).await?;
        self.search_on(server, connection, search).await
    }

    /// The connection is kept when the answer came whole.
    async fn search_on(
        &self,
        server: &Server,
        mut connection: Connection,
        search: &Search,
    ) -> Result<Found, Failure> {
        let found = self.within(connection.search(search, self.server_timeout)).await?;
        server.keep(connection);
        Ok(found)
    }

    async fn bind_at(&self, server: &Server, dn: &str, password: &SecretString) -> Result<bool, Failure> {
        let mut connection = self.open(server).await?;
        match connection.ldap.simple_bind(dn, password.expose_secret()).await?.rc {
            code::SUCCESS => Ok(true),
            rc if code::NOT_IN.contains(&rc) => Ok(false),
            rc => Err(Failure::Result(rc)),
        }
    }

    /// A connection on which the portal has signed in.
    async fn connect(&self, server: &Server) -> Result<Connection, Failure> {
        let mut connection = self.open(server).await?;
        if let Some(service) = &self.service {
            let answer = connection.ldap.simple_bind(&service.dn, service.password.expose_secret()).await?;
            if answer.rc != code::SUCCESS {
                return Err(Failure::Service(answer.rc));
            }
        }
        Ok(connection)
    }

    async fn open(&self, server: &Server) -> Result<Connection, Failure> {
        let (connection, ldap) =
            LdapConnAsync::from_url_with_settings(self.settings.clone(), &server.url).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory ended");
            }
        });
        Ok(Connection { ldap, driver: driver.abort_handle(), opened_at: Instant::now() })
    }

    async fn within<T>(&self, step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout(self.server_timeout, step).await.map_err(|_| Failure::Slow(self.server_timeout))?
    }

    /// The servers as they are to be asked: in their order, those that failed lately last.
    fn order(&self) -> Result<Vec<&Server>, Unanswered> {
        let now = Instant::now();
        if locked(&self.failed_at).is_some_and(|at| now < at + REST.min(self.retry_after)) {
            return Err(Unanswered);
        }
        let mut servers: Vec<&Server> = self.servers.iter().collect();
        servers.sort_by_key(|server| locked(&server.down_until).is_some_and(|until| now < until));
        Ok(servers)
    }

    fn answered(&self, server: &Server) {
        *locked(&self.failed_at) = None;
        if locked(&server.down_until).take().is_some() {
            tracing::info!(server = %server.url, "the directory's server answers again");
        }
    }

    fn failed(&self, server: &Server, failure: &Failure) {
        server.forget_idle();
        let before = locked(&server.down_until).replace(Instant::now() + self.retry_after);
        if before.is_none() {
            tracing::warn!(server = %server.url, %failure, "a server of the directory does not answer");
        }
    }

    fn rest(&self) -> Unanswered {
        *locked(&self.failed_at) = Some(Instant::now());
        Unanswered
    }
}

impl Server {
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = locked(&self.idle);
        idle.retain_mut(|connection| {
            connection.opened_at.elapsed() < CONNECTION_LIFE && !connection.ldap.is_closed()
        });
        idle.pop()
    }

    /// No more are idle than lookups are allowed at a time.
    fn keep(&self, connection: Connection) {
        locked(&self.idle).push(connection);
    }

    fn forget_idle(&self) {
        locked(&self.idle).clear();
    }
}

impl Connection {
    async fn search(&mut self, search: &Search, limit: Duration) -> Result<Found, Failure> {
        let seconds = i32::try_from(limit.as_secs()).unwrap_or(i32::MAX).max(1);
        let options = SearchOptions::new().sizelimit(search.most).timelimit(seconds);
        let answer = self
            .ldap
            .with_search_options(options)
            .search(&search.base, search.scope, &search.filter, search.attributes.as_slice())
            .await?;
        let entries = answer.0.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct);
        match answer.1.rc {
            code::SUCCESS => Ok(Found::Entries(entries.collect())),
            code::SIZE_LIMIT_EXCEEDED => Ok(Found::TooMany(entries.collect())),
            code::NO_SUCH_OBJECT => Ok(Found::NoBase),
            rc => Err(Failure::Result(rc)),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
