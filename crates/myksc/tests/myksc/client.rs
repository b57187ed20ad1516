//! The command-line client, against a running portal.

mod apps;
mod environment;
mod jobs;
mod json;
mod uploads;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::portal::{PASSWORD, Portal};
use crate::run::run;

#[test]
fn the_kept_token_is_its_owners_alone_and_ends_with_logout() {
    let portal = Portal::with_kim();
    let file = portal.folder.path().join("config/myksc/credentials.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(portal.client(&["whoami", "--json"]).json()["user"]["name"], "kim");
    assert!(portal.client(&["quota"]).stdout.contains("In use"));

    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(portal.client(&["logout"]).code, 0);
    portal.client(&["whoami"]).refused(3, "not signed in");
    let token = kept.lines().find_map(|line| line.strip_prefix("token = ")).unwrap().trim_matches('"');
    let mut whoami = portal.command(&["whoami"]);
    whoami.env("MYKSC_SERVER", &portal.origin).env("MYKSC_TOKEN", token);
    run(whoami, "").refused(3, "sign in first");
}

#[test]
fn every_kind_of_refusal_has_its_exit_code() {
    let mut portal = Portal::with_kim();
    portal.login("wrong").refused(3, "name or password is wrong");
    portal.client(&["app", "show", "no-such-app"]).refused(4, "no such app");
    portal.client(&["job", "show", "jaaaaaaaaaaaaaaa"]).refused(4, "no such job");
    portal.client(&["file", "get", "home/none", "-"]).refused(4, "home/none");
    portal.client(&["app", "launch", "nothing"]).refused(4, "no such template");
    portal.client(&["app", "launch", "command", "--name", "NO", "--set", "command=true"]).refused(5, "a-z");
    portal.client(&["file", "mkdir", "home/../x"]).refused(5, "path");
    let mut login = portal.command(&["login", "--user", "kim", "--password-stdin", "--server", "ftp://x"]);
    login.env("NO_COLOR", "1");
    run(login, "x").refused(2, "a server is https://");
    assert_eq!(portal.client(&["app", "fly"]).code, 2);
    assert_eq!(portal.stop(), Some(0));
    portal.client(&["whoami"]).refused(6, "does not answer");
}

#[test]
fn files_go_there_and_back_under_any_name() {
    let portal = Portal::with_kim();
    let ok = |arguments: &[&str]| {
        let ended = portal.client(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended.stdout
    };
    let name = "결과 100% \"a\"\n.csv";
    let here = portal.folder.path().join(name);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(&here, &bytes).unwrap();
    ok(&["file", "mkdir", "home/data"]);
    ok(&["file", "put", here.to_str().unwrap(), "home/data/"]);
    assert_eq!(std::fs::read(portal.home().join("data").join(name)).unwrap(), bytes);

    let listed: Value = serde_json::from_str(&ok(&["file", "ls", "home/data", "--json"])).unwrap();
    let path = listed["items"][0]["path"].as_str().unwrap();
    assert_eq!(path, "home/data/결과 100%25 \"a\"%0A.csv");
    ok(&["file", "get", path, "back.csv"]);
    assert_eq!(std::fs::read(portal.folder.path().join("back.csv")).unwrap(), bytes);
    portal.client(&["file", "get", path, "back.csv"]).refused(2, "--overwrite");
    portal.client(&["file", "put", here.to_str().unwrap(), "home/data/"]).refused(5, "");

    ok(&["file", "mv", path, "home/data/plain.csv"]);
    std::fs::write(portal.home().join("greeting"), "hello world").unwrap();
    assert_eq!(ok(&["file", "get", "home/greeting", "--range", "6-10"]), "world");
    assert_eq!(ok(&["file", "get", "home/greeting", "-"]), "hello world");
    ok(&["file", "rm", "home/data", "home/greeting"]);
    assert!(!portal.home().join("data").exists());
}

#[test]
fn a_job_goes_on_while_the_portal_is_away() {
    let mut portal = Portal::with_kim();
    let script = "#!/bin/sh\n#MYKSC --name=waits\necho begun\nuntil [ -e go ]; do sleep 0.05; done\necho ended\nexit 3\n";
    let file = portal.folder.path().join("waits.sh");
    std::fs::write(&file, script).unwrap();
    let file = file.to_str().unwrap();
    let made = portal.client(&["job", "script", file, "--walltime", "0:10:00", "--json"]).json();
    assert!(made["script"].as_str().unwrap().contains("10:00"), "{made}");

    let job = portal.client(&["job", "submit", file, "--walltime", "0:10:00", "--json"]).json();
    let id = job["id"].as_str().unwrap();
    assert_eq!(job["size"]["walltime_secs"], 600);
    portal.crash();
    portal.start();
    std::fs::write(portal.home().join("go"), "").unwrap();
    assert_eq!(portal.client(&["job", "output", "--follow", "waits"]).stdout, "begun\nended\n");
    let job = portal.client(&["job", "show", id, "--json"]).json();
    assert_eq!(
        (&job["phase"], &job["outcome"], &job["exit_code"]),
        (&"ended".into(), &"failed".into(), &3.into())
    );
}

#[test]
fn an_app_is_launched_shown_stopped_and_deleted_by_its_name() {
    let portal = Portal::with_kim();
    let launch = ["app", "launch", "command", "--name", "sleeper", "--cpu", "0.5", "--memory", "64Mi"];
    let app = portal
        .client(&[&launch[..], &["--set", "command=echo up; exec sleep 600", "--json"]].concat())
        .json();
    assert_eq!(app["resources"]["cpu_millis"], 500);
    assert_eq!(app["resources"]["memory_bytes"], 64 << 20);
    let opened = portal.client(&["app", "open", "sleeper", "--json"]).json();
    assert!(opened["url"].as_str().unwrap().contains("/.myksc/enter?ticket="));
    assert!(portal.client(&["app", "list"]).stdout.contains("sleeper"));
    assert_eq!(portal.client(&["app", "keep", "sleeper", "--json"]).json()["id"], app["id"]);
    let stopped = portal.client(&["app", "stop", "sleeper", "--wait", "--json"]).json();
    assert_eq!(stopped["phase"], "stopped");
    portal.client(&["app", "keep", "sleeper"]).refused(5, "does not run");
    assert_eq!(portal.client(&["app", "delete", "sleeper", "--wait"]).code, 0);
    portal.client(&["app", "show", "sleeper"]).refused(4, "no such app");
}

#[test]
fn an_opened_app_lets_a_browser_in_at_once_although_it_holds_the_nonce_of_an_earlier_try() {
    let portal = Portal::with_kim();
    let command = ["--set", "command=exec sleep 600", "--json"];
    let app = portal.client(&[&["app", "launch", "command", "--name", "sleeper"][..], &command].concat());
    app.json();
    let old = format!("Cookie: __Host-myksc-nonce={}", "a".repeat(43));
    let visit = |site: &str| {
        let url =
            portal.client(&["app", "open", "sleeper", "--json"]).json()["url"].as_str().unwrap().to_owned();
        let site = format!("Sec-Fetch-Site: {site}");
        let navigation = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"];
        get(&url, &[&navigation[..], &[&site, &old]].concat())
    };
    let typed = visit("none");
    assert!(typed.starts_with("HTTP/1.1 303 ") && typed.contains("__Host-myksc-app="), "{typed}");
    // A page that sends a browser there would have it work in the app of somebody else.
    for site in ["cross-site", "same-site", "same-origin"] {
        let sent = visit(site);
        assert!(!sent.starts_with("HTTP/1.1 303 ") && !sent.contains("__Host-myksc-app="), "{site}: {sent}");
    }
}

#[test]
fn an_app_of_a_person_who_is_locked_is_stopped_also_when_the_portal_did_not_run_just_then() {
    let mut portal = Portal::with_kim();
    let home = portal.home();
    for (name, is_running) in [("while-it-runs", true), ("while-it-is-down", false)] {
        let script = format!(
            "command=trap 'touch {name}.ended; exit' TERM; touch {name}.begun; while :; do sleep 0.1; done"
        );
        portal.client(&["app", "launch", "command", "--name", name, "--set", &script, "--json"]).json();
        wait_for(&home.join(format!("{name}.begun")));
        if !is_running {
            portal.crash();
        }
        assert_eq!(run(portal.command(&["admin", "user", "lock", "kim"]), "").code, 0);
        if !is_running {
            portal.start();
        }
        wait_for(&home.join(format!("{name}.ended")));
        assert_eq!(run(portal.command(&["admin", "user", "unlock", "kim"]), "").code, 0);
        portal.login(PASSWORD).json();
        let stopped = portal.client(&["app", "stop", name, "--wait", "--json"]).json();
        assert_eq!(stopped["phase"], "stopped");
    }
}

fn wait_for(file: &std::path::Path) {
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while !file.exists() {
        assert!(std::time::Instant::now() < until, "{} is not there", file.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The answer to one GET, with its head.
fn get(url: &str, headers: &[&str]) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let port = host.rsplit(':').next().unwrap();
    let mut connection = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let headers = headers.join("\r\n");
    write!(connection, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}
