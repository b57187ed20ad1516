//! Sign-in, sessions, API tokens and POSIX identity.
//!
//! [`Access`] holds the services, wired over one [`Store`]: [`SignIn`] turns name and password into a session by an
//! [`IdentityProvider`]; [`Sessions`] and [`Tokens`] tell whose a cookie or an API token is; [`Tickets`] lets a
//! session into an app; [`Accounts`] makes and changes local accounts, within an [`AccountPolicy`]. Secrets are
//! given out once and kept as hashes.

mod account;
mod accounts;
mod audit;
mod clock;
mod devices;
mod directory;
mod factors;
mod ldap;
mod lease;
mod nss;
mod oidc;
mod operators;
mod password;
mod people;
mod posix;
mod provider;
mod remembered;
mod seal;
mod sessions;
mod sign_in;
#[cfg(test)]
mod testing;
mod throttle;
mod tickets;
mod tokens;
mod user_code;

use std::sync::Arc;
use std::time::Duration;

use myksc_core::{Result, UserId};
use myksc_store::Store;

pub use account::{AccountPolicy, check_name};
pub use accounts::{Accounts, FirstUser, NewPassword};
pub use audit::{Actor, AuditFeed, InvalidAddress, Syslog, SyslogAddress, audited, audited_each, searched};
pub use clock::Clock;
pub use devices::{DeviceToken, DeviceWish, Devices, StartedDevice};
pub use directory::{Directory, Entry};
pub use factors::{
    FactorKind, FactorRule, FactorRules, FactorSettings, Factors, FactorsOf, NewTotp, RECOVERY_CODES,
};
pub use ldap::{Attributes as LdapAttributes, LdapConfig, LdapConfigError, LdapDirectory, ServiceAccount};
pub use lease::{Lease, Shown};
pub use nss::Nss;
pub use oidc::{
    ClaimRole, OIDC_FLOW_SECS, Oidc, OidcAnswer, OidcConfig, OidcConfigError, OidcFinished, OidcIdentity,
    OidcParts, OidcStarted, OidcTimes, OidcWay,
};
pub use operators::{Operators, PeoplePage, Profile};
pub use password::{MAX_BYTES, MIN_CHARS, Passwords, check_new_password, generate_password};
pub use people::{Directories, LdapProvider, PasswordWay, People, PeoplePolicy, RoleRules, ShutOut, Vouched};
pub use posix::{PosixAccount, account_by_name, group_name_of, own_account};
pub use provider::{Answer, Authenticated, IdentityProvider, Local};
pub use seal::Seal;
pub use sessions::{Client, CsrfToken, Opened, SessionEnded, SessionLimits, Sessions, Verified};
pub use sign_in::{Credentials, Proof, SecondStep, SignIn, Step};
pub use throttle::{Attempt, Counted, Throttle};
pub use tickets::{IssuedTicket, Tickets};
pub use tokens::{MAX_DAYS, MAX_TOKENS, NewToken, TokenWish, Tokens};
pub use user_code::{InvalidUserCode, UserCode};

/// What the site says of sign-in.
#[derive(Clone)]
pub struct AccessConfig {
    /// How long sessions last.
    pub limits: SessionLimits,
    /// The longest life of an API token, in days.
    pub token_max_days: u32,
    /// Encrypts what the database keeps of secrets.
    pub seal: Seal,
    /// The rules for accounts that come from outside.
    pub people: PeoplePolicy,
    /// Second factors.
    pub factors: FactorSettings,
    /// Seconds for which those who were verified go on when the database is away.
    pub database_grace_secs: i64,
}

/// The services of this crate, wired; cheap to clone.
#[derive(Clone)]
pub struct Access {
    /// People whom a provider vouches for.
    pub people: People,
    /// Encrypts what the database keeps of secrets.
    pub seal: Seal,
    /// The way in for people.
    pub sign_in: SignIn,
    /// The way in by OpenID providers.
    pub oidc: Oidc,
    /// Second factors.
    pub factors: Factors,
    /// Who is signed in.
    pub sessions: Sessions,
    /// API tokens.
    pub tokens: Tokens,
    /// Command lines that are let in by a browser.
    pub devices: Devices,
    /// The way into apps.
    pub tickets: Tickets,
    /// Local accounts.
    pub accounts: Accounts,
    /// What operators do about people.
    pub operators: Operators,
    /// Hashing of passwords, bounded.
    pub passwords: Passwords,
    throttle: Throttle,
    clock: Clock,
}

impl AccessConfig {
    /// The usual limits, and the rules for the accounts of one machine.
    #[must_use]
    pub fn new(seal: Seal) -> Self {
        let accounts = AccountPolicy::of_this_process(false, false);
        Self {
            limits: SessionLimits::default(),
            token_max_days: MAX_DAYS,
            seal,
            people: PeoplePolicy::new(accounts),
            factors: FactorSettings::default(),
            database_grace_secs: 300,
        }
    }
}

/// How often what is over is cleared away, and what other processes ended is noticed.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

impl Access {
    /// With local accounts and the directories of the configuration as the providers.
    #[must_use]
    pub fn new(store: &Store, config: AccessConfig, clock: &Clock) -> Self {
        let passwords = Passwords::new();
        let sessions = Sessions::new(store.clone(), config.limits, clock.clone())
            .remembering_for(config.database_grace_secs);
        let provider = Arc::new(Local::new(store.clone(), passwords.clone()));
        let tokens =
            Tokens::new(store.clone(), sessions.clone(), clock.clone()).with_max_days(config.token_max_days);
        let directories = config.people.directories.clone();
        let settings =
            directories.with_passwords().fold(config.factors, |settings, (id, _)| settings.also_for(id));
        let seal = config.seal.clone();
        let factors = Factors::new(store.clone(), sessions.clone(), clock.clone(), seal, settings);
        let people = People::new(store.clone(), sessions.clone(), config.people);
        let local = SignIn::new(store.clone(), provider, factors.clone(), sessions.clone(), clock.clone());
        let sign_in = directories.with_passwords().fold(local, |sign_in, (id, directory)| {
            let directory = LdapProvider::new(id.clone(), directory.clone(), people.clone());
            sign_in.with_provider(Arc::new(directory))
        });
        let oidc = Oidc::none(OidcParts {
            store: store.clone(),
            people: people.clone(),
            sessions: sessions.clone(),
            seal: config.seal.clone(),
            clock: clock.clone(),
        });
        let operators =
            Operators::new(store.clone(), people.clone(), sessions.clone(), tokens.clone(), factors.clone());
        Self {
            oidc,
            operators,
            devices: Devices::new(store.clone(), tokens.clone(), config.seal.clone(), clock.clone()),
            sign_in,
            factors,
            people,
            seal: config.seal,
            tokens,
            tickets: Tickets::new(store.clone(), sessions.clone(), clock.clone()),
            accounts: Accounts::new(store.clone(), passwords.clone(), sessions.clone(), clock.clone()),
            throttle: Throttle::new(store.clone()),
            clock: clock.clone(),
            sessions,
            passwords,
        }
    }

    /// The same with one more provider that is asked for passwords.
    #[must_use]
    pub fn with_provider(mut self, provider: Arc<dyn IdentityProvider>) -> Self {
        self.sign_in = self.sign_in.with_provider(provider);
        self
    }

    /// The same with OpenID providers, for the portal at `origin`.
    ///
    /// # Errors
    /// What does not hold, with the provider's id.
    pub fn with_oidc(
        mut self,
        origin: &str,
        providers: Vec<OidcConfig>,
    ) -> Result<Self, (String, OidcConfigError)> {
        self.oidc = self.oidc.with_providers(origin, providers)?;
        Ok(self)
    }

    /// Lasts for as long as what somebody showed does, who was let in by it just now.
    #[must_use]
    pub fn lease(&self, user: UserId, shown: Shown) -> Lease {
        Lease::new(self, user, shown)
    }

    /// Clears away what is over and announces the sessions that ended by it or by another process, every few
    /// seconds for as long as it is polled.
    pub async fn keep_swept(&self) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "what is over could not be cleared away");
            }
        }
    }

    /// Does once what [`Access::keep_swept`] does every few seconds.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<()> {
        self.sessions.sweep().await?;
        self.devices.sweep().await?;
        self.throttle.sweep(self.clock.now()).await
    }
}
