use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::rig::{Agent, Browser};

async fn terminal() -> Agent {
    Agent::start("terminal", &["--", "/bin/sh"]).await
}

/// A page that was told what was said before, `bytes` of them.
async fn page(agent: &Agent) -> (Browser, usize) {
    let mut browser = agent.browser().await;
    let begin: serde_json::Value = serde_json::from_str(&browser.word().await).unwrap();
    let bytes = begin["begin"].as_u64().unwrap();
    (browser, usize::try_from(bytes).unwrap())
}

fn size(columns: u16, rows: u16) -> Message {
    Message::text(json!({ "size": { "columns": columns, "rows": rows } }).to_string())
}

#[tokio::test]
async fn a_shell_has_a_terminal_of_the_pages_size_and_takes_korean() {
    let agent = terminal().await;
    let (mut browser, before) = page(&agent).await;
    assert_eq!(before, 0);
    browser.send(size(101, 33)).await;
    browser.send("stty size; tty; echo \"$TERM 값=$((6*7))\"\r".as_bytes().to_vec()).await;
    let said = browser.read_to("xterm-256color 값=42\r\n").await;
    assert!(said.contains("33 101\r\n/dev/pts/"), "{said}");
    browser.send(size(60, 20)).await;
    browser.send(b"stty size\r".to_vec()).await;
    browser.read_to("20 60\r\n").await;
    // In a line that is still typed, one backspace takes one letter.
    browser.send("cat >note\r한국\u{7f}\r".as_bytes().to_vec()).await;
    browser.send(vec![4]).await;
    assert_eq!(agent.line("note").await, "한\n");
}

#[tokio::test]
async fn a_page_that_comes_back_finds_the_same_shell_and_what_it_said() {
    let agent = terminal().await;
    let (mut browser, _) = page(&agent).await;
    browser.send(b"there=here; echo first $((1+1))\r".to_vec()).await;
    browser.read_to("first 2\r\n").await;
    // As when a network breaks: without a word.
    drop(browser);

    let (mut second, before) = page(&agent).await;
    assert!(before > 0);
    assert!(second.read_to("first 2\r\n").await.contains("there=here"));
    second.send(b"echo still $there\r".to_vec()).await;
    second.read_to("still here\r\n").await;
    let (mut third, _) = page(&agent).await;
    third.read_to("still here\r\n").await;
    second.send(b"echo for $((1+1)) pages\r".to_vec()).await;
    second.read_to("for 2 pages\r\n").await;
    third.read_to("for 2 pages\r\n").await;
}

#[tokio::test]
async fn whoever_comes_after_the_shells_end_gets_a_new_one() {
    let agent = terminal().await;
    let (mut browser, _) = page(&agent).await;
    browser.send(b"there=here; echo last $((1+1)); exit 3\r".to_vec()).await;
    browser.read_to("last 2\r\n").await;
    assert_eq!(browser.word().await, "\"ended\"");
    assert_eq!(browser.next().await, None);
    let (mut second, before) = page(&agent).await;
    assert_eq!(before, 0);
    second.send(b"echo \"<$there>\"\r".to_vec()).await;
    second.read_to("<>\r\n").await;
}

#[tokio::test]
async fn a_shell_says_no_more_than_its_page_shows() {
    let agent = terminal().await;
    let (mut browser, _) = page(&agent).await;
    let count = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo line $i of many; done; echo all >done\r";
    browser.send(count.as_bytes().to_vec()).await;
    let mut taken = 0;
    while taken < 256 << 10 {
        if let Some(Message::Binary(bytes)) = browser.next().await {
            taken += bytes.len();
        }
    }
    // The rest comes only as what came is shown.
    assert!(!agent.path("done").exists());
    loop {
        browser.send(Message::text(json!({ "taken": taken }).to_string())).await;
        taken = match browser.next().await {
            Some(Message::Binary(bytes)) => bytes.len(),
            other => panic!("{other:?}"),
        };
        if agent.path("done").exists() {
            return;
        }
    }
}

#[tokio::test]
async fn a_page_that_makes_no_sense_is_let_go_and_the_shell_goes_on() {
    let agent = terminal().await;
    let (mut first, _) = page(&agent).await;
    first.send(b"there=here; echo $((1+1)) shells\r".to_vec()).await;
    first.read_to("2 shells\r\n").await;
    for nonsense in
        ["", "{}", "[]", "{\"size\":{\"columns\":-1,\"rows\":2}}", "{\"taken\":1e9}", "{\"run\":\"id\"}"]
    {
        let (mut browser, _) = page(&agent).await;
        browser.send(Message::text(nonsense)).await;
        while browser.next().await.is_some() {}
    }
    first.send(size(0, 65535)).await;
    first.send(Message::text(json!({ "taken": u64::from(u32::MAX) }).to_string())).await;
    first.send(b"stty size; echo still $there\r".to_vec()).await;
    assert!(first.read_to("still here\r\n").await.contains("1000 2\r\n"));
}

#[tokio::test]
async fn a_shell_that_is_not_there_is_told() {
    let agent = Agent::start("terminal", &["--", "/no/such/shell"]).await;
    let mut browser = agent.browser().await;
    assert_eq!(browser.word().await, "\"failed\"");
    assert_eq!(browser.next().await, None);
}

#[tokio::test]
async fn the_shell_and_its_jobs_end_with_the_terminal() {
    let mut agent = terminal().await;
    let (mut browser, _) = page(&agent).await;
    browser.send(b"sleep 1000 & echo $$ $! >pids\r".to_vec()).await;
    let pids = agent.line("pids").await;
    agent.terminate();
    assert!(agent.ended().await.success());
    let shell = pids.split_whitespace().next().unwrap().parse().unwrap();
    let gone = rustix::process::test_kill_process(rustix::process::Pid::from_raw(shell).unwrap());
    assert_eq!(gone, Err(rustix::io::Errno::SRCH));
}

#[tokio::test]
async fn a_login_shell_is_the_persons_own() {
    let agent = Agent::start("terminal", &[]).await;
    let (mut browser, _) = page(&agent).await;
    browser.send(b"echo \"$0 $SHELL $PWD\"\r".to_vec()).await;
    let home = agent.folder.path().display();
    browser.read_to(&format!("-sh /bin/sh {home}\r\n")).await;
}
