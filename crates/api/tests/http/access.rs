//! Who may do what: every operation of the document is tried by nobody and by another person of every role, and what it
//! changes is looked for in the audit log.

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, ORIGIN};
use myksc_core::Role;
use myksc_testkit::{Client, PASSWORD, TestPortal};
use serde_json::{Value, json};

use crate::kims::{Kims, MARK};

/// The operations that need no sign-in. Another one here is a decision, not an oversight.
const PUBLIC: &[&str] = &[
    "begin_enrolment",
    "confirm_enrolment",
    "create_session",
    "delete_sign_in",
    "describe_uploads",
    "fetch_device_token",
    "get_openapi",
    "get_sign_in",
    "get_site",
    "passkey_options",
    "sign_in_by_passkey",
    "sign_in_by_recovery_code",
    "sign_in_by_totp",
    "start_device",
];

/// The operations of somebody who is signed in that do not stand in the audit log although they are no mere look.
/// Another one here is a decision, too. Of the public ones whatever a person does by name stands there: sign-ins and
/// their second steps, not the codes that a command line asks for before somebody lets it in.
const UNRECORDED: &[&str] = &[
    // An upload does nothing before its last byte, which stands there.
    "create_upload",
    // She goes on being signed in; what she does stands there.
    "extend_session",
    // These calculate.
    "parse_script",
    "render_script",
];

/// One operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    has_body: bool,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&myksc_api::document_text().unwrap()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                has_body: operation.get("requestBody").is_some(),
            });
        }
    }
    found
}

/// A body that holds, so that nothing but the right to it is in question.
fn body(operation: &str, kims: &Kims) -> Option<Value> {
    Some(match operation {
        "launch_app" => {
            json!({ "template": "command", "name": "another", "values": { "command": "sleep 1" } })
        }
        "rename_app" => json!({ "name": "stolen" }),
        "create_ticket" => json!({}),
        "create_session" => json!({ "name": "nobody", "password": "guessed by chance" }),
        "create_token" => json!({ "name": "another", "expires_in_days": 1 }),
        "start_device" => json!({ "client_name": "another" }),
        "fetch_device_token" => json!({ "device_code": "guessed" }),
        "sign_in_by_totp"
        | "sign_in_by_recovery_code"
        | "confirm_enrolment"
        | "confirm_totp"
        | "remove_totp"
        | "renew_recovery_codes" => json!({ "code": "123456" }),
        "sign_in_by_passkey" | "add_passkey" => json!({ "credential": {} }),
        // Her own proof holds, so that it is the passkey that is refused.
        "remove_passkey" => json!({ "password": PASSWORD }),
        "begin_passkey" => json!({ "name": "another", "proof": { "password": "not the password" } }),
        "begin_totp" => json!({ "password": "not the password" }),
        "put_registry" => json!({ "account": "another", "password": "guessed" }),
        "put_preferences" => json!({ "apps_at_sign_out": "keep" }),
        "lock_user" => json!({ "reason": "none" }),
        "add_notice" => json!({ "kind": "system", "text": { "en": "A queue.", "ko": "큐입니다." } }),
        "change_password" => json!({ "current": "not the password", "new": "a long enough one" }),
        "make_folder" => json!({ "path": format!("home/{MARK}-folder") }),
        "move_entry" => json!({ "from": format!("home/{MARK}"), "to": "home/stolen", "overwrite": false }),
        "remove_entries" => json!({ "paths": [format!("home/{MARK}")] }),
        "submit_job" => json!({ "script": "#!/bin/sh\ntrue\n", "work_dir": "home" }),
        "set_job_walltime" => json!({ "walltime_secs": 60 }),
        "parse_script" => json!({ "script": "#!/bin/sh\ntrue\n" }),
        "render_script" => json!({ "form": {
            "name": "another", "queue": "local", "nodes": 1, "tasks_per_node": 1, "cpus_per_task": 1,
            "gpus_per_node": 0, "memory_bytes": null, "walltime_secs": 60, "work_dir": "home", "inputs": [],
            "command": "true", "stdout_name": "out", "stderr_name": "err",
        } }),
        "write_content" | "append_upload" => json!(kims.upload),
        _ => return None,
    })
}

/// The operation's path with kim's ids in it.
fn path(operation: &Operation, kims: &Kims) -> String {
    let id = match operation.path.split('/').nth(3).unwrap_or_default() {
        "apps" => &kims.app,
        "jobs" => &kims.job,
        "sessions" => &kims.session,
        "tokens" => &kims.token,
        "files" => &kims.upload,
        "users" => &kims.user,
        "factors" => &kims.passkey,
        // Nobody has it: notices are the centre's.
        "notices" => "naaaaaaaaaaaaaaa",
        other if !operation.path.contains("{id}") => other,
        other => panic!("whose are the ids of {other}? say it here"),
    };
    let path = operation.path.replace("{id}", id).replace("{system}", "local").replace("{index}", "1");
    let path = path.replace("{host}", "registry.example.org");
    let path = path.replace("{user_code}", "BBBB-BBBB");
    assert!(!path.contains('{'), "what stands in {path}?");
    match operation.id.as_str() {
        "read_content" | "head_content" | "write_content" => format!("{path}?path=home/{MARK}"),
        "list_entries" => format!("{path}?path=home"),
        _ => path,
    }
}

async fn call(client: &Client, operation: &Operation, kims: &Kims) -> (u16, String) {
    let body = body(&operation.id, kims);
    assert!(body.is_some() || !operation.has_body, "{}: give it a body that holds", operation.id);
    let kind = match operation.id.as_str() {
        "append_upload" => "application/offset+octet-stream",
        _ => "application/json",
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (HeaderName::from_static("tus-resumable"), "1.0.0"),
        (HeaderName::from_static("upload-offset"), "0"),
        (HeaderName::from_static("upload-length"), "1"),
        (HeaderName::from_static("upload-metadata"), "path aG9tZS9hbm90aGVy"),
    ];
    let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    if operation.id == "get_events" {
        let response = client.open(operation.method.clone(), &operation.path, &headers, bytes).await;
        return (response.status().as_u16(), String::new());
    }
    let answer = client.ask(operation.method.clone(), &path(operation, kims), &headers, bytes).await;
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn nobody_gets_past_any_operation_but_the_public_ones() {
    let portal = TestPortal::start().await;
    let kims = Kims::make(&portal).await;
    let before = kims.everything().await;
    let strangers = [
        portal.nobody(),
        portal.nobody().with_header(COOKIE, "__Host-myksc=guessed"),
        portal.nobody().with_header(AUTHORIZATION, "Bearer myksc_guessed"),
        portal.nobody().with_header(AUTHORIZATION, "Basic a2ltOmtpbQ=="),
    ];
    let mut public: Vec<&str> = Vec::new();
    for operation in operations() {
        for stranger in &strangers {
            let (status, body) = call(stranger, &operation, &kims).await;
            if PUBLIC.contains(&operation.id.as_str()) {
                assert!(status < 500, "{}: {body}", operation.id);
            } else {
                assert_eq!(status, 401, "{}: {body}", operation.id);
            }
            assert!(!body.contains(MARK), "{}: {body}", operation.id);
        }
        public.extend(PUBLIC.iter().filter(|id| **id == operation.id));
    }
    public.sort_unstable();
    assert_eq!(public, PUBLIC, "every public operation exists");
    assert_eq!(kims.everything().await, before);
}

#[tokio::test]
async fn another_person_of_any_role_neither_sees_nor_changes_what_is_kims() {
    for role in Role::ALL {
        let portal = TestPortal::start().await;
        let kims = Kims::make(&portal).await;
        let before = kims.everything().await;
        portal.state.store.set_role(&portal.user("lee").await.id, role).await.unwrap();
        let mut lee = portal.browser("lee").await;
        for operation in operations() {
            if role >= Role::Support && is_of_the_centre(&operation) {
                continue;
            }
            let (status, body) = call(&lee, &operation, &kims).await;
            assert_keeps_out(&operation, &kims, status, &format!("{role}: {body}"));
            if lee.get("/api/v1/session").await.status == 401 {
                lee = portal.browser("lee").await;
            }
        }
        assert_eq!(kims.everything().await, before, "{role}");
    }
}

/// What support and operators have beyond their own things; what they see and do there has tests of its own.
fn is_of_the_centre(operation: &Operation) -> bool {
    matches!(operation.path.split('/').nth(3), Some("users" | "notices" | "audit"))
}

/// Whether lee, who asked with kim's ids, got nothing of hers.
fn assert_keeps_out(operation: &Operation, kims: &Kims, status: u16, body: &str) {
    let is_public = PUBLIC.contains(&operation.id.as_str());
    assert!(status != 401 || is_public, "{}: lee is somebody", operation.id);
    assert_ne!(status, 500, "{}: {body}", operation.id);
    if operation.path.contains("{id}") {
        let expected: &[u16] = match operation.path.split('/').nth(3).unwrap_or_default() {
            // A user's upload is behind her own agent, and lee has none on a machine that is kim's.
            "files" => &[403, 404],
            "users" | "notices" => &[403],
            _ => &[404],
        };
        assert!(expected.contains(&status), "{}: {status} {body}", operation.id);
    }
    for id in [&kims.app, &kims.job, &kims.session, &kims.token, &kims.upload, &kims.user] {
        let answer = body.replace(&path(operation, kims), "").replace(&format!("\"id\":\"{id}\""), "");
        let is_named_by_lee = operation.path.contains("{id}");
        assert!(is_named_by_lee || !answer.contains(id.as_str()), "{}: {body}", operation.id);
    }
    let tells = body.contains(MARK) && !call_names_mark(&operation.id);
    assert!(!tells, "{}: {body}", operation.id);
}

/// Operations whose request names kim's file, so that a refusal may repeat the name.
fn call_names_mark(operation: &str) -> bool {
    ["read_content", "head_content", "write_content", "make_folder", "move_entry", "remove_entries"]
        .contains(&operation)
}

#[tokio::test]
async fn whatever_a_person_changes_is_in_the_audit_log() {
    let portal = TestPortal::start().await;
    let mut kims = Kims::make(&portal).await;
    portal.state.store.set_role(&portal.user("kim").await.id, Role::Operator).await.unwrap();
    let mut changing: Vec<_> = operations();
    changing.retain(|operation| {
        let changes = !matches!(operation.method, Method::GET | Method::HEAD | Method::OPTIONS);
        changes && !PUBLIC.contains(&operation.id.as_str())
    });
    // What is gone can't be changed.
    changing.sort_by_key(|operation| operation.method == Method::DELETE);
    let last_entry =
        async || portal.state.store.audit_entries(1).await.unwrap().first().map(|entry| entry.id);
    let mut unrecorded = Vec::new();
    for operation in &changing {
        let before = last_entry().await;
        let (status, body) = call(&kims.client, operation, &kims).await;
        assert!(status != 500 && status != 401, "{}: {status} {body}", operation.id);
        if last_entry().await == before {
            unrecorded.push(operation.id.as_str());
        }
        if kims.client.get("/api/v1/session").await.status == 401 {
            kims.client = portal.browser("kim").await;
        }
    }
    unrecorded.sort_unstable();
    assert_eq!(unrecorded, UNRECORDED);
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_with_kims_cookie() {
    let portal = TestPortal::start().await;
    let kims = Kims::make(&portal).await;
    let before = kims.everything().await;
    let app = format!("http://{}.{}", kims.app, portal.origin().trim_start_matches("http://"));
    let elsewhere = [
        kims.client.clone().with_header(ORIGIN, "http://evil.example"),
        kims.client.clone().with_header(ORIGIN, &app),
        kims.client.clone().with_header(ORIGIN, "null"),
        kims.client.clone().without_header(&ORIGIN),
        kims.client
            .clone()
            .without_header(&ORIGIN)
            .with_header("sec-fetch-site".parse().unwrap(), "same-site"),
        kims.client.clone().without_csrf_token(),
    ];
    for operation in operations() {
        if matches!(operation.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            continue;
        }
        for (number, page) in elsewhere.iter().enumerate() {
            // Where nobody needs to be signed in, no session has a token to show.
            if PUBLIC.contains(&operation.id.as_str()) && number == elsewhere.len() - 1 {
                continue;
            }
            let (status, body) = call(page, &operation, &kims).await;
            assert_eq!(status, 403, "{} from page {number}: {body}", operation.id);
        }
    }
    assert_eq!(kims.everything().await, before);
}
