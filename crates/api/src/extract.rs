//! Extractors whose refusals are problems that name the field.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use myksc_core::{AppId, Error, FieldProblem, JobId, NoticeId, PasskeyId, SessionId, TokenId};
use myksc_identity::UserCode;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A JSON body. 415 without `Content-Type: application/json`, 413 when too large, 422 with the field's path.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// The query's fields. 422 with the field's name.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The id in the path. What is no id names nothing: 404, as an id that nobody has.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

/// An id that stands in a path.
pub(crate) trait PathId: FromStr {
    /// What it is the id of, for `params.kind`.
    const KIND: &'static str;
}

impl PathId for AppId {
    const KIND: &'static str = "app";
}

impl PathId for UserCode {
    const KIND: &'static str = "device";
}

impl PathId for JobId {
    const KIND: &'static str = "job";
}

impl PathId for NoticeId {
    const KIND: &'static str = "notice";
}

impl PathId for PasskeyId {
    const KIND: &'static str = "passkey";
}

impl PathId for SessionId {
    const KIND: &'static str = "session";
}

impl PathId for TokenId {
    const KIND: &'static str = "token";
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        parse_json(&json_body(request, state).await?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(value)| Self(value)).map_err(
            |rejection| {
                let text = rejection.body_text();
                let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                let (field, detail) = text.split_once(": ").unwrap_or(("", text));
                Error::invalid(value_problem(field.to_owned(), detail)).into()
            },
        )
    }
}

impl<S: Send + Sync, T: PathId> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let text = params.as_ref().and_then(|params| params.iter().last()).map_or("", |(_, text)| text);
        text.parse().map(Self).map_err(|_| Problem::not_found(T::KIND, text))
    }
}

/// The body as it came, if it says that it is JSON.
pub(crate) async fn json_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json_expected",
            "send the body as application/json",
        ));
    }
    Bytes::from_request(request, state).await.map_err(|rejection| body_problem(&rejection))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn body_problem(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request is larger than it may be")
        }
        status => Problem::new(status, "body_unreadable", "the request's body did not arrive whole"),
    }
}

pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let problem = match inner.classify() {
            serde_json::error::Category::Data => value_problem(path, &strip_place(&inner.to_string())),
            _ => FieldProblem::new("", "json_invalid", inner.to_string())
                .with("line", inner.line())
                .with("column", inner.column()),
        };
        Problem::from(Error::invalid(problem))
    })?;
    deserializer.end().map_err(|error| {
        let problem = FieldProblem::new("", "json_invalid", error.to_string())
            .with("line", error.line())
            .with("column", error.column());
        Problem::from(Error::invalid(problem))
    })?;
    Ok(value)
}

/// Turns what serde says of one value into a problem of one field.
fn value_problem(path: String, detail: &str) -> FieldProblem {
    let parent = if path == "." { "" } else { path.as_str() };
    let below = |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    if let Some(name) = quoted_after(detail, "missing field ") {
        return FieldProblem::new(below(name), "required", "this field is required");
    }
    if let Some(name) = quoted_after(detail, "unknown field ") {
        // The path already names the unknown field itself.
        let field = if parent.is_empty() { name.to_owned() } else { path };
        return FieldProblem::new(field, "field_unknown", "there is no such field");
    }
    FieldProblem::new(parent, "value_invalid", detail)
}

fn quoted_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.strip_prefix(words)?.strip_prefix('`')?.split_once('`').map(|(name, _)| name)
}

/// Takes ` at line 1 column 9` off; the field's path says more.
fn strip_place(text: &str) -> String {
    text.rsplit_once(" at line ").map_or(text, |(before, _)| before).to_owned()
}

#[cfg(test)]
mod tests {
    use myksc_core::Resources;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the refusals are looked at")]
    struct Launch {
        name: String,
        resources: Resources,
    }

    #[test]
    fn every_kind_of_wrong_body_names_its_field() {
        let cases = [
            (r#"{"name":"a"}"#, "resources", "required"),
            (r#"{"name":1,"resources":{}}"#, "name", "value_invalid"),
            (
                r#"{"name":"a","resources":{"cpu_millis":-1,"memory_bytes":1,"gpus":0}}"#,
                "resources.cpu_millis",
                "value_invalid",
            ),
            (r#"{"name":"a","resources":{"cpu_millis":1}}"#, "resources.memory_bytes", "required"),
            (r#"{"name":"a","colour":"red"}"#, "colour", "field_unknown"),
            ("{", "", "json_invalid"),
            ("", "", "json_invalid"),
        ];
        for (body, field, code) in cases {
            let problem = parse_json::<Launch>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.fields()[0].field, field, "{body}");
            assert_eq!(problem.fields()[0].code, code, "{body}");
        }
    }
}
