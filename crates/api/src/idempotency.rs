//! `Idempotency-Key` on creates (draft-ietf-httpapi-idempotency-key-header): a repeat of a request makes nothing twice
//! and gets the first answer again; another request under the same key is refused.
//!
//! The new thing's id follows from key and request. When the portal dies after it made something and before it kept
//! the answer, a repeat finds the thing under its id.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use myksc_core::{AppId, Error, FieldProblem, JobId, UserId};
use myksc_store::{Claim, Store, StoredAnswer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use crate::caller::Caller;
use crate::extract::{json_body, parse_json};
use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_CHARS: usize = 100;

/// How long a repeat waits for the first request's answer, and how often it looks.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The key of a create, if the caller sent one, bound to the request that it came with.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey(Option<BoundKey>);

#[derive(Debug, Clone)]
struct BoundKey {
    key: String,
    request_hash: String,
}

/// A create's JSON body and its key.
#[derive(Debug)]
pub(crate) struct KeyedJson<T>(pub(crate) IdempotencyKey, pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for KeyedJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let (key, path) = (key_of(&parts)?, parts.uri.path().to_owned());
        let body = json_body(Request::from_parts(parts, body), state).await?;
        let value = parse_json(&body)?;
        Ok(Self(IdempotencyKey::bound(key, &path, &body), value))
    }
}

/// Of a create without a body.
impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::bound(key_of(parts)?, parts.uri.path(), &[]))
    }
}

impl utoipa::IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text =
            ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX_CHARS));
        let header = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "A word of the caller's for this very request. Sent again within a day, the same request is done once \
                 and gets the first answer; another request is refused with 422 `idempotency_key_reused`.",
            ))
            .schema(Some(text));
        vec![header.build()]
    }
}

fn key_of(parts: &Parts) -> Result<Option<String>, Problem> {
    let Some(value) = parts.headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > MAX_CHARS {
        let problem = FieldProblem::new(
            HEADER.as_str(),
            "idempotency_key_invalid",
            "an Idempotency-Key has 1 to 100 visible ASCII characters",
        );
        return Err(Error::invalid(problem.with("max", MAX_CHARS)).into());
    }
    Ok(Some(text.to_owned()))
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
    fn bound(key: Option<String>, path: &str, body: &[u8]) -> Self {
        Self(key.map(|key| BoundKey { key, request_hash: request_hash(path, body) }))
    }

    /// The id for what `operation` makes; the same for a repeat.
    pub(crate) fn new_id<T: NewId>(&self, caller: &Caller, operation: &'static str) -> T {
        match &self.0 {
            Some(BoundKey { key, request_hash }) => {
                T::derived(&[operation, caller.user.id.as_str(), key, request_hash])
            }
            None => T::random(),
        }
    }

    /// Does `make` unless this caller's key was used for `operation` before; then the first answer comes again.
    ///
    /// `make` runs to its end even if the caller goes away, so that its answer is there for the repeat. It must
    /// give what is there when something has the id of [`Self::new_id`] already.
    ///
    /// # Errors
    /// 422 when the key came with another request before; what `make` says (the key is free again then).
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
        let Some(bound) = self.0 else { return Ok((status, axum::Json(make.await?)).into_response()) };
        let claim = KeyClaim { store: store.clone(), owner: caller.user.id.clone(), operation, bound };
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
    bound: BoundKey,
}

impl KeyClaim {
    /// `None` when it is ours to do: nobody has done it, or who began it died or does not come to an end.
    async fn take(&self) -> Result<Option<StoredAnswer>, Problem> {
        let deadline = tokio::time::Instant::now() + WAIT;
        let BoundKey { key, request_hash } = &self.bound;
        loop {
            let claim = self.store.claim_key(self.owner.as_str(), self.operation, key, request_hash).await;
            match claim.map_err(Error::from)? {
                Claim::First => return Ok(None),
                Claim::Done(answer) => return Ok(Some(answer)),
                Claim::OtherRequest => return Err(reused()),
                Claim::InProgress if tokio::time::Instant::now() >= deadline => return Ok(None),
                Claim::InProgress => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn settle(&self, answer: StoredAnswer) -> Result<StoredAnswer, Problem> {
        let settled =
            self.store.settle_key(self.owner.as_str(), self.operation, &self.bound.key, &answer).await;
        settled.map_err(Error::from)?;
        Ok(answer)
    }

    async fn release(&self) -> Result<(), Problem> {
        let released = self.store.release_key(self.owner.as_str(), self.operation, &self.bound.key).await;
        Ok(released.map_err(Error::from)?)
    }
}

/// What tells this request from others under the same key.
fn request_hash(path: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    // The length keeps path and body apart.
    hash.update(path.len().to_be_bytes());
    hash.update(path.as_bytes());
    hash.update(body);
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

fn reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "this Idempotency-Key was used for another request; send a new one",
    )
}

fn answered(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
