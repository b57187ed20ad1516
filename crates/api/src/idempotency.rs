//! `Idempotency-Key` on creates: a repeat of a request makes nothing twice and gets the first answer again.
//!
//! The new thing's id follows from the key. When the portal dies after it made something and before it kept the
//! answer, a repeat finds the thing under its id.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use myksc_core::{AppId, Error, FieldProblem, JobId, UserId};
use myksc_store::{Claim, Store, StoredAnswer};
use serde::Serialize;

use crate::caller::Caller;
use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_CHARS: usize = 100;

/// How long a repeat waits for the first request's answer, and how often it looks.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The key of a create, if the caller sent one.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey(Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default();
        if text.is_empty() || text.len() > MAX_CHARS {
            let problem = FieldProblem::new(
                HEADER.as_str(),
                "idempotency_key_invalid",
                "an Idempotency-Key has 1 to 100 visible ASCII characters",
            );
            return Err(Error::invalid(problem.with("max", MAX_CHARS)).into());
        }
        Ok(Self(Some(text.to_owned())))
    }
}

/// The id of something that a create makes.
pub(crate) trait NewId {
    /// An id like no other.
    fn random() -> Self;
    /// The id that follows from these texts.
    fn derived(parts: &[&str]) -> Self;
}

impl NewId for AppId {
    fn random() -> Self {
        Self::random()
    }

    fn derived(parts: &[&str]) -> Self {
        Self::derived(parts)
    }
}

impl NewId for JobId {
    fn random() -> Self {
        Self::random()
    }

    fn derived(parts: &[&str]) -> Self {
        Self::derived(parts)
    }
}

impl IdempotencyKey {
    /// The id for what `operation` makes; the same for a repeat.
    pub(crate) fn new_id<T: NewId>(&self, caller: &Caller, operation: &'static str) -> T {
        match &self.0 {
            Some(key) => T::derived(&[operation, caller.user.id.as_str(), key]),
            None => T::random(),
        }
    }

    /// Does `make` unless this caller's key was used for `operation` before; then the first answer comes again.
    ///
    /// `make` runs to its end even if the caller goes away, so that its answer is there for the repeat. It must
    /// give what is there when something has the id of [`Self::new_id`] already.
    ///
    /// # Errors
    /// What `make` says (the key is free again then).
    pub(crate) async fn once<T: Serialize + Send + 'static>(
        self,
        store: &Store,
        caller: &Caller,
        operation: &'static str,
        status: StatusCode,
        make: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<Response, Problem> {
        // On the heap, so that the handlers' own futures stay small.
        let make = Box::pin(make);
        let Some(key) = self.0 else { return Ok((status, axum::Json(make.await?)).into_response()) };
        let claim = KeyClaim { store: store.clone(), owner: caller.user.id.clone(), operation, key };
        let work = tokio::spawn(async move {
            if let Some(answer) = claim.take().await? {
                return Ok(answer);
            }
            match make.await {
                Ok(value) => {
                    let body = serde_json::to_string(&value).map_err(Error::internal)?;
                    claim.settle(StoredAnswer { status: status.as_u16(), body }).await
                }
                Err(problem) => {
                    claim.release().await?;
                    Err(problem)
                }
            }
        });
        let answer = work.await.map_err(Error::internal)??;
        Ok(answered(answer))
    }
}

/// One caller's key for one operation.
struct KeyClaim {
    store: Store,
    owner: UserId,
    operation: &'static str,
    key: String,
}

impl KeyClaim {
    /// `None` when it is ours to do: nobody has done it, or who began it died or does not come to an end.
    async fn take(&self) -> Result<Option<StoredAnswer>, Problem> {
        let deadline = tokio::time::Instant::now() + WAIT;
        loop {
            let claim = self.store.claim_key(self.owner.as_str(), self.operation, &self.key).await;
            match claim.map_err(Error::from)? {
                Claim::First => return Ok(None),
                Claim::Done(answer) => return Ok(Some(answer)),
                Claim::InProgress if tokio::time::Instant::now() >= deadline => return Ok(None),
                Claim::InProgress => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn settle(&self, answer: StoredAnswer) -> Result<StoredAnswer, Problem> {
        let settled = self.store.settle_key(self.owner.as_str(), self.operation, &self.key, &answer).await;
        settled.map_err(Error::from)?;
        Ok(answer)
    }

    async fn release(&self) -> Result<(), Problem> {
        let released = self.store.release_key(self.owner.as_str(), self.operation, &self.key).await;
        Ok(released.map_err(Error::from)?)
    }
}

fn answered(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
