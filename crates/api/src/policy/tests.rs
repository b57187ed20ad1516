use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use myksc_core::{AppId, JobId, NoticeId, SessionId, TokenId, UploadId, UserId};
use serde_json::{Value, json};

use super::*;
use crate::openapi;
use crate::testing::{As, TestPortal};

/// The codes by which the policy refuses.
const REFUSALS: [&str; 5] =
    ["unauthenticated", "role_insufficient", "scope_missing", "session_needed", "operation_undeclared"];

/// Somebody who asks, and what the document says of her.
struct Asker {
    what: String,
    name: &'static str,
    shown: As,
    /// None of nobody.
    role: Option<Role>,
    /// None of a session.
    scopes: Option<Vec<Scope>>,
}

/// One operation as the document has it.
struct Declared {
    id: String,
    method: Method,
    path: String,
    access: Value,
}

#[test]
fn every_operation_says_who_may() {
    let document = openapi::document();
    let silent: Vec<_> = operations(&document)
        .filter(|(_, _, operation)| Rule::of(operation).is_none())
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    assert!(silent.is_empty(), "declare x-access for {silent:?}");
}

#[test]
fn a_declaration_that_does_not_hold_is_none() {
    let parse = |value: Value| serde_json::from_value::<Rule>(value).ok();
    assert_eq!(parse(json!({ "role": "nobody" })), Some(Rule::Nobody));
    let expected = Rule::Person { least: Role::Support, scopes: vec![Scope::Admin] };
    assert_eq!(parse(json!({ "role": "support", "scopes": ["admin"] })), Some(expected));
    for wrong in [
        json!({ "role": "nobody", "scopes": [] }),
        json!({ "role": "user" }),
        json!({ "role": "users", "scopes": [] }),
        json!({ "role": "user", "scopes": ["all"] }),
        json!({ "role": "user", "scopes": [], "but": "kim" }),
        json!("user"),
    ] {
        assert_eq!(parse(wrong.clone()), None, "{wrong}");
    }
}

#[tokio::test]
async fn everybody_gets_as_far_as_the_document_says_and_no_further() {
    let portal = TestPortal::new().await;
    let victim = portal.person("park").await.id;
    let mut askers = askers(&portal).await;
    let mut wrong = Vec::new();
    for operation in declared() {
        for asker in &mut askers {
            let refusal = refusal(&portal, &asker.shown, &operation, &victim).await;
            let expected = allows(&operation.access, asker);
            if refusal.is_none() != expected {
                wrong
                    .push(format!("{} {}: {refusal:?} for {}", operation.method, operation.path, asker.what));
            }
            if expected && asker.role.is_some() && asker.scopes.is_none() {
                // She may have signed out just now.
                asker.shown = portal.session(asker.name).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_declared_is_what_was_decided() {
    for operation in declared() {
        let Declared { id, path, access, method } = &operation;
        let scopes: Vec<_> = access["scopes"].as_array().into_iter().flatten().collect();
        let has = |scope: &str| scopes.iter().any(|found| *found == scope);
        let role = access["role"].as_str().unwrap();
        let area = path.trim_start_matches("/api/v1/").split('/').next().unwrap();
        match area {
            "users" | "audit" | "notices" => {
                let least = if *method == Method::GET && area == "users" { "support" } else { "operator" };
                assert_eq!((role, &access["scopes"]), (least, &json!(["admin"])), "{id}");
            }
            _ => assert!(matches!(role, "nobody" | "user"), "{id} asks for {role}"),
        }
        match area {
            "files" if id != "describe_uploads" => assert_eq!(access["scopes"], json!(["files"]), "{id}"),
            "apps" | "jobs" => {
                let own = scopes.iter().all(|scope| *scope == area || *scope == "read");
                assert!(has(area) && own && (*method == Method::GET || !has("read")), "{id}");
            }
            "password" | "factors" | "sessions" | "preferences" => {
                assert_eq!((role, scopes.len()), ("user", 0), "{id} is for sessions alone");
            }
            _ => {}
        }
        let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        assert!(!(changes && has("read")) || id == "delete_token", "{id} changes something");
    }
}

/// Nobody, each role by a session, and each single scope by a token of a user and of an operator.
async fn askers(portal: &TestPortal) -> Vec<Asker> {
    let nobody = Asker { what: "nobody".to_owned(), name: "", shown: As::Anybody, role: None, scopes: None };
    let mut askers = vec![nobody];
    let names = ["kim", "lee", "han", "choi"];
    for (role, name) in Role::ALL.into_iter().zip(names) {
        let shown = portal.somebody(name, role).await;
        askers.push(Asker { what: format!("{role}"), name, shown, role: Some(role), scopes: None });
    }
    for (role, name) in [(Role::User, names[0]), (Role::Operator, names[3])] {
        let scopes = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin || role == Role::Operator);
        for scope in scopes {
            askers.push(Asker {
                what: format!("{role} with a token for {scope}"),
                name,
                shown: portal.token_of(name, &[scope]).await,
                role: Some(role),
                scopes: Some(vec![scope]),
            });
        }
    }
    askers
}

/// Every operation, read from the document as a stranger would.
fn declared() -> Vec<Declared> {
    let document: Value = serde_json::from_str(&openapi::text().unwrap()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push(Declared {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                access: operation["x-access"].clone(),
            });
        }
    }
    assert!(found.len() > 40, "the document has the operations");
    found
}

fn allows(access: &Value, asker: &Asker) -> bool {
    let rank =
        |name: &str| ["user", "project_leader", "support", "operator"].iter().position(|role| *role == name);
    let Some(least) = rank(access["role"].as_str().unwrap()) else { return true };
    let Some(role) = asker.role else { return false };
    let scopes = access["scopes"].as_array().unwrap();
    let may = asker.scopes.as_ref().is_none_or(|held| scopes.iter().any(|scope| *scope == held[0].name()));
    rank(role.name()) >= Some(least) && may
}

/// The code by which the policy refused a request, if it was the policy.
async fn refusal(portal: &TestPortal, shown: &As, operation: &Declared, user: &UserId) -> Option<String> {
    // Nobody has these, and what is no body of the operation changes nothing.
    let id = match operation.path.trim_start_matches("/api/v1/").split('/').next().unwrap() {
        "apps" => AppId::random().to_string(),
        "jobs" => JobId::random().to_string(),
        "notices" => NoticeId::random().to_string(),
        "sessions" => SessionId::random().to_string(),
        "tokens" => TokenId::random().to_string(),
        "files" => UploadId::random().to_string(),
        "users" => user.to_string(),
        _ => "nothing".to_owned(),
    };
    let path = operation.path.replace("{id}", &id).replace("{system}", "local").replace("{index}", "1");
    let path = path.replace("{host}", "registry.example.org");
    let path = path.replace("{user_code}", "BBBB-BBBB");
    assert!(!path.contains('{'), "what stands in {path}?");
    let body = Some(json!({ "nothing": "of the kind" }));
    let response = portal.open(TestPortal::request(shown, operation.method.clone(), &path, body)).await;
    if operation.method == Method::HEAD {
        // There is no body that could say why.
        let refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        return refused.then(|| response.status().to_string());
    }
    if response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != "application/problem+json") {
        // A stream of events does not end.
        return None;
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or_default();
    REFUSALS.contains(&code).then(|| code.to_owned())
}
