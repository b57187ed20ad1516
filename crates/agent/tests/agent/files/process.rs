//! The agent as a process: started once, ended when idle, replaced when dead.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, getsid, kill_process, test_kill_process};

use myksc_core::wire::FileCode;
use myksc_files::{AgentProgram, FilesError};

use super::house::{AGENT, House, agent};

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_at_once_start_one_agent_in_a_session_of_its_own() {
    let house = House::new();
    let calls = (0..50).map(|_| {
        let (files, identity) = (house.files.clone(), house.identity.clone());
        tokio::spawn(async move { files.roots(&identity).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let agent = house.agent_pid().unwrap();
    assert_eq!(getsid(Some(agent)).unwrap(), agent);
    house.files.roots(&house.identity).await.unwrap();
    assert_eq!(house.agent_pid(), Some(agent));
}

#[tokio::test]
async fn two_portals_share_the_agent_that_is_there() {
    let mut house = House::new();
    house.files.roots(&house.identity).await.unwrap();
    let agent_before = house.agent_pid();
    house.restart_portal(agent(&[]));
    house.files.roots(&house.identity).await.unwrap();
    assert_eq!(house.agent_pid(), agent_before);
    // Started by hand on the same state it steps back, and well.
    let second = Command::new(AGENT)
        .args(["files", "--root", "home=/"])
        .arg("--socket")
        .arg(house.socket())
        .arg("--state")
        .arg(house.state())
        .stderr(Stdio::null())
        .status();
    assert!(second.unwrap().success());
    assert_eq!(house.agent_pid(), agent_before);
}

#[tokio::test]
async fn a_dead_agent_is_replaced_without_the_caller_noticing() {
    let house = House::new();
    for round in 0..5 {
        house.put("home/f", format!("round {round}").as_bytes()).await.unwrap();
        house.kill_agent();
        assert_eq!(house.get("home/f").await.unwrap(), format!("round {round}"));
    }
    assert!(house.socket().exists());
}

#[tokio::test]
async fn an_idle_agent_ends_and_the_next_call_starts_another() {
    let house = House::with_agent(AgentProgram {
        program: AGENT.into(),
        arguments: ["files", "--idle-secs", "1"].map(Into::into).to_vec(),
    });
    house.files.roots(&house.identity).await.unwrap();
    let socket = house.socket();
    until("the socket goes when the agent is idle", || !socket.exists()).await;
    house.files.roots(&house.identity).await.unwrap();
    assert!(socket.exists());
}

#[tokio::test]
async fn an_agent_asked_to_end_ends_and_takes_its_socket_along() {
    let house = House::new();
    house.files.roots(&house.identity).await.unwrap();
    let agent = house.agent_pid().unwrap();
    kill_process(agent, Signal::TERM).unwrap();
    until("it ends", || test_kill_process(agent).is_err()).await;
    assert!(!house.socket().exists());
    house.files.roots(&house.identity).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_can_not_start_says_why() {
    let starts = |program: &str, arguments: &[&str]| AgentProgram {
        program: program.into(),
        arguments: arguments.iter().map(Into::into).collect(),
    };
    let cases = [
        (starts("/nonexistent/myksc-agent", &[]), "/nonexistent/myksc-agent"),
        (starts(AGENT, &["rubbish"]), "usage"),
        (starts(AGENT, &["files", "--rubbish", "x"]), "unknown option --rubbish"),
        (starts("/bin/sh", &["-c", "echo no such luck >&2; exit 3"]), "no such luck"),
    ];
    for (program, reason) in cases {
        let house = House::with_agent(program);
        match house.files.roots(&house.identity).await {
            Err(FilesError::NotStarted(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn rubbish_requests_are_answered_or_cut_and_the_agent_lives_on() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new();
    house.files.roots(&house.identity).await.unwrap();
    let agent = house.agent_pid();
    let close = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let long = "x".repeat(100_000);
    let cases = [
        ("\r\n\r\n\0\0\0".to_owned(), ""),
        (format!("GET /v1/content?path=home%2Fnone {close}\r\n"), "HTTP/1.1 404"),
        (format!("GET /v1/content?path=%FF {close}\r\n"), "HTTP/1.1 400"),
        (format!("GET /v1/content {close}\r\n"), "HTTP/1.1 400"),
        (format!("GET /v1/entries?path=home&limit=-1 {close}\r\n"), "HTTP/1.1 400"),
        (format!("GET /elsewhere {close}\r\n"), "HTTP/1.1 404"),
        (format!("BREW /v1/roots {close}\r\n"), "HTTP/1.1 404"),
        (format!("POST /v1/move {close}Content-Length: 2\r\n\r\n[]"), "HTTP/1.1 400"),
        (
            format!("POST /v1/move {close}Content-Length: 99999999999\r\n\r\n{}", "[".repeat(1 << 21)),
            "HTTP/1.1 413",
        ),
        (format!("GET /v1/{long} {close}\r\n"), "HTTP/1.1 4"),
        (format!("GET /v1/roots HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), "HTTP/1.1 431"),
        (format!("PATCH /v1/uploads/../../etc {close}\r\n"), "HTTP/1.1 404"),
    ];
    for (request, expected) in cases {
        let mut stream = tokio::net::UnixStream::connect(house.socket()).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let mut answer = Vec::new();
        let _ = tokio::join!(writing.write_all(request.as_bytes()), reading.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer);
        let shown: String = request.chars().take(60).collect();
        assert!(answer.starts_with(expected), "{shown:?}: {answer:?}");
    }
    assert_eq!(house.agent_pid(), agent);
    assert_eq!(house.get("home/none").await.err().and_then(|error| error.code()), Some(FileCode::NotFound));
}

#[tokio::test]
async fn an_agent_that_streamed_much_is_still_small() {
    let house = House::new();
    std::fs::File::create(house.home("big")).unwrap().set_len(32 << 20).unwrap();
    let downloads = (0..12).map(|_| house.get("home/big"));
    for bytes in futures_util::future::join_all(downloads).await {
        assert_eq!(bytes.unwrap().len(), 32 << 20);
    }
    let pid = house.agent_pid().unwrap().as_raw_nonzero();
    until("memory goes back when nobody asks", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let anonymous_kib: u64 = anonymous.trim().trim_end_matches(" kB").parse().unwrap();
        anonymous_kib < 2 << 10
    })
    .await;
}
