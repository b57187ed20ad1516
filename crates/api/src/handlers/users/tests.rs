use http::{Method, StatusCode};
use myksc_core::{Role, Scope, UserId};
use serde_json::json;

use crate::testing::{As, TestPortal};

const USERS: &str = "/api/v1/users";

#[tokio::test]
async fn support_finds_people_and_sees_states_but_nothing_of_what_is_in_them() {
    let portal = TestPortal::new().await;
    let support = portal.somebody("choi", Role::Support).await;
    let kim = portal.person("kim").await;
    portal.app(&kim).await;
    let job = portal.job(&kim, "#!/bin/sh\n# secret-plans\n").await;
    let found = portal.ask(&support, Method::GET, &format!("{USERS}?query=KI"), None).await;
    assert_eq!(
        (found.text("/items/0/name").as_str(), found.json["items"].as_array().unwrap().len()),
        ("kim", 1)
    );
    let path = format!("{USERS}/{}", found.text("/items/0/id"));
    let profile = portal.ask(&support, Method::GET, &path, None).await;
    assert_eq!((&profile.json["role"], &profile.json["locked"]), (&json!("user"), &json!(false)));
    assert_eq!(profile.json["factors"]["totp_since"], json!(null));
    let activity = portal.ask(&support, Method::GET, &format!("{path}/activity"), None).await;
    let app = &activity.json["apps"][0];
    assert_eq!((&app["name"], &app["phase"]), (&json!("notebook"), &json!("ready")));
    let told = &activity.json["jobs"][0];
    assert_eq!(
        (&told["id"], &told["name"], &told["phase"]),
        (&json!(job), &json!("relaxation"), &json!("running"))
    );
    for hidden in ["secret-plans", "stdout", "values", "failure", "log_tail", "work_dir", "script", "steps"] {
        assert!(!activity.json.to_string().contains(hidden), "{hidden}: {activity:?}");
    }
    for act in ["lock", "unlock", "end-sessions", "reset-factor"] {
        let answer = portal.ask(&support, Method::POST, &format!("{path}/{act}"), Some(json!({}))).await;
        assert_eq!(answer.problem(), (403, "role_insufficient".to_owned()), "{act}");
    }
    let nobody = format!("{USERS}/{}/activity", UserId::random());
    assert_eq!(portal.ask(&support, Method::GET, &nobody, None).await.problem().0, 404);

    // Whoever looks at people stands in the log, too.
    let entries = portal.state.store.audit_entries(9).await.unwrap();
    let looks = entries.iter().rev().filter(|entry| entry.actor == "choi");
    let looks: Vec<_> =
        looks.map(|entry| (&*entry.action, &*entry.object, entry.outcome.as_deref())).collect();
    let done = Some("done");
    let expected = [("find_users", "KI", done), ("view_user", "kim", done), ("view_activity", "kim", done)];
    assert_eq!(looks, expected);
}

#[tokio::test]
async fn an_operator_locks_and_unlocks_with_a_reason_and_it_is_written_down() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    let (kim, browser) = (portal.person("kim").await, portal.session("kim").await);
    let token = portal.token_of("kim", &Scope::USUAL).await;
    let path = |act: &str| format!("{USERS}/{}/{act}", kim.id);
    let status = async |who: &As| portal.ask(who, Method::GET, "/api/v1/session", None).await.status;

    let reason = json!({ "reason": "left the centre" });
    let locked = portal.ask(&operator, Method::POST, &path("lock"), Some(reason)).await;
    assert_eq!(locked.status, StatusCode::OK, "{locked:?}");
    assert_eq!(locked.json["lock_reason"], "left the centre");
    assert_eq!(locked.json["locked_by_operator"], true);
    assert_eq!(
        (status(&browser).await, status(&token).await),
        (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
    );
    let unlocked = portal.ask(&operator, Method::POST, &path("unlock"), None).await;
    assert_eq!((&unlocked.json["locked"], &unlocked.json["lock_reason"]), (&json!(false), &json!(null)));
    assert_eq!((status(&browser).await, status(&token).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));

    let again = portal.session("kim").await;
    let ended = portal.ask(&operator, Method::POST, &path("end-sessions"), None).await;
    assert_eq!((ended.status, status(&again).await), (StatusCode::OK, StatusCode::UNAUTHORIZED));
    let reset = portal.ask(&operator, Method::POST, &path("reset-factor"), None).await;
    assert_eq!(reset.status, StatusCode::OK, "{reset:?}");
    let log = portal.ask(&operator, Method::GET, "/api/v1/audit?actor=choi&object=kim", None).await;
    let actions: Vec<_> =
        log.json["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["reset_factor", "end_sessions", "unlock_user", "lock_user"]);
}

#[tokio::test]
async fn an_operator_keeps_herself_in() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    let own = portal.ask(&operator, Method::GET, "/api/v1/session", None).await.text("/user/id");
    for act in ["lock", "reset-factor"] {
        let path = format!("{USERS}/{own}/{act}");
        let answer = portal.ask(&operator, Method::POST, &path, Some(json!({}))).await;
        assert_eq!(answer.problem(), (409, "own_account".to_owned()), "{act}");
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_with_the_next_request() {
    let portal = TestPortal::new().await;
    let operator = portal.somebody("choi", Role::Operator).await;
    let token = portal.token_of("choi", &[Scope::Admin]).await;
    for who in [&operator, &token] {
        assert_eq!(portal.ask(who, Method::GET, USERS, None).await.status, StatusCode::OK);
    }
    let choi = portal.state.access.accounts.by_name("choi").await.unwrap();
    portal.state.store.set_role(&choi.id, Role::User).await.unwrap();
    for who in [&operator, &token] {
        let answer = portal.ask(who, Method::GET, USERS, None).await;
        assert_eq!(answer.problem(), (403, "role_insufficient".to_owned()));
    }
}
