//! Scripts, jobs and their output, with real supervisors.

use std::time::{Duration, Instant};

use http::{HeaderName, Method};
use myksc_testkit::{Answer, Client, TestPortal};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(40);
const SUBMIT: &str = "/api/v1/systems/local/jobs";

fn order(script: &str) -> Value {
    json!({ "script": script, "work_dir": "home" })
}

async fn submit(client: &Client, script: &str) -> String {
    let job = client.post(SUBMIT, &order(script)).await.expect(202).json();
    job["id"].as_str().unwrap().to_owned()
}

fn answers(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
}

/// Asks until the answer is as wanted.
pub(crate) async fn until(client: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = client.get(path).await.expect(200).json();
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} is still {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_becomes_a_script_a_job_and_an_output_that_grows() {
    let portal = TestPortal::start().await;
    let kim = portal.browser("kim").await;
    let systems = until(&kim, "/api/v1/systems", |systems| systems["items"][0]["state"] == "up").await;
    assert_eq!(systems["items"][0]["capabilities"]["hold"], true);
    let queues = kim.get("/api/v1/systems/local/queues").await.expect(200).json();
    assert_eq!(
        (&queues["items"][0]["name"], &queues["items"][0]["limits"]["max_nodes"]),
        (&json!("local"), &json!(1))
    );
    let templates = kim.get("/api/v1/systems/local/script-templates").await.expect(200).json();
    let mut form = templates["items"][0]["form"].clone();
    form["command"] = json!("echo 하나; until [ -e go ]; do sleep 0.02; done; echo 둘\n");
    let rendered =
        kim.post("/api/v1/systems/local/script", &json!({ "form": form })).await.expect(200).json();
    assert_eq!(rendered["problems"], json!([]));
    let parsed = json!({ "script": rendered["script"] });
    let parsed = kim.post("/api/v1/systems/local/script/parse", &parsed).await.expect(200).json();
    form["head"] = rendered["directives"].clone();
    assert_eq!(parsed["form"], form);

    let id = submit(&kim, rendered["script"].as_str().unwrap()).await;
    let output = format!("/api/v1/jobs/{id}/output");
    let first = until(&kim, &output, |chunk| chunk["text"] == "하나\n").await;
    assert_eq!((&first["next_offset"], &first["ended"]), (&json!(7), &json!(false)));
    std::fs::write(portal.home().join("go"), "").unwrap();
    let ended = until(&kim, &format!("/api/v1/jobs/{id}"), |job| job["phase"] == "ended").await;
    assert_eq!((&ended["outcome"], &ended["exit_code"]), (&json!("succeeded"), &json!(0)));
    let rest = kim.get(&format!("{output}?stream=stdout&offset=7")).await.expect(200).json();
    assert_eq!(
        (&rest["text"], &rest["size_bytes"], &rest["ended"]),
        (&json!("둘\n"), &json!(11), &json!(true))
    );
    let last = kim.get(&format!("{output}?offset=-4&limit=100")).await.expect(200).json();
    assert_eq!((&last["text"], &last["offset"]), (&json!("둘\n"), &json!(7)));
    let script = kim.get(&format!("/api/v1/jobs/{id}/script")).await.expect(200).json();
    assert_eq!(script["script"], rendered["script"]);
    let listed = kim.get("/api/v1/jobs?state=ended").await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_submission_with_the_same_key_is_the_same_job() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await.with_header(HeaderName::from_static("idempotency-key"), "k1");
    let script = "#!/bin/sh\necho ran >> log\n";
    let first = submit(&kim, script).await;
    assert_eq!(submit(&kim, script).await, first);
    until(&kim, &format!("/api/v1/jobs/{first}"), |job| job["phase"] == "ended").await;
    let again = kim.post(&format!("/api/v1/jobs/{first}/resubmit"), &json!({})).await.expect(202).json();
    let twice = kim.post(&format!("/api/v1/jobs/{first}/resubmit"), &json!({})).await.expect(202).json();
    assert_eq!(again["id"], twice["id"]);
    let again = again["id"].as_str().unwrap();
    until(&kim, &format!("/api/v1/jobs/{again}"), |job| job["phase"] == "ended").await;
    assert_eq!(std::fs::read_to_string(portal.home().join("log")).unwrap(), "ran\nran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_and_another_person_can_do_nothing_with_a_job() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await;
    let id = submit(&kim, "#!/bin/sh\nuntil [ -e go ]; do sleep 0.02; done\n").await;
    until(&kim, &format!("/api/v1/jobs/{id}"), |job| job["phase"] == "running").await;
    let lee = portal.browser("lee").await;
    let operations = [
        (Method::GET, format!("/api/v1/jobs/{id}")),
        (Method::GET, format!("/api/v1/jobs/{id}/script")),
        (Method::GET, format!("/api/v1/jobs/{id}/output")),
        (Method::POST, format!("/api/v1/jobs/{id}/cancel")),
        (Method::POST, format!("/api/v1/jobs/{id}/hold")),
        (Method::POST, format!("/api/v1/jobs/{id}/release")),
        (Method::POST, format!("/api/v1/jobs/{id}/resubmit")),
        (Method::POST, format!("/api/v1/jobs/{id}/requeue")),
        (Method::GET, format!("/api/v1/jobs/{id}/tasks")),
        (Method::GET, format!("/api/v1/jobs/{id}/tasks/1/output")),
        (Method::POST, format!("/api/v1/jobs/{id}/tasks/1/cancel")),
    ];
    for (method, path) in &operations {
        let refused = lee.send(method.clone(), path, &json!({})).await.expect(404);
        assert_eq!(refused.code(), "not_found", "{path}");
        answers(&portal.nobody().send(method.clone(), path, &json!({})).await, 401);
    }
    for path in [
        "/api/v1/jobs",
        "/api/v1/systems",
        "/api/v1/systems/local/queues",
        "/api/v1/systems/local/script-templates",
    ] {
        answers(&portal.nobody().get(path).await, 401);
    }
    for path in [SUBMIT, "/api/v1/systems/local/script", "/api/v1/systems/local/script/parse"] {
        answers(&portal.nobody().post(path, &json!({})).await, 401);
    }
    assert_eq!(lee.get("/api/v1/jobs").await.expect(200).json()["items"], json!([]));
    // lee has another system account, and the local queue runs jobs of its own alone.
    let refused = lee.post(SUBMIT, &order("true\n")).await.expect(403);
    assert_eq!(refused.code(), "identity_not_allowed");
    let job = kim.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json();
    assert_eq!(job["phase"], "running");
    answers(&kim.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await, 202);
    let ended = until(&kim, &format!("/api/v1/jobs/{id}"), |job| job["phase"] == "ended").await;
    assert_eq!(ended["outcome"], "cancelled");
    let refused = kim.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.expect(409);
    assert_eq!(
        (refused.code(), &refused.json()["params"]["phase"]),
        ("job_not_active".into(), &json!("ended"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_the_field() {
    let portal = TestPortal::start().await;
    let kim = portal.program("kim").await;
    let unreadable = kim.post(SUBMIT, &order("#MYKSC --nodes=x\n")).await.expect(422).json();
    assert_eq!(
        (&unreadable["fields"][0]["field"], &unreadable["fields"][0]["code"]),
        (&json!("nodes"), &json!("number_invalid"))
    );
    for (path, field) in [
        ("/api/v1/jobs?state=some", "state"),
        ("/api/v1/jobs?limit=-1", "limit"),
        ("/api/v1/jobs?cursor=x", "cursor"),
    ] {
        let refused = kim.get(path).await.expect(422).json();
        assert_eq!(refused["fields"][0]["field"], field, "{path}");
    }
    answers(&kim.post("/api/v1/systems/slurm/jobs", &order("true\n")).await, 404);
    answers(&kim.get("/api/v1/jobs/..%2f..%2fetc").await, 404);
    let too_large = order(&"x".repeat(1_100_000));
    let refused = kim.post(SUBMIT, &too_large).await.expect(422).json();
    assert_eq!(refused["fields"][0]["code"], "script_too_large");
    answers(&kim.post(SUBMIT, &order(&"x".repeat(3_000_000))).await, 413);
}
