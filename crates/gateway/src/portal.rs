//! What the gateway asks of the portal; never on the way of a request that already holds its grant.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, Error, Result, SessionId, grant::Grant};

/// How long the portal may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The portal's half of the way in. Calls run on the runtime on which the [`crate::Gateway`] was made.
pub trait Portal: Send + Sync + 'static {
    /// Spends a ticket: `None` when it is unknown, spent, expired, for another app or bound to another nonce.
    ///
    /// `nonce` is the hash of the browser's nonce cookie, and takes only a ticket bound to it. `None` stands for
    /// a navigation that no page started, and takes only a ticket made without a nonce: anything else would let
    /// a page send a browser into an app of another person. After a refusal with a nonce the gateway may ask
    /// again without one, as the browser's nonce may be of an earlier visit.
    fn redeem(
        &self,
        ticket: &str,
        app: &AppId,
        nonce: Option<SecretHash>,
    ) -> impl Future<Output = Result<Option<(Secret, Grant)>>> + Send;

    /// The live grant with this hash. Asked only when the gateway does not know the cookie.
    fn find_grant(&self, hash: SecretHash) -> impl Future<Output = Result<Option<Grant>>> + Send;

    /// Somebody worked in an app of this session. At most once each 30 s for a session.
    fn touched(&self, session: &SessionId) -> impl Future<Output = ()> + Send;
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`Portal`] behind a pointer, with its deadline.
pub(crate) trait DynPortal: Send + Sync {
    fn redeem<'a>(
        &'a self,
        ticket: &'a str,
        app: &'a AppId,
        nonce: Option<SecretHash>,
    ) -> Answer<'a, Result<Option<(Secret, Grant)>>>;

    fn find_grant(&self, hash: SecretHash) -> Answer<'_, Result<Option<Grant>>>;

    fn touched<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()>;
}

impl<P: Portal> DynPortal for P {
    fn redeem<'a>(
        &'a self,
        ticket: &'a str,
        app: &'a AppId,
        nonce: Option<SecretHash>,
    ) -> Answer<'a, Result<Option<(Secret, Grant)>>> {
        Box::pin(in_time(Portal::redeem(self, ticket, app, nonce)))
    }

    fn find_grant(&self, hash: SecretHash) -> Answer<'_, Result<Option<Grant>>> {
        Box::pin(in_time(Portal::find_grant(self, hash)))
    }

    fn touched<'a>(&'a self, session: &'a SessionId) -> Answer<'a, ()> {
        Box::pin(async move {
            if tokio::time::timeout(DEADLINE, Portal::touched(self, session)).await.is_err() {
                tracing::warn!("the portal did not take note of a session's use in time");
            }
        })
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(DEADLINE, answer).await.unwrap_or_else(|_| {
        Err(Error::Unavailable {
            code: "portal_slow",
            detail: "the portal did not answer in time".to_owned(),
        })
    })
}
