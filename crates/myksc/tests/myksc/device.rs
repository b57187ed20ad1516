//! Signing the command line in by a browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::portal::{PASSWORD, Portal};
use crate::run::run;

/// kim's browser, as far as it is needed here.
struct Browser<'a> {
    portal: &'a Portal,
    headers: String,
}

/// A `login` that waits, and what it printed first.
struct Waiting {
    child: Child,
    stdout: BufReader<ChildStdout>,
    codes: Value,
}

impl<'a> Browser<'a> {
    fn of_kim(portal: &'a Portal) -> Self {
        let nobody = Self { portal, headers: String::new() };
        let answer = nobody.post("/api/v1/session", &json!({ "name": "kim", "password": PASSWORD }));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let session: Value = serde_json::from_str(body).unwrap();
        let csrf_token = session["csrf_token"].as_str().unwrap();
        Self { portal, headers: format!("Cookie: {cookie}\r\nX-CSRF-Token: {csrf_token}\r\n") }
    }

    fn post(&self, path: &str, body: &Value) -> String {
        let (origin, body) = (&self.portal.origin, body.to_string());
        let host = origin.strip_prefix("http://").unwrap();
        let port = host.rsplit(':').next().unwrap();
        let mut connection = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(
            connection,
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n{}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.headers,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    fn decide(&self, waiting: &Waiting, act: &str) {
        let code = waiting.codes["user_code"].as_str().unwrap();
        let answer = self.post(&format!("/api/v1/device/{code}/{act}"), &json!({}));
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
}

impl Waiting {
    fn start(portal: &Portal) -> Self {
        let mut login = portal.command(&["login", "--json", "--server", &portal.origin]);
        login.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = login.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self { child, stdout, codes: serde_json::from_str(&line).unwrap() }
    }

    /// How it ended: the exit code, the last line of its output, and its words on standard error.
    fn end(mut self) -> (i32, String, String) {
        let (mut rest, mut words) = (String::new(), String::new());
        self.stdout.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), rest, words)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_sign_in_that_is_confirmed_in_a_browser_keeps_a_token_and_a_refused_or_broken_off_one_nothing() {
    let portal = Portal::with_kim();
    assert_eq!(portal.client(&["logout"]).code, 0);
    let file = portal.folder.path().join("config/myksc/credentials.toml");
    let browser = Browser::of_kim(&portal);
    let (approved, denied, mut broken_off) =
        (Waiting::start(&portal), Waiting::start(&portal), Waiting::start(&portal));
    assert_eq!(approved.codes["verification_uri"], format!("{}/device", portal.origin));
    assert!(approved.codes.get("device_code").is_none(), "the code for the program is shown");
    browser.decide(&denied, "deny");
    // As Ctrl-C breaks it off; but shells have what they run in the background ignore that signal.
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&broken_off.child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    broken_off.child.wait().unwrap();
    let (code, _, words) = denied.end();
    assert_eq!((code, words.contains("refused")), (5, true), "{words}");
    assert!(!file.exists());

    browser.decide(&approved, "approve");
    let (code, last, words) = approved.end();
    assert_eq!(code, 0, "{words}");
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["user"]["name"], "kim");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(portal.client(&["whoami", "--json"]).json()["user"]["name"], "kim");
    let folder = file.parent().unwrap();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "something else was left behind");
}

#[test]
fn a_name_without_a_password_is_no_way_to_sign_in() {
    let portal = Portal::with_kim();
    for half in [["--user", "kim"].as_slice(), &["--password-stdin"]] {
        let mut login = portal.command(&["login", "--server", &portal.origin]);
        login.args(half);
        let ended = run(login, PASSWORD);
        assert_eq!(ended.code, 2, "{ended:?}");
    }
}

#[test]
fn where_a_second_factor_is_due_a_password_alone_says_to_use_the_browser() {
    let mut portal = Portal::with_kim();
    assert_eq!(portal.client(&["logout"]).code, 0);
    assert_eq!(portal.stop(), Some(0));
    portal.start_with(&[("MYKSC__SIGN_IN__SECOND_FACTOR", "required")]);
    portal.login(PASSWORD).refused(7, "in a browser");
    assert!(!portal.folder.path().join("config/myksc/credentials.toml").exists());
}
