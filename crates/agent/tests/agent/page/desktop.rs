use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio_tungstenite::tungstenite::Message;

use super::rig::{Agent, within};

/// A desktop whose session waits; its screen is the test.
async fn desktop() -> (Agent, UnixListener) {
    let session = ["--screen", "%/screen.sock", "--", "/bin/sh", "-c", "echo $$ >leader; exec sleep 1000"];
    let agent = Agent::start("desktop", &session).await;
    assert_eq!(agent.get("/ready", &[]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let screen = UnixListener::bind(agent.path("screen.sock")).unwrap();
    assert_eq!(agent.get("/ready", &[]).await.status(), StatusCode::NO_CONTENT);
    // That was a connection, too.
    screen.accept().await.unwrap();
    (agent, screen)
}

#[tokio::test]
async fn bytes_of_the_screen_and_of_the_person_pass_unchanged() {
    let (agent, screen) = desktop().await;
    let mut browser = agent.browser().await;
    let (mut screen, _) = within(screen.accept()).await.unwrap();
    screen.write_all(b"RFB 003.008\n").await.unwrap();
    assert_eq!(browser.read_to("\n").await, "RFB 003.008\n");
    let large: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    browser.send(large.clone()).await;
    let mut got = vec![0; large.len()];
    within(screen.read_exact(&mut got)).await.unwrap();
    assert!(got == large, "other bytes came");
    drop(screen);
    assert_eq!(browser.next().await, None);
}

#[tokio::test]
async fn a_browser_that_leaves_or_speaks_otherwise_leaves_the_screen() {
    let (agent, screen) = desktop().await;
    for last in [Message::text("no bytes"), Message::Close(None)] {
        let mut browser = agent.browser().await;
        let (mut connection, _) = within(screen.accept()).await.unwrap();
        browser.send(last).await;
        assert_eq!(within(connection.read(&mut [0; 8])).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_page_without_a_screen_is_told_to_come_again() {
    let (agent, screen) = desktop().await;
    drop(screen);
    std::fs::remove_file(agent.path("screen.sock")).unwrap();
    let mut browser = agent.browser().await;
    assert_eq!(browser.next().await, None);
}

#[tokio::test]
async fn the_session_ends_with_the_desktop() {
    let (mut agent, _screen) = desktop().await;
    let leader: i32 = agent.line("leader").await.trim().parse().unwrap();
    agent.terminate();
    assert!(agent.ended().await.success());
    let gone = rustix::process::test_kill_process(rustix::process::Pid::from_raw(leader).unwrap());
    assert_eq!(gone, Err(rustix::io::Errno::SRCH));
}

#[tokio::test]
async fn a_session_that_does_not_end_is_made_to() {
    let stubborn = "trap '' TERM; echo $$ >leader; while :; do sleep 1000; done";
    let session = ["--screen", "%/s", "--", "/bin/sh", "-c", stubborn];
    let mut agent = Agent::start("desktop", &session).await;
    agent.line("leader").await;
    agent.terminate();
    assert!(agent.ended().await.success());
}

#[tokio::test]
async fn the_desktop_ends_with_its_session_and_as_that_ended() {
    for (script, code) in [("exit 0", 0), ("exit 7", 1), ("kill -9 $$", 1)] {
        let script = format!("until [ -e go ]; do sleep 0.01; done; {script}");
        let mut agent = Agent::start("desktop", &["--screen", "%/s", "--", "/bin/sh", "-c", &script]).await;
        std::fs::write(agent.path("go"), "").unwrap();
        assert_eq!(agent.ended().await.code(), Some(code), "{script}");
    }
}
