//! `--json`, which every command takes.

use serde_json::{Value, json};

use super::jobs::{WAITS, await_phase, submit};
use crate::portal::{PASSWORD, Portal};

/// A command, a place in what it prints, and what stands there.
type Case<'a> = (&'a [&'a str], &'a str, Value);

fn assert_all(portal: &Portal, cases: &[Case]) {
    for (arguments, pointer, expected) in cases {
        let printed = portal.client(&[*arguments, &["--json"][..]].concat()).json();
        assert_eq!(printed.pointer(pointer), Some(expected), "{arguments:?}: {printed}");
    }
}

#[test]
fn commands_about_apps_files_and_the_account_print_json() {
    let portal = Portal::with_kim();
    std::fs::write(portal.folder.path().join("here.txt"), "hello").unwrap();
    let launch = ["app", "launch", "command", "--name", "sleeper", "--set", "command=exec sleep 600"];
    assert_all(
        &portal,
        &[
            (&["quota"], "/contract", Value::Null),
            (&["quota"], "/in_use/gpus", json!(0)),
            (&launch, "/name", json!("sleeper")),
            (&["app", "list"], "/items/0/name", json!("sleeper")),
            (&["app", "show", "sleeper"], "/template", json!("command")),
            (&["app", "delete", "sleeper", "--wait"], "/phase", json!("deleted")),
            (&["app", "list"], "", json!({ "items": [] })),
            (&["file", "mkdir", "home/data"], "/path", json!("home/data")),
            (
                &["file", "put", "here.txt", "home/data/"],
                "",
                json!({ "path": "home/data/here.txt", "size_bytes": 5 }),
            ),
            (
                &["file", "mv", "home/data/here.txt", "home/data/there.txt"],
                "/path",
                json!("home/data/there.txt"),
            ),
            (&["file", "ls", "home/data"], "/items/0/name", json!("there.txt")),
            (&["file", "get", "home/data/there.txt", "back.txt"], "/size_bytes", json!(5)),
            (&["file", "rm", "home/data"], "", json!({ "removed": ["home/data"] })),
            (&["logout"], "", json!({})),
        ],
    );
    assert_eq!(std::fs::read_to_string(portal.folder.path().join("back.txt")).unwrap(), "hello");
}

#[test]
fn commands_about_jobs_print_json() {
    let mut portal = Portal::new();
    portal.add_kim();
    portal.start_with(&[("MYKSC__QUEUE__SLOTS", "1")]);
    portal.login(PASSWORD).json();
    let first = submit(&portal, WAITS);
    await_phase(&portal, &first, "running");
    let second = submit(&portal, "#!/bin/sh\n#MYKSC --name=second\ntrue\n");
    await_phase(&portal, &second, "queued");
    let id = &second["id"];
    assert_all(
        &portal,
        &[
            (&["job", "list"], "/items/0/name", json!("second")),
            (&["job", "hold", "second"], "/id", id.clone()),
        ],
    );
    await_phase(&portal, &second, "held");
    assert_all(&portal, &[(&["job", "release", "second"], "/id", id.clone())]);
    await_phase(&portal, &second, "queued");
    assert_all(
        &portal,
        &[(&["job", "cancel", "second"], "/id", id.clone()), (&["job", "show", "second"], "/id", id.clone())],
    );
    std::fs::write(portal.home().join("go"), "").unwrap();
    await_phase(&portal, &first, "ended");
}
