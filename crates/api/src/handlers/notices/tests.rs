use http::{Method, StatusCode};
use myksc_core::{NoticeId, Role, Timestamp};
use serde_json::{Value, json};

use crate::notices::MAX_NOTICES;
use crate::testing::{As, TestPortal};

const NOTICES: &str = "/api/v1/notices";

fn notice(kind: &str, en: &str) -> Value {
    json!({ "kind": kind, "text": { "en": en, "ko": "금요일 18시부터 점검합니다." } })
}

/// What somebody who is not signed in is told.
async fn told(portal: &TestPortal) -> Vec<String> {
    let site = portal.ask(&As::Anybody, Method::GET, "/api/v1/site", None).await;
    let notices = site.json["notices"].as_array().unwrap().clone();
    notices.iter().map(|notice| notice["text"]["en"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_an_operator_writes_is_told_to_everybody_while_it_holds() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    let add = async |body: Value| portal.ask(&operator, Method::POST, NOTICES, Some(body)).await;
    assert_eq!(told(&portal).await, [""; 0]);

    let added = add(notice("system", "A new queue.")).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    assert_eq!((&added.json["kind"], &added.json["ends_at"]), (&json!("system"), &json!(null)));
    let failure = add(notice("failure", "Scratch does not answer.")).await;
    let mut later = notice("maintenance", "Maintenance on Friday.");
    later["starts_at"] = json!(Timestamp::now().plus_secs(3600));
    add(later).await;
    // The more pressing stands first; what does not hold yet is left out.
    assert_eq!(told(&portal).await, ["Scratch does not answer.", "A new queue."]);
    let list = portal.ask(&operator, Method::GET, NOTICES, None).await;
    assert_eq!(list.json["items"].as_array().unwrap().len(), 3);

    let path = format!("{NOTICES}/{}", failure.text("/id"));
    assert_eq!(portal.ask(&operator, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(told(&portal).await, ["A new queue."]);
    assert_eq!(portal.ask(&operator, Method::DELETE, &path, None).await.problem().0, 404);
    let log = portal.ask(&operator, Method::GET, "/api/v1/audit?actor=choi", None).await;
    let of =
        |entry: &Value| [&entry["action"], &entry["outcome"]].map(|text| text.as_str().unwrap().to_owned());
    let entries: Vec<_> = log.json["items"].as_array().unwrap().iter().map(of).collect();
    let add = ["add_notice", "done"];
    assert_eq!(entries, [["remove_notice", "not_found"], ["remove_notice", "done"], add, add, add]);
}

#[tokio::test]
async fn a_notice_that_nobody_could_read_is_refused_and_so_is_one_too_many() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    let over = json!(Timestamp::now().plus_secs(-60));
    let cases = [
        (json!({ "kind": "system", "text": { "en": "", "ko": "가\n나" } }), vec!["text.en", "text.ko"]),
        (json!({ "kind": "news", "text": { "en": "a", "ko": "가" } }), vec!["kind"]),
        (json!({ "kind": "system", "text": { "en": "a", "ko": "가" }, "ends_at": over }), vec!["ends_at"]),
        (json!({ "kind": "system", "text": { "en": "a" } }), vec!["text.ko"]),
    ];
    for (body, expected) in cases {
        let answer = portal.ask(&operator, Method::POST, NOTICES, Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, expected);
    }
    for number in 0..MAX_NOTICES {
        let answer =
            portal.ask(&operator, Method::POST, NOTICES, Some(notice("system", &number.to_string()))).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    let answer = portal.ask(&operator, Method::POST, NOTICES, Some(notice("system", "one more"))).await;
    assert_eq!(answer.problem(), (409, "too_many_notices".to_owned()));
    let nothing = format!("{NOTICES}/{}", NoticeId::random());
    assert_eq!(portal.ask(&operator, Method::DELETE, &nothing, None).await.problem().0, 404);
}

#[tokio::test]
async fn what_was_known_is_told_while_the_database_is_away() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    portal.ask(&operator, Method::POST, NOTICES, Some(notice("failure", "Disks fail."))).await;
    assert_eq!(told(&portal).await, ["Disks fail."]);
    portal.state.store.close().await;
    assert_eq!(told(&portal).await, ["Disks fail."]);
}
