//! Second factors: time-based codes, recovery codes and passkeys, of people whose provider leaves them to the portal.
//!
//! A wrong code is slowed like a wrong password and locks nobody out; a right one is taken once. What is begun and
//! waits for the browser's answer rests sealed in the database, held by a session or by a pending sign-in.

mod passkeys;
mod recovery;
mod rules;
mod totp;

use std::sync::Arc;

use myksc_core::{Error, FieldProblem, Result, Timestamp, User, UserId};
use myksc_store::{Ceremony, FactorRemoval, Passkey, Store};

use crate::clock::Clock;
use crate::seal::Seal;
use crate::sessions::Sessions;
use crate::throttle::{Attempt, Throttle};

use passkeys::RelyingParty;

pub use recovery::RECOVERY_CODES;
pub use rules::{FactorRule, FactorRules, FactorSettings};
pub use totp::NewTotp;

/// A kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    /// A code of an authenticator app (RFC 6238).
    Totp,
    /// One of the codes that were printed once.
    RecoveryCode,
    /// An authenticator's signature (W3C Web Authentication).
    Passkey,
}

/// The second factors of a person.
#[derive(Debug, Clone)]
pub struct FactorsOf {
    /// Since when she has time-based codes, if she has.
    pub totp_since: Option<Timestamp>,
    /// How many recovery codes she has left.
    pub recovery_codes_left: u32,
    /// Her passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// Whether she must have one.
    pub required: bool,
}

/// The second factors of everybody; cheap to clone.
#[derive(Clone)]
pub struct Factors {
    store: Store,
    sessions: Sessions,
    throttle: Throttle,
    clock: Clock,
    shared: Arc<Shared>,
}

struct Shared {
    seal: Seal,
    issuer: String,
    rules: FactorRules,
    /// None where browsers know no passkeys: at an address without a name.
    relying_party: Option<RelyingParty>,
}

/// How long something begun waits for its answer.
const CEREMONY_SECS: i64 = 600;

impl FactorKind {
    /// The kind as the API and the audit log call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }
}

impl FactorsOf {
    /// Whether she has a factor; recovery codes are none.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.totp_since.is_some() || !self.passkeys.is_empty()
    }
}

impl Factors {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, sessions: Sessions, clock: Clock, seal: Seal, settings: FactorSettings) -> Self {
        let FactorSettings { issuer, origin, rules } = settings;
        let relying_party = origin.as_deref().and_then(|origin| RelyingParty::of(origin, &issuer));
        let shared = Shared { seal, issuer, rules, relying_party };
        Self { throttle: Throttle::new(store.clone()), store, sessions, clock, shared: Arc::new(shared) }
    }

    /// What a person has.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(&self, user: &User) -> Result<FactorsOf> {
        Ok(FactorsOf {
            totp_since: self.store.totp(&user.id).await?.map(|totp| totp.enrolled_at),
            recovery_codes_left: self.store.recovery_codes_left(&user.id).await?,
            passkeys: self.store.passkeys_of(&user.id).await?,
            required: self.rule_of(user) == Some(FactorRule::Required),
        })
    }

    /// The rule for a person; none when her provider sees to second factors itself.
    #[must_use]
    pub fn rule_of(&self, user: &User) -> Option<FactorRule> {
        self.shared.rules.of(&user.provider)
    }

    /// The kinds by which a person can show now that it is she.
    pub(crate) async fn kinds_of(&self, user: &User) -> Result<Vec<FactorKind>> {
        let of = self.of(user).await?;
        let passkey = !of.passkeys.is_empty() && self.shared.relying_party.is_some();
        let kinds = [
            (FactorKind::Totp, of.totp_since.is_some()),
            (FactorKind::RecoveryCode, of.recovery_codes_left > 0),
            (FactorKind::Passkey, passkey),
        ];
        Ok(kinds.into_iter().filter_map(|(kind, has)| has.then_some(kind)).collect())
    }

    /// Takes all factors of a person away, for an operator; her sessions and what she began to sign in with end.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reset(&self, user: &UserId) -> Result<()> {
        self.store.reset_factors(user).await?;
        self.sessions.end_all(user, None).await
    }

    /// Takes a code that a person typed: time-based, or one of her recovery codes.
    ///
    /// # Errors
    /// Invalid at `code` with `code_wrong`; [`Error::TooMany`] after wrong ones.
    pub(crate) async fn take_code(&self, user: &User, code: &str) -> Result<FactorKind> {
        let kind = if totp::is_code(code) { FactorKind::Totp } else { FactorKind::RecoveryCode };
        self.take(user, kind, code).await?;
        Ok(kind)
    }

    /// Takes a code of one kind.
    ///
    /// # Errors
    /// As [`Factors::take_code`].
    pub(crate) async fn take(&self, user: &User, kind: FactorKind, code: &str) -> Result<()> {
        let attempt = Attempt::Factor(user.id.clone());
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        let looked = match kind {
            FactorKind::Totp => self.take_totp(user, code).await,
            FactorKind::RecoveryCode => self.take_recovery_code(user, code).await,
            FactorKind::Passkey => Ok(false),
        };
        match looked {
            Ok(true) => self.throttle.succeeded(&counted, self.clock.now()).await,
            Ok(false) => Err(wrong_code()),
            Err(error) => {
                self.throttle.not_looked_at(&counted).await?;
                Err(error)
            }
        }
    }

    /// Whether the person may have factors here at all.
    fn check_has_rule(&self, user: &User) -> Result<()> {
        if self.rule_of(user).is_some() {
            return Ok(());
        }
        let detail = "whoever signs this person in sees to second factors, too".to_owned();
        Err(Error::Forbidden { code: "factors_elsewhere", detail })
    }

    fn keeps_last(&self, user: &User) -> bool {
        self.rule_of(user) == Some(FactorRule::Required)
    }

    /// Seals what a ceremony needs for its end and keeps it.
    async fn begin(&self, ceremony: Ceremony<'_>, user: &UserId, state: &[u8]) -> Result<()> {
        let sealed = self.shared.seal.seal(&label(ceremony), state)?;
        let expires_at = self.clock.now().plus_secs(CEREMONY_SECS);
        Ok(self.store.put_ceremony(ceremony, user, &sealed, expires_at).await?)
    }

    /// What a ceremony kept, open and as it is stored.
    async fn begun(&self, ceremony: Ceremony<'_>, user: &UserId) -> Result<(Vec<u8>, String)> {
        let sealed = self.store.ceremony(ceremony, user, self.clock.now()).await?;
        let sealed = sealed.ok_or_else(nothing_begun)?;
        Ok((self.shared.seal.open(&label(ceremony), &sealed)?, sealed))
    }

    /// Ends a ceremony; a second end of the same one is refused.
    async fn end(&self, ceremony: Ceremony<'_>, sealed: &str) -> Result<()> {
        let is_first = self.store.end_ceremony(ceremony, sealed).await?;
        if is_first { Ok(()) } else { Err(nothing_begun()) }
    }
}

fn label(ceremony: Ceremony<'_>) -> String {
    format!("ceremony {} {}", ceremony.kind, ceremony.holder)
}

fn wrong_code() -> Error {
    Error::invalid(FieldProblem::new("code", "code_wrong", "this is not the code, or it was used before"))
}

fn nothing_begun() -> Error {
    Error::conflict("factor_not_begun", "nothing is begun that this could end; it may have taken too long")
}

/// What an attempt to take a factor away says.
fn removed(removal: FactorRemoval, kind: &'static str, id: &str) -> Result<()> {
    match removal {
        FactorRemoval::Removed => Ok(()),
        FactorRemoval::Absent => Err(Error::not_found(kind, id)),
        FactorRemoval::IsLast => {
            Err(Error::conflict("factor_required", "the site demands a second factor; this is the last one"))
        }
    }
}

#[cfg(test)]
mod tests;
