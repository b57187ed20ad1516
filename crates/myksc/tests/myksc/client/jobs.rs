//! `job …`.

use serde_json::{Value, json};

use crate::portal::Portal;
use crate::run::{begin, end, run, until};

pub(super) const WAITS: &str = "#!/bin/sh\n#MYKSC --name=waits\nuntil [ -e go ]; do sleep 0.05; done\n";

pub(super) fn submit(portal: &Portal, script: &str) -> Value {
    run(portal.command(&["job", "submit", "-", "--json"]), script).json()
}

pub(super) fn await_phase(portal: &Portal, job: &Value, phase: &str) -> Value {
    until(phase, || {
        let job = portal.client(&["job", "show", job["id"].as_str().unwrap(), "--json"]).json();
        (job["phase"] == phase).then_some(job)
    })
}

#[test]
fn the_end_of_a_job_is_waited_for_while_the_portal_is_away() {
    let mut portal = Portal::with_kim();
    let waiting = begin(portal.command(&["job", "submit", "--wait", "--json"]), WAITS);
    until("the job on record", || portal.client(&["job", "list"]).stdout.contains("waits").then_some(()));
    portal.crash();
    portal.start();
    std::fs::write(portal.home().join("go"), "").unwrap();
    assert_eq!(end(waiting).json()["outcome"], "succeeded");

    let failing = portal.command(&["job", "submit", "--wait"]);
    run(failing, "#!/bin/sh\nexit 3\n").failed("the job is over: failed");
}

#[test]
fn a_queued_job_is_held_released_and_cancelled() {
    let mut portal = Portal::new();
    portal.add_kim();
    portal.start_with(&[("MYKSC__QUEUE__SLOTS", "1")]);
    portal.login(crate::portal::PASSWORD).json();
    let first = submit(&portal, WAITS);
    await_phase(&portal, &first, "running");
    let second = submit(&portal, "#!/bin/sh\n#MYKSC --name=second\ntrue\n");
    await_phase(&portal, &second, "queued");
    assert_eq!(portal.client(&["job", "hold", "second"]).code, 0);
    await_phase(&portal, &second, "held");
    portal.client(&["job", "hold", "waits"]).refused(5, "");
    assert_eq!(portal.client(&["job", "release", "second"]).code, 0);
    await_phase(&portal, &second, "queued");
    assert_eq!(portal.client(&["job", "cancel", "second"]).code, 0);
    assert_eq!(await_phase(&portal, &second, "ended")["outcome"], "cancelled");

    let ids = |state: &str| -> Vec<Value> {
        let listed = portal.client(&["job", "list", "--state", state, "--json"]).json();
        listed["items"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
    };
    assert_eq!(ids("active"), [first["id"].clone()]);
    assert_eq!(ids("ended"), [second["id"].clone()]);
    assert_eq!(ids("all"), [second["id"].clone(), first["id"].clone()]);
    assert_eq!(portal.client(&["job", "cancel", first["id"].as_str().unwrap()]).code, 0);
    await_phase(&portal, &first, "ended");
}

#[test]
fn systems_and_their_queues_are_listed() {
    let portal = Portal::with_kim();
    let systems = portal.client(&["job", "systems", "--json"]).json();
    let system = systems["items"][0]["id"].as_str().unwrap();
    let queues = portal.client(&["job", "queues", "--system", system, "--json"]).json();
    assert_eq!(portal.client(&["job", "queues", "--json"]).json(), queues);
    let name = queues["items"][0]["name"].as_str().unwrap();
    let table = portal.client(&["job", "queues"]).stdout;
    assert!(table.starts_with("NAME ") && table.lines().nth(1).unwrap().starts_with(name), "{table}");
    assert!(portal.client(&["job", "systems"]).stdout.contains(system));
    portal.client(&["job", "queues", "--system", "none"]).refused(4, "none");
}

#[test]
fn a_job_that_says_nothing_has_an_output_of_one_empty_piece() {
    let portal = Portal::with_kim();
    // The name looks like an id.
    let name = "jobsofthegenomes";
    let job = submit(&portal, &format!("#!/bin/sh\n#MYKSC --name={name}\ntrue\n"));
    assert_eq!(portal.client(&["job", "show", name, "--json"]).json()["id"], job["id"]);
    await_phase(&portal, &job, "ended");
    for follow in [&["--follow"][..], &[]] {
        let output = portal.client(&[&["job", "output", name, "--json"][..], follow].concat());
        assert_eq!(output.json(), json!({ "next_offset": 0, "text": "" }));
        assert_eq!(portal.client(&[&["job", "output", name][..], follow].concat()).stdout, "");
    }
}
