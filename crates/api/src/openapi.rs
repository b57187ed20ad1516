//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them.

use http::StatusCode;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::caller::COOKIE_NAME;
use crate::handlers;
use crate::policy::{self, Rule};
use crate::problem::ProblemBody;

/// The document of this version.
#[must_use]
pub fn document() -> OpenApi {
    complete(handlers::api().into_openapi())
}

/// The document as it is committed and served: JSON, indented, with a line end.
///
/// # Errors
/// When it can't be written as JSON, which no document does.
pub fn text() -> Result<String, serde_json::Error> {
    document().to_pretty_json().map(|text| text + "\n")
}

/// An empty document to collect operations in.
pub(crate) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("MyKSC")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The portal's public interface; its web UI and its command line use nothing else."))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// Adds the problem that every operation may answer, and the credentials that are taken.
fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE_NAME))),
    );
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        describe_responses(operation);
        add_problem(operation);
        if let Some(rule) = Rule::of(operation) {
            describe_access(operation, &rule);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.options,
        &mut item.head,
        &mut item.patch,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

/// A response needs a description; where a handler gives none, the status says enough.
fn describe_responses(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let words = status.parse::<StatusCode>().ok().and_then(|status| status.canonical_reason());
        if let (RefOr::T(response), Some(words)) = (response, words)
            && response.description.is_empty()
        {
            response.description = words.to_owned();
        }
    }
}

/// Says in words and in credentials what the operation's rule asks for.
fn describe_access(operation: &mut Operation, rule: &Rule) {
    let sentence = policy::sentence(rule);
    operation.description = Some(match operation.description.take().filter(|text| !text.is_empty()) {
        Some(text) => format!("{text}\n\n{sentence}"),
        None => sentence,
    });
    let none: [&str; 0] = [];
    operation.security = Some(match rule {
        Rule::Nobody => vec![SecurityRequirement::default()],
        Rule::Person { scopes, .. } => {
            let by_token = (!scopes.is_empty()).then(|| SecurityRequirement::new("token", none));
            std::iter::once(SecurityRequirement::new("session", none)).chain(by_token).collect()
        }
    });
}

fn add_problem(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
    let problem = ResponseBuilder::new()
        .description("Why it was refused or failed.")
        .content("application/problem+json", Content::new(Some(schema)))
        .build();
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| problem.into());
}
