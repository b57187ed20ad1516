//! `app …`.

use crate::portal::Portal;
use crate::run::{begin, end, run, until};

/// A web server that is there once its folder has a file `go`.
const SERVES: &str =
    "command=until [ -e go ]; do sleep 0.1; done; exec python3 -m http.server --bind 127.0.0.1 $PORT";

#[test]
fn a_launch_is_waited_for_while_the_portal_is_away_and_tells_its_steps() {
    let mut portal = Portal::with_kim();
    let launch = ["app", "launch", "command", "--name", "waits", "--set", SERVES, "--wait"];
    let waiting = begin(portal.command(&launch), "");
    until("the app on record", || portal.client(&["app", "list"]).stdout.contains("waits").then_some(()));
    portal.crash();
    portal.start();
    std::fs::write(portal.home().join("go"), "").unwrap();
    let ended = end(waiting);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("phase     ready"), "{ended:?}");
    for step in ["accepted", "started", "answering"] {
        assert_eq!(ended.stderr.matches(step).count(), 1, "{step}: {ended:?}");
    }

    let stopped = portal.client(&["app", "stop", "waits", "--wait", "--json"]).json();
    assert_eq!(stopped["phase"], "stopped");
    let started = portal.client(&["app", "start", "waits", "--wait", "--json"]).json();
    assert_eq!((&started["phase"], &started["id"]), (&"ready".into(), &stopped["id"]));
}

#[test]
fn a_launch_that_fails_says_so_and_its_log_is_there() {
    let portal = Portal::with_kim();
    let launch =
        ["app", "launch", "command", "--name", "fails", "--set", "command=echo 안녕; exit 3", "--wait"];
    portal.client(&launch).failed("the app is failed");
    assert_eq!(portal.client(&["app", "logs", "fails"]).stdout, "안녕\n");
    let log = portal.client(&["app", "logs", "fails", "--follow", "--json"]).json();
    assert_eq!(log, serde_json::json!({ "next_offset": 7, "text": "안녕\n" }));
}

#[test]
fn an_app_whose_name_looks_like_an_id_is_found_by_it() {
    let portal = Portal::with_kim();
    let name = "analysisofgenome";
    let launch = ["app", "launch", "command", "--name", name, "--set", "command=exec sleep 600", "--json"];
    let app = portal.client(&launch).json();
    for named in [name, app["id"].as_str().unwrap()] {
        assert_eq!(portal.client(&["app", "show", named, "--json"]).json()["id"], app["id"]);
    }
    portal.client(&["app", "show", "analysisofgenomf"]).refused(4, "no such app");
}

#[test]
fn the_catalogue_lists_what_can_be_launched_and_what_is_missing() {
    let portal = Portal::with_kim();
    let items = portal.client(&["app", "catalogue", "--json"]).json()["items"].take();
    let templates = items.as_array().unwrap();
    let of = |id: &str| templates.iter().find(|template| template["id"] == id).unwrap();
    assert_eq!(of("command")["missing"], serde_json::json!([]));
    assert_ne!(of("rstudio")["missing"], serde_json::json!([]));
    let table = portal.client(&["app", "catalogue"]).stdout;
    assert!(table.starts_with("ID ") && table.lines().count() == templates.len() + 1, "{table}");
}

#[test]
fn a_password_of_a_registry_comes_from_standard_input_and_is_refused_where_no_images_run() {
    let portal = Portal::with_kim();
    let login = ["registry", "login", "r.example.org:5000", "--user", "kim", "--password-stdin"];
    run(portal.command(&login), "a token\n").refused(5, "container images run on a cluster alone");
    assert_eq!(portal.client(&["registry", "list", "--json"]).json()["items"], serde_json::json!([]));
    portal.client(&["registry", "logout", "r.example.org"]).refused(4, "no such registry");
    let launch = ["app", "launch", "image", "--set", "image=python:3", "--set", "port=8000"];
    portal.client(&launch).refused(5, "Kubernetes is missing here");
}
