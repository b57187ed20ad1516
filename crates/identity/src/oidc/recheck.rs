//! Asking providers now and then whether they still know the people who are here.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use myksc_core::secret::Secret;
use myksc_core::{Error, Result, UserId};
use myksc_store::{OidcDue, OidcRefresh};

use super::provider::{Provider, Refreshed, refused};
use super::{OidcIdentity, OidcParts, person};
use crate::people::REFUSED_BY_PROVIDER;

/// People a provider is asked about at once, so that a thousand are asked about within seconds.
pub(super) const AT_ONCE: usize = 16;
/// How much longer than one answer may take nobody else uses a refresh token.
const HELD_BEYOND: Duration = Duration::from_secs(20);

/// Keeps what a provider gave at a sign-in to ask about the person later.
pub(super) async fn keep(parts: &OidcParts, provider: &Provider, user: &UserId, token: &str) -> Result<()> {
    let refresh = seal(parts, user, token)?;
    Ok(parts.store.put_oidc_refresh(&provider.config.id, &refresh, parts.clock.now()).await?)
}

/// Asks once about everybody who is due, several at a time. A person whom the provider refuses is shut out; whatever
/// else goes wrong changes nothing.
pub(super) async fn round(parts: &OidcParts, provider: &Arc<Provider>) -> Result<()> {
    let mut asked = JoinSet::new();
    let outcome = loop {
        match next_due(parts, provider).await {
            Ok(Some(held)) => {
                asked.spawn(ask_or_release(parts.clone(), Arc::clone(provider), held));
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        if asked.len() >= AT_ONCE {
            note(asked.join_next().await);
        }
    };
    // Whoever is being asked about is waited for in any case: the token that comes with the answer must be kept.
    while let Some(ended) = asked.join_next().await {
        note(Some(ended));
    }
    outcome
}

/// The next person to ask about, held so that nobody else asks.
async fn next_due(parts: &OidcParts, provider: &Provider) -> Result<Option<OidcRefresh>> {
    let times = provider.config.times;
    let secs = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let now = parts.clock.now();
    let due = OidcDue {
        provider: &provider.config.id,
        now,
        checked_until: now.plus_secs(-secs(times.recheck)),
        held_until: now.plus_secs(secs(times.answer + HELD_BEYOND)),
    };
    Ok(parts.store.hold_oidc_refresh(due).await?)
}

async fn ask_or_release(parts: OidcParts, provider: Arc<Provider>, held: OidcRefresh) -> Result<()> {
    if let Err(error) = ask(&parts, &provider, &held).await {
        tracing::warn!(provider = provider.config.id, user = %held.user, %error,
            "a person could not be asked about; she stays");
        parts.store.release_oidc_refresh(&held, None).await?;
    }
    Ok(())
}

/// What went wrong with one person keeps nobody else from being asked about.
fn note(ended: Option<std::result::Result<Result<()>, tokio::task::JoinError>>) {
    match ended {
        Some(Err(error)) => tracing::error!(%error, "asking about a person ended early"),
        Some(Ok(Err(error))) => {
            tracing::warn!(%error, "a person who could not be asked about waits for long");
        }
        Some(Ok(Ok(()))) | None => {}
    }
}

async fn ask(parts: &OidcParts, provider: &Provider, held: &OidcRefresh) -> Result<()> {
    let token = parts.seal.open(&label(&held.user), &held.sealed)?;
    let token = String::from_utf8(token).map_err(Error::internal)?;
    match provider.refresh(&token).await? {
        Refreshed::Known { other_token, id_token } => {
            let other = other_token.map(|other| seal(parts, &held.user, &other)).transpose()?;
            let changed = other.as_ref().map(|other| (other.id.as_str(), other.sealed.as_str()));
            let is_hers = parts.store.release_oidc_refresh(held, changed).await?;
            if is_hers && let Some(id_token) = id_token {
                bring_up_to_date(parts, provider, &held.user, &id_token).await?;
            }
        }
        Refreshed::Refused => {
            // Not hers any more when she signed in anew while the provider was asked.
            if parts.store.release_oidc_refresh(held, None).await? {
                parts.people.shut_out(&held.user, REFUSED_BY_PROVIDER).await?;
                parts.store.delete_oidc_refresh(held).await?;
            }
        }
    }
    Ok(())
}

/// Makes of a person whose account is the provider's claims what they are now, and shuts her out where the rules refuse
/// that. A token that is not believed, or that lacks the claims of an account, changes nothing.
async fn bring_up_to_date(
    parts: &OidcParts,
    provider: &Provider,
    user: &UserId,
    id_token: &str,
) -> Result<()> {
    if provider.config.identity != OidcIdentity::Claims {
        return Ok(());
    }
    let now_secs = parts.clock.now().as_millis().div_euclid(1000);
    let claims = provider.later_claims(id_token, now_secs).await?;
    let vouched = person::vouch(&parts.people, &provider.config, &claims).await?;
    let found = parts.store.user_by_subject(&vouched.provider, &vouched.subject).await?;
    if found.is_none_or(|found| found.user.id != *user) {
        return Err(refused("oidc_token_invalid", "the ID token of a refresh is somebody else's"));
    }
    match parts.people.admit(&vouched).await {
        Ok(_) => Ok(()),
        Err(Error::Forbidden { code, .. }) => parts.people.shut_out(user, code).await,
        Err(error) => Err(error),
    }
}

fn seal(parts: &OidcParts, user: &UserId, token: &str) -> Result<OidcRefresh> {
    let sealed = parts.seal.seal(&label(user), token.as_bytes())?;
    Ok(OidcRefresh { user: user.clone(), id: Secret::random().expose().to_owned(), sealed })
}

fn label(user: &UserId) -> String {
    format!("oidc refresh {user}")
}
