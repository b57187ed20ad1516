//! Who may ask for which operation: each says so itself, and one middleware holds everybody to it.
//!
//! A handler declares the least role, and the scopes of which an API token needs one, as an extension of its
//! operation: `extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps"]})))`. With no scopes
//! listed only a session will do; `{"role": "nobody"}` opens the operation to everybody. What declares nothing is
//! refused. The table is made from the OpenAPI document, so the document says what is enforced.

mod table;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use myksc_core::{Role, Scope};
use serde::Deserialize;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

use crate::caller::{self, Caller, Credential};
use crate::problem::Problem;
use crate::state::AppState;

pub use self::table::access_table;
pub(crate) use self::table::sentence;

/// Name of the extension.
const EXTENSION: &str = "x-access";

/// What an operation asks of its caller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Declaration")]
pub(crate) enum Rule {
    /// Nothing.
    Nobody,
    /// Somebody who is signed in.
    Person {
        /// Her role, or a higher one.
        least: Role,
        /// An API token needs one of these; without any, none will do.
        scopes: Vec<Scope>,
    },
}

/// The rules of all operations.
pub(crate) struct Policy {
    /// By path as it is matched, then by method. None where an operation declares nothing that holds.
    rules: HashMap<String, Vec<(Method, Option<Rule>)>>,
}

/// The extension's value as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    role: String,
    scopes: Option<Vec<Scope>>,
}

impl TryFrom<Declaration> for Rule {
    type Error = String;

    fn try_from(declared: Declaration) -> Result<Self, String> {
        match (declared.role.as_str(), declared.scopes) {
            ("nobody", None) => Ok(Self::Nobody),
            ("nobody", Some(_)) => Err("what is open to nobody asks for no scope".to_owned()),
            (_, None) => Err("it has no scopes".to_owned()),
            (role, Some(scopes)) => {
                let least = role.parse().map_err(|error: myksc_core::role::UnknownName| error.to_string())?;
                Ok(Self::Person { least, scopes })
            }
        }
    }
}

impl Rule {
    /// The rule that an operation declares.
    pub(crate) fn of(operation: &Operation) -> Option<Self> {
        let declared = operation.extensions.as_ref()?.get(EXTENSION)?;
        serde_json::from_value(declared.clone()).ok()
    }

    /// Whether somebody with this role may, by a session or by a token with these scopes.
    fn check(&self, caller: &Caller) -> Result<(), Problem> {
        let Self::Person { least, scopes } = self else { return Ok(()) };
        if caller.user.role < *least {
            let detail = format!("this needs the role {least}");
            let problem = Problem::new(StatusCode::FORBIDDEN, "role_insufficient", detail);
            return Err(problem.with("role", least.name()));
        }
        match &caller.credential {
            Credential::Session { .. } => Ok(()),
            Credential::Token(_) if scopes.is_empty() => Err(session_needed()),
            Credential::Token(token) if scopes.iter().any(|scope| token.scopes.contains(scope)) => Ok(()),
            Credential::Token(_) => {
                let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
                let detail = format!("this needs an API token with the scope {}", names.join(" or "));
                let problem = Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail);
                Err(problem.with("scopes", names))
            }
        }
    }
}

impl Policy {
    /// The table of a document.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut rules: HashMap<String, Vec<_>> = HashMap::new();
        for (path, method, operation) in operations(document) {
            rules.entry(path.to_owned()).or_default().push((method, Rule::of(operation)));
        }
        Self { rules }
    }

    /// Refuses who may not; lets the handler find who may.
    async fn admit(&self, parts: &mut Parts, state: &AppState) -> Result<(), Response> {
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let Some(rules) = self.rules.get(path) else { return Err(undeclared().into_response()) };
        let declared = |method: &Method| rules.iter().find(|(found, _)| found == method);
        // Where HEAD is no operation of its own, it is answered as GET is.
        let is_head = parts.method == Method::HEAD;
        let found = declared(&parts.method).or_else(|| is_head.then(|| declared(&Method::GET)).flatten());
        let Some((_, rule)) = found else { return Err(method_not_allowed(rules)) };
        match rule {
            None => Err(undeclared().into_response()),
            Some(Rule::Nobody) => Ok(()),
            Some(rule) => {
                let caller = caller::authenticate(parts, state).await.map_err(Problem::into_response)?;
                rule.check(&caller).map_err(Problem::into_response)?;
                parts.extensions.insert(caller);
                Ok(())
            }
        }
    }
}

/// Middleware: asks who it is, once, and lets only those get to an operation who may.
pub(crate) async fn enforce(
    State((state, policy)): State<(AppState, Arc<Policy>)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    match policy.admit(&mut parts, &state).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refusal) => refusal,
    }
}

/// An API token was shown where only a session will do.
pub(crate) fn session_needed() -> Problem {
    let detail = "an API token can't do this; sign in";
    Problem::new(StatusCode::FORBIDDEN, "session_needed", detail)
}

/// Every operation of a document with its path and method.
pub(crate) fn operations(document: &OpenApi) -> impl Iterator<Item = (&str, Method, &Operation)> {
    let paths = document.paths.paths.iter();
    paths.flat_map(|(path, item)| {
        by_method(item)
            .into_iter()
            .filter_map(|(method, operation)| Some((path.as_str(), method, operation?)))
    })
}

fn by_method(item: &PathItem) -> [(Method, Option<&Operation>); 7] {
    [
        (Method::GET, item.get.as_ref()),
        (Method::HEAD, item.head.as_ref()),
        (Method::OPTIONS, item.options.as_ref()),
        (Method::POST, item.post.as_ref()),
        (Method::PUT, item.put.as_ref()),
        (Method::PATCH, item.patch.as_ref()),
        (Method::DELETE, item.delete.as_ref()),
    ]
}

fn undeclared() -> Problem {
    let detail = "nobody may do this: the operation does not say who may";
    Problem::new(StatusCode::FORBIDDEN, "operation_undeclared", detail)
}

fn method_not_allowed(rules: &[(Method, Option<Rule>)]) -> Response {
    let methods: Vec<_> = rules.iter().map(|(method, _)| method.as_str()).collect();
    let mut response =
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this can't be done here")
            .into_response();
    if let Ok(allowed) = HeaderValue::try_from(methods.join(",")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

#[cfg(test)]
mod tests;
