//! Signing a command line in by a browser: the device authorization grant (RFC 8628), with an API token at its end.
//!
//! The command line starts and gets two codes: a long one for itself and a short one for its person, who types it
//! where she is signed in. When she approves, a token is made and rests encrypted until the command line fetches it,
//! once.

use std::net::IpAddr;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, FieldProblem, Result, Role, Scope, Timestamp, TokenId, UserId};
use myksc_store::{Device, DeviceAnswer, DeviceLimits, DeviceOutcome, Session, Store};

use crate::clock::Clock;
use crate::seal::Seal;
use crate::throttle::{Attempt, Throttle, network};
use crate::tokens::{TokenWish, Tokens};
use crate::user_code::UserCode;

/// How long a command line waits for its person.
const LIFE_SECS: i64 = 600;
/// How long it waits from one question to the next.
const INTERVAL_SECS: i64 = 5;
/// Many people work on one login node.
const LIMITS: DeviceLimits = DeviceLimits { of_network: 100, overall: 10_000 };
/// When too many wait, some will have been let in by then.
const RETRY_SECS: u64 = 60;
/// Codes that are tried until one is free; with all places taken, one in two million is taken.
const TRIES: usize = 3;

/// The command lines that wait; cheap to clone.
#[derive(Clone)]
pub struct Devices {
    store: Store,
    tokens: Tokens,
    seal: Seal,
    throttle: Throttle,
    clock: Clock,
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceWish {
    /// What it calls itself; its token gets this name.
    pub client_name: String,
    /// What its token is to be good for.
    pub scopes: Vec<Scope>,
    /// Days until its token ends.
    pub expires_in_days: u32,
}

/// What a command line goes on with.
#[derive(Debug, Clone)]
pub struct StartedDevice {
    /// For itself, to ask with.
    pub device_code: Secret,
    /// For its person.
    pub user_code: UserCode,
    /// Seconds until both are over.
    pub expires_in_secs: i64,
    /// Seconds from one question to the next.
    pub interval_secs: i64,
}

/// The token of a command line that was let in.
#[derive(Clone)]
pub struct DeviceToken {
    /// Public half.
    pub id: TokenId,
    /// When it ends.
    pub expires_at: Timestamp,
    secret: String,
}

impl DeviceToken {
    /// The whole token, to hand to its holder once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.secret
    }
}

impl std::fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Devices {
    /// Over the portal's database and tokens.
    #[must_use]
    pub fn new(store: Store, tokens: Tokens, seal: Seal, clock: Clock) -> Self {
        Self { throttle: Throttle::new(store.clone()), store, tokens, seal, clock }
    }

    /// Gives a command line its codes.
    ///
    /// # Errors
    /// Invalid at `client_name`, `scopes` or `expires_in_days` as tokens are; [`Error::TooMany`] when too many wait.
    pub async fn start(&self, wish: &DeviceWish, address: IpAddr) -> Result<StartedDevice> {
        self.check(wish)?;
        let now = self.clock.now();
        let device = Device {
            client_name: wish.client_name.trim().to_owned(),
            address: address.to_canonical().to_string(),
            network: network(address),
            scopes: wish.scopes.clone(),
            expires_in_days: wish.expires_in_days,
            interval_secs: INTERVAL_SECS,
            created_at: now,
            expires_at: now.plus_secs(LIFE_SECS),
        };
        for _ in 0..TRIES {
            let (device_code, user_code) = (Secret::random(), UserCode::random());
            let (own, short) = (device_code.hash(), user_code.hash());
            match self.store.create_device(&device, own, short, LIMITS).await? {
                DeviceOutcome::Created => {
                    let (expires_in_secs, interval_secs) = (LIFE_SECS, INTERVAL_SECS);
                    return Ok(StartedDevice { device_code, user_code, expires_in_secs, interval_secs });
                }
                DeviceOutcome::TooMany => break,
                DeviceOutcome::CodeTaken => {}
            }
        }
        Err(Error::TooMany { retry_after_secs: RETRY_SECS })
    }

    /// The command line with this code, for the person who is to decide.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none waits with it; [`Error::TooMany`] after many wrong codes.
    pub async fn find(&self, person: &UserId, code: &UserCode, address: IpAddr) -> Result<Device> {
        let attempt = Attempt::DeviceCode { person: person.clone(), address };
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        let found = self.store.pending_device(&code.hash(), self.clock.now()).await;
        if !matches!(found, Ok(None)) {
            self.throttle.not_looked_at(&counted).await?;
        }
        found?.ok_or_else(|| no_such(code))
    }

    /// Lets a command line in as the person of `session`.
    ///
    /// # Errors
    /// As [`Devices::find`] and [`Tokens::create_in`].
    pub async fn approve(&self, session: &Session, code: &UserCode, address: IpAddr) -> Result<Device> {
        let device = self.find(&session.user, code, address).await?;
        let wish = TokenWish::new(&device.client_name, device.expires_in_days).with_scopes(&device.scopes);
        let made = self.tokens.create_in(session, &wish).await?;
        let laid_ready = self.lay_ready(code, &made.token.id, made.token.expires_at, &made.expose()).await;
        if !matches!(laid_ready, Ok(true)) {
            // Somebody else was faster, or it can't be kept: a token that nobody can fetch must not stay.
            self.tokens.delete(&session.user, &made.token.id).await?;
        }
        if laid_ready? { Ok(device) } else { Err(no_such(code)) }
    }

    /// Refuses a command line.
    ///
    /// # Errors
    /// As [`Devices::find`].
    pub async fn deny(&self, person: &UserId, code: &UserCode, address: IpAddr) -> Result<Device> {
        let device = self.find(person, code, address).await?;
        let denied = self.store.deny_device(&code.hash(), self.clock.now()).await?;
        if denied { Ok(device) } else { Err(no_such(code)) }
    }

    /// Answers a command line that asks whether it was let in; its token comes once.
    ///
    /// # Errors
    /// Conflict `device_pending`, `device_denied`, or `device_expired` for a code that is over or nobody's;
    /// [`Error::TooMany`] when it asks too soon: from then on it must wait so long each time.
    pub async fn poll(&self, device_code: &str) -> Result<DeviceToken> {
        let hash = SecretHash::of(device_code);
        match self.store.poll_device(&hash, self.clock.now()).await? {
            DeviceAnswer::Approved { token, sealed } => self.unseal(token, &sealed),
            DeviceAnswer::Pending => Err(Error::conflict("device_pending", "nobody has decided yet")),
            DeviceAnswer::Denied => Err(Error::conflict("device_denied", "the sign-in was refused")),
            DeviceAnswer::Gone => Err(Error::conflict("device_expired", "the code is over; start again")),
            DeviceAnswer::TooSoon(interval_secs) => {
                Err(Error::TooMany { retry_after_secs: interval_secs.unsigned_abs() })
            }
        }
    }

    /// Forgets what nobody can use any more.
    pub(crate) async fn sweep(&self) -> Result<()> {
        self.store.delete_over_devices(self.clock.now()).await?;
        Ok(())
    }

    fn check(&self, wish: &DeviceWish) -> Result<()> {
        let token = TokenWish::new(&wish.client_name, wish.expires_in_days).with_scopes(&wish.scopes);
        // Who will approve is not known yet, so any role counts; her own is looked at then.
        self.tokens.check(&token, Role::Operator).map(|_| ()).map_err(|error| match error {
            Error::Invalid(problems) => Error::Invalid(problems.into_iter().map(of_device).collect()),
            error => error,
        })
    }

    async fn lay_ready(
        &self,
        code: &UserCode,
        id: &TokenId,
        expires_at: Timestamp,
        token: &str,
    ) -> Result<bool> {
        let plain = format!("{} {token}", expires_at.as_millis());
        let sealed = self.seal.seal(&seal_label(id), plain.as_bytes())?;
        Ok(self.store.approve_device(&code.hash(), id, &sealed, self.clock.now()).await?)
    }

    fn unseal(&self, id: TokenId, sealed: &str) -> Result<DeviceToken> {
        let plain = String::from_utf8(self.seal.open(&seal_label(&id), sealed)?).map_err(Error::internal)?;
        let parts = plain.split_once(' ').and_then(|(millis, secret)| Some((millis.parse().ok()?, secret)));
        let (millis, secret) = parts.ok_or_else(|| Error::internal("a token that was laid ready"))?;
        Ok(DeviceToken { id, expires_at: Timestamp::from_millis(millis), secret: secret.to_owned() })
    }
}

fn seal_label(token: &TokenId) -> String {
    format!("device token {token}")
}

/// What is wrong with a token's name is wrong with what the command line calls itself.
fn of_device(problem: FieldProblem) -> FieldProblem {
    match problem.field.as_str() {
        "name" => FieldProblem { field: "client_name".to_owned(), ..problem },
        _ => problem,
    }
}

fn no_such(code: &UserCode) -> Error {
    Error::not_found("device", code)
}

#[cfg(test)]
mod tests;
