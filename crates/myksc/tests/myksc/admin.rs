//! `myksc admin` on a state folder of its own.

use std::net::UdpSocket;
use std::time::Duration;

use myksc_core::{User, UserId};
use myksc_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::portal::{PASSWORD, Portal};
use crate::run::{Ended, myksc, run};

/// A state folder, and the account that the test runs as.
struct Site {
    folder: TempDir,
    own_uid: String,
}

impl Site {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), own_uid: rustix::process::geteuid().as_raw().to_string() }
    }

    /// Runs `myksc admin …` with this on standard input.
    fn admin(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = myksc();
        command.arg("admin").args(arguments).env("MYKSC_STATE_DIR", self.folder.path().join("state"));
        run(command, stdin)
    }

    /// Puts somebody on record whom the provider `centre` vouches for, after the account `kim`.
    fn add_vouched(&self, name: &str, shut_out: Option<&str>) {
        let address = format!("sqlite:{}", self.folder.path().join("state/portal.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::open(&address).await.unwrap();
            let kim = store.user_by_name("kim").await.unwrap().expect("an account").user;
            let user = User {
                id: UserId::random(),
                name: name.to_owned(),
                uid: 71001,
                home: "/home/elsewhere".into(),
                provider: "centre".to_owned(),
                ..kim
            };
            store.create_vouched_user(&user, "its word for her").await.unwrap();
            if let Some(reason) = shut_out {
                store.shut_out(&user.id, reason).await.unwrap();
            }
            store.close().await;
        });
    }

    /// Adds an account with the test's own UID.
    fn add(&self, name: &str, password: &str) -> Ended {
        let ids = ["--uid", &self.own_uid, "--gid", "1000", "--home", "/home/kim", "--allow-root"];
        self.admin(&[&["user", "add", name, "--json", "--password-stdin"][..], &ids].concat(), password)
    }
}

#[test]
fn an_account_is_added_listed_locked_and_given_a_new_password() {
    let site = Site::new();
    let added = site.add("kim", "long enough\n").json();
    assert_eq!(added["user"]["name"], "kim");
    assert_eq!(added["password"], Value::Null);

    let passwd = site.admin(&["user", "passwd", "kim", "--json"], "").json();
    let password = passwd["password"].as_str().unwrap();
    assert_eq!(password.len(), 19);
    assert_eq!(site.admin(&["user", "lock", "kim", "--json"], "").json()["user"]["locked"], true);
    let list = site.admin(&["user", "list", "--json"], "");
    assert_eq!(list.json()["items"][0]["locked"], true);
    assert!(!list.stdout.contains("argon2") && !list.stdout.contains(password));
    assert_eq!(site.admin(&["user", "unlock", "kim", "--json"], "").json()["user"]["locked"], false);
    let table = site.admin(&["user", "list"], "");
    assert!(table.stdout.starts_with("NAME") && table.stdout.lines().count() == 2, "{table:?}");
}

#[test]
fn who_comes_from_elsewhere_gets_no_password_here() {
    let site = Site::new();
    site.add("kim", "long enough").json();
    site.add_vouched("lee", None);
    site.admin(&["user", "passwd", "lee"], "").refused(5, "centre");
}

#[test]
fn an_unlocked_person_whom_her_directory_shuts_out_is_told_as_such() {
    let site = Site::new();
    site.add("kim", "long enough").json();
    site.add_vouched("lee", Some("identity_locked"));
    assert_eq!(site.admin(&["user", "lock", "lee", "--json"], "").json()["user"]["locked"], true);
    let unlocked = site.admin(&["user", "unlock", "lee"], "");
    assert!(unlocked.stdout.contains("still") && unlocked.stdout.contains("identity_locked"), "{unlocked:?}");
    let unlocked = site.admin(&["user", "unlock", "lee", "--json"], "").json();
    assert_eq!(
        (&unlocked["user"]["locked"], &unlocked["shut_out"]),
        (&json!(true), &json!("identity_locked"))
    );
    assert_eq!(site.admin(&["user", "unlock", "kim"], "").stdout, "Unlocked kim.\n");
}

#[test]
fn an_account_that_may_not_be_is_refused_and_nothing_is_kept_of_it() {
    let site = Site::new();
    site.add("kim", "long enough").json();
    site.add("kim", "long enough").refused(5, "already");
    site.add("lee", "short").refused(5, "at least 8 characters");
    site.add("lee", "").refused(2, "no password on standard input");
    site.add("../lee", "long enough").refused(5, "name:");
    let other = ["--uid", "4242", "--gid", "4242", "--home", "/home/lee", "--allow-root"];
    site.admin(&[&["user", "add", "lee"][..], &other].concat(), "").refused(5, "not the portal's own UID");
    site.admin(&["user", "add", "nobody-has-this-name"], "").refused(5, "give --uid");
    // A password in the arguments would be for everybody to see.
    assert_eq!(site.admin(&["user", "passwd", "kim", "--password", "x"], "").code, 2);
    let list = site.admin(&["user", "list", "--json"], "").json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_contract_is_set_shown_and_cleared() {
    let site = Site::new();
    site.add("kim", "long enough").json();
    let show = || site.admin(&["contract", "show", "kim", "--json"], "").json();
    assert_eq!(show()["contract"], Value::Null);
    let period = ["--starts", "2026-01-01T00:00:00Z", "--ends", "2027-01-01T00:00:00Z"];
    let limits = ["--cpu", "2.5", "--memory", "8Gi", "--gpu", "1", "--budget", "100"];
    let set = site.admin(&[&["contract", "set", "kim", "--json"][..], &period, &limits].concat(), "").json();
    let expected = json!({
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2027-01-01T00:00:00Z",
        "limits": { "cpu_millis": 2500, "memory_bytes": 8_589_934_592_u64, "gpus": 1 },
        "budget_sru_hours": 100.0,
    });
    assert_eq!((&set["contract"], &show()["contract"]), (&expected, &expected));

    let backwards = ["--starts", "2027-01-01", "--ends", "2026-01-01"];
    let refused = site.admin(&[&["contract", "set", "kim"][..], &backwards, &limits].concat(), "");
    refused.refused(5, "would end before it starts");
    assert_eq!(show()["contract"], expected);
    site.admin(&["contract", "clear", "kim", "--json"], "").json();
    assert_eq!(show()["contract"], Value::Null);
}

#[test]
fn a_role_is_given_and_the_audit_log_tells_who_gave_it() {
    let site = Site::new();
    site.add("kim", "long enough").json();
    assert_eq!(
        site.admin(&["user", "role", "kim", "operator", "--json"], "").json()["user"]["role"],
        "operator"
    );
    assert_eq!(site.admin(&["user", "list", "--json"], "").json()["items"][0]["role"], "operator");
    assert_eq!(site.admin(&["user", "role", "kim", "root"], "").code, 2);
    site.admin(&["user", "role", "lee", "support"], "").refused(4, "no such user: lee");

    let export = site.admin(&["audit", "export"], "");
    let lines: Vec<Value> = export.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<_> = lines.iter().map(|line| (line["action"].as_str().unwrap(), &line["object"])).collect();
    assert_eq!(
        acts,
        [("add_user", &json!("kim")), ("set_role", &json!("kim operator")), ("export_audit", &json!(""))]
    );
    assert!(lines.iter().all(|line| line["actor"].as_str().unwrap().starts_with("admin:")), "{lines:?}");
    assert!(lines.iter().all(|line| line["outcome"] == "done"), "{lines:?}");
    assert!(!export.stdout.contains("long enough"));
    assert_eq!(site.admin(&["audit", "export", "--action", "set_role"], "").stdout.lines().count(), 1);
}

#[test]
fn a_lock_ends_what_its_person_runs_and_a_receiver_is_told_of_both() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let address = format!("udp:{}", receiver.local_addr().unwrap());
    let mut portal = Portal::new();
    portal.add_kim();
    portal.start_with(&[("MYKSC__AUDIT__SYSLOG", &address)]);
    portal.login(PASSWORD).json();
    let launch =
        ["app", "launch", "command", "--name", "goes-on", "--set", "command=exec sleep 600", "--json"];
    let app = portal.client(&launch).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(portal.client(&["admin", "user", "lock", "kim"]).code, 0);
    let told = |words: &[&str]| {
        let mut datagram = [0; 4096];
        loop {
            let length = receiver.recv(&mut datagram).expect("an entry of the audit log");
            let entry = String::from_utf8_lossy(&datagram[..length]);
            assert!(entry.starts_with('<') && entry.contains("myksc"), "{entry}");
            if words.iter().all(|word| entry.contains(word)) {
                break;
            }
        }
    };
    told(&["lock_user", "kim", "admin:"]);
    told(&["stop_app", &app, "portal"]);
}

#[test]
fn a_notice_is_written_listed_and_removed() {
    let site = Site::new();
    site.add("kim", "long enough").json();
    let texts = ["--en", "Maintenance on Friday.", "--ko", "금요일에 점검합니다."];
    let period = ["--from", "2999-01-01T00:00:00Z", "--until", "2999-01-02T00:00:00Z"];
    let add = [&["notice", "add", "--json", "--kind", "maintenance"][..], &texts].concat();
    let added = site.admin(&[&add[..], &period].concat(), "").json();
    assert_eq!(
        (&added["kind"], &added["starts_at"]),
        (&json!("maintenance"), &json!("2999-01-01T00:00:00Z"))
    );
    let list = site.admin(&["notice", "list", "--json"], "").json();
    assert_eq!(list["items"], json!([added]));
    let table = site.admin(&["notice", "list"], "");
    assert!(table.stdout.starts_with("ID") && table.stdout.contains("금요일에"), "{table:?}");

    let backwards = ["--from", "2999-01-02", "--until", "2999-01-01"];
    site.admin(&[&add[..], &backwards].concat(), "").refused(5, "would end before it starts");
    site.admin(&[&add[..], &["--until", "2020-01-01"]].concat(), "").refused(5, "over");
    assert_eq!(site.admin(&["notice", "add", "--kind", "news", "--en", "a", "--ko", "b"], "").code, 2);
    let id = added["id"].as_str().unwrap();
    site.admin(&["notice", "remove", id, "--json"], "").json();
    site.admin(&["notice", "remove", id], "").refused(4, "no such notice");
    assert_eq!(site.admin(&["notice", "remove", "x"], "").code, 2);
    let log = site.admin(&["audit", "export", "--object", id], "").stdout;
    let acts: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<_> = acts.iter().map(|act| [&act["action"], &act["outcome"]]).collect();
    let expected = [["add_notice", "done"], ["remove_notice", "done"], ["remove_notice", "not_found"]];
    assert_eq!(acts, expected);
}

#[test]
fn who_is_not_there_and_a_portal_that_is_not_there_have_their_own_exit_codes() {
    let site = Site::new();
    site.admin(&["user", "list"], "").refused(11, "there is no portal's database");
    site.add("kim", "long enough").json();
    for arguments in [
        &["user", "passwd", "lee"][..],
        &["user", "lock", "lee"],
        &["contract", "show", "lee"],
        &["contract", "clear", "lee"],
    ] {
        site.admin(arguments, "").refused(4, "no such user: lee");
    }
    site.admin(&["user", "list", "--config", "/nowhere/myksc.toml"], "").refused(10, "/nowhere/myksc.toml");
}
