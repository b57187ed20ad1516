//! The second step of a sign-in: a factor, or the enrolment of the first one. It is bound to the cookie that the password
//! earned, lasts ten minutes, and goes back to the password after a few wrong codes in a row.

use secrecy::SecretString;
use serde_json::Value;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, Result, Timestamp, User};
use myksc_store::{PendingSignIn, SignInStage};

use super::{SignIn, Step};
use crate::audit::{Actor, audited};
use crate::factors::{FactorKind, FactorRule, NewTotp};
use crate::password::busy;
use crate::provider::Authenticated;
use crate::sessions::{Client, Opened};

/// What a sign-in waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondStep {
    /// A factor, or the enrolment of the first one.
    pub stage: SignInStage,
    /// The kinds of factors that will do.
    pub factors: Vec<FactorKind>,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// How long it waits.
const PENDING_SECS: i64 = 600;
/// Wrong codes after which the password is asked for again.
const MOST_WRONG: u32 = 5;

/// A pending sign-in, found by its cookie.
struct Found {
    hash: SecretHash,
    pending: PendingSignIn,
    user: User,
}

impl SignIn {
    /// What the sign-in of this cookie waits for, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pending(&self, cookie: &str) -> Result<Option<SecondStep>> {
        let Some(found) = self.find(cookie).await? else { return Ok(None) };
        let Found { pending, user, .. } = found;
        Ok(Some(self.describe(&user, pending.stage, pending.expires_at).await?))
    }

    /// Gives the sign-in of this cookie up.
    ///
    /// # Errors
    /// What the database says.
    pub async fn give_up(&self, cookie: &str) -> Result<()> {
        self.store.spend_sign_in(&SecretHash::of(cookie), self.clock.now()).await?;
        Ok(())
    }

    /// Signs in by a code: time-based, or one of the recovery codes. `replaced` is as in [`SignIn::sign_in`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when the sign-in is over, as after some wrong codes; invalid at `code` with `code_wrong`;
    /// [`Error::TooMany`] before the delay after wrong ones is over.
    pub async fn by_code(
        &self,
        cookie: &str,
        kind: FactorKind,
        code: &str,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<Opened> {
        let _under_way = self.second_steps.try_acquire().map_err(|_| busy())?;
        let found = self.find_at(cookie, SignInStage::Factor).await?;
        let actor = Actor::remote(&found.user.name, client.address);
        audited(&self.store, &actor, "sign_in_factor", kind.as_str(), async {
            if let Err(error) = self.factors.take(&found.user, kind, code).await {
                return Err(self.after_wrong(&found, error).await?);
            }
            self.finish(found, client, replaced).await
        })
        .await
    }

    /// Asks for a passkey: the options for `navigator.credentials.get`, as JSON.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the sign-in is over or the person has no passkey.
    pub async fn passkey_options(&self, cookie: &str) -> Result<Value> {
        let found = self.find_at(cookie, SignInStage::Factor).await?;
        self.factors.ask_passkey(&found.holder(), &found.user).await
    }

    /// Signs in by the passkey's answer. `replaced` is as in [`SignIn::sign_in`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when the sign-in is over; invalid at `credential` with `passkey_wrong`; conflict
    /// `factor_not_begun`.
    pub async fn by_passkey(
        &self,
        cookie: &str,
        credential: Value,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<Opened> {
        let _under_way = self.second_steps.try_acquire().map_err(|_| busy())?;
        let found = self.find_at(cookie, SignInStage::Factor).await?;
        let actor = Actor::remote(&found.user.name, client.address);
        audited(&self.store, &actor, "sign_in_factor", FactorKind::Passkey.as_str(), async {
            self.factors.take_passkey(&found.holder(), &found.user, credential).await?;
            self.finish(found, client, replaced).await
        })
        .await
    }

    /// Begins the enrolment of an authenticator app, where the site demands one and the person has none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the sign-in is over; conflict `sign_in_other_step` when she has a factor.
    pub async fn begin_enrolment(&self, cookie: &str) -> Result<NewTotp> {
        let found = self.find_at(cookie, SignInStage::Enrolment).await?;
        self.factors.begin_totp(&found.holder(), &found.user).await
    }

    /// Enrols the authenticator app that shows this code and signs in; the recovery codes come along.
    ///
    /// # Errors
    /// As [`SignIn::begin_enrolment`]; invalid at `code` with `code_wrong`; conflict `factor_not_begun`.
    pub async fn finish_enrolment(
        &self,
        cookie: &str,
        code: &str,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<(Opened, Vec<SecretString>)> {
        let _under_way = self.second_steps.try_acquire().map_err(|_| busy())?;
        let found = self.find_at(cookie, SignInStage::Enrolment).await?;
        let actor = Actor::remote(&found.user.name, client.address);
        audited(&self.store, &actor, "enrol_factor", FactorKind::Totp.as_str(), async {
            let codes = self.factors.confirm_first_totp(&found.holder(), &found.user, code).await?;
            Ok((self.finish(found, client, replaced).await?, codes))
        })
        .await
    }

    /// The second step that a person owes who gave her password, if she owes one.
    pub(super) async fn second_step(&self, person: &Authenticated) -> Result<Option<Step>> {
        let Some(rule) = self.factors.rule_of(&person.user) else { return Ok(None) };
        let stage = match (self.factors.of(&person.user).await?.is_enrolled(), rule) {
            (true, _) => SignInStage::Factor,
            (false, FactorRule::Required) => SignInStage::Enrolment,
            (false, FactorRule::Optional) => return Ok(None),
        };
        let secret = Secret::random();
        let pending = PendingSignIn {
            user: person.user.id.clone(),
            credential_revision: person.credential_revision,
            provider_session: person.provider_session.clone(),
            stage,
            wrong_codes: 0,
            expires_at: self.clock.now().plus_secs(PENDING_SECS),
        };
        self.store.create_sign_in(&pending, secret.hash()).await?;
        let step = self.describe(&person.user, stage, pending.expires_at).await?;
        Ok(Some(Step::Pending { secret, step }))
    }

    async fn describe(&self, user: &User, stage: SignInStage, expires_at: Timestamp) -> Result<SecondStep> {
        let factors = match stage {
            SignInStage::Factor => self.factors.kinds_of(user).await?,
            SignInStage::Enrolment => vec![FactorKind::Totp],
        };
        Ok(SecondStep { stage, factors, expires_at })
    }

    async fn find(&self, cookie: &str) -> Result<Option<Found>> {
        let hash = SecretHash::of(cookie);
        let Some(pending) = self.store.pending_sign_in(&hash, self.clock.now()).await? else {
            return Ok(None);
        };
        let user = self.store.user(&pending.user).await?.filter(|user| !user.locked);
        Ok(user.map(|user| Found { hash, pending, user }))
    }

    async fn find_at(&self, cookie: &str, stage: SignInStage) -> Result<Found> {
        let found = self.find(cookie).await?.ok_or_else(over)?;
        if found.pending.stage != stage {
            return Err(Error::conflict("sign_in_other_step", "this sign-in waits for something else"));
        }
        Ok(found)
    }

    /// Counts a wrong code; says what to answer.
    async fn after_wrong(&self, found: &Found, error: Error) -> Result<Error> {
        let is_wrong = matches!(error, Error::Invalid(_));
        if is_wrong && !self.store.count_wrong_code(&found.hash, MOST_WRONG).await? {
            return Ok(over());
        }
        Ok(error)
    }

    async fn finish(&self, found: Found, client: &Client, replaced: Option<&str>) -> Result<Opened> {
        let Found { hash, user, .. } = found;
        let spent = self.store.spend_sign_in(&hash, self.clock.now()).await?.ok_or_else(over)?;
        let person = Authenticated {
            user,
            credential_revision: spent.credential_revision,
            provider_session: spent.provider_session,
        };
        self.open(person, client, replaced).await?.ok_or_else(over)
    }
}

impl Found {
    /// What holds the ceremonies of this sign-in.
    fn holder(&self) -> String {
        self.hash.to_hex()
    }
}

fn over() -> Error {
    Error::not_found("sign_in", "")
}
