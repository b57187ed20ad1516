//! An agent that serves a page, as a process, and a browser's half.

use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

const AGENT: &str = env!("CARGO_BIN_EXE_myksc-agent");
/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("this took too long")
}

/// Asks again until there is an answer.
pub(super) async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    within(async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// An agent; it ends with its test.
pub(super) struct Agent {
    pub(super) folder: tempfile::TempDir,
    child: Child,
}

impl Agent {
    /// `arguments` come behind `--listen SOCKET`; `%` in them is the agent's folder.
    pub(super) async fn start(kind: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let child = Command::new(AGENT)
            .args([kind, "--listen", &format!("{path}/page.sock")])
            .args(arguments.iter().map(|argument| argument.replace('%', &path)))
            .env("HOME", &path)
            .env("SHELL", "/bin/sh")
            .current_dir(&path)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { folder, child };
        until(|| async { UnixStream::connect(agent.socket()).await.ok() }).await;
        agent
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path("page.sock")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What stands in a file of its folder, once it ends with a line.
    pub(super) async fn line(&self, name: &str) -> String {
        let path = self.path(name);
        until(|| async { fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n')) }).await
    }

    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        ask(&self.socket(), "GET", path, headers).await
    }

    async fn status(&self, method: &str, path: &str) -> StatusCode {
        ask(&self.socket(), method, path, &[]).await.status()
    }

    /// A WebSocket of a page of this origin.
    pub(super) async fn open(&self, origin: &str) -> Result<Browser, Error> {
        let stream = UnixStream::connect(self.socket()).await.unwrap();
        let mut request = "ws://app.localhost/socket".into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let (socket, _) = within(tokio_tungstenite::client_async(request, stream)).await?;
        Ok(Browser { socket, seen: Vec::new() })
    }

    pub(super) async fn browser(&self) -> Browser {
        self.open("http://app.localhost").await.unwrap()
    }

    pub(super) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    pub(super) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        within(async {
            loop {
                if let Some(status) = child.try_wait().unwrap() {
                    return status;
                }
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn ask(socket: &Path, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "app.localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = within(sender.send_request(request.body(Empty::<Bytes>::new()).unwrap())).await.unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, within(body.collect()).await.unwrap().to_bytes())
}

/// The browser's half of a WebSocket.
pub(super) struct Browser {
    pub(super) socket: WebSocketStream<UnixStream>,
    /// What came as bytes and nobody asked for yet.
    seen: Vec<u8>,
}

impl Browser {
    pub(super) async fn send(&mut self, message: impl Into<Message>) {
        within(self.socket.send(message.into())).await.unwrap();
    }

    /// The next message that is no ping; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Message> {
        within(async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Ping(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(message)) => return Some(message),
                }
            }
        })
        .await
    }

    /// The next text.
    pub(super) async fn word(&mut self) -> String {
        loop {
            match self.next().await.expect("the connection ended") {
                Message::Text(text) => return text.to_string(),
                Message::Binary(bytes) => self.seen.extend_from_slice(&bytes),
                _ => {}
            }
        }
    }

    /// Takes bytes until they hold `wanted`; gives all up to its end.
    pub(super) async fn read_to(&mut self, wanted: &str) -> String {
        loop {
            let wanted = wanted.as_bytes();
            if let Some(at) = self.seen.windows(wanted.len()).position(|part| part == wanted) {
                let read: Vec<u8> = self.seen.drain(..at + wanted.len()).collect();
                return String::from_utf8(read).unwrap();
            }
            match self.next().await {
                Some(Message::Binary(bytes)) => self.seen.extend_from_slice(&bytes),
                Some(_) => {}
                None => panic!("the connection ended behind {:?}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }
}

#[tokio::test]
async fn a_page_is_served_to_its_owner_alone_and_says_what_it_may_load() {
    let agent = Agent::start("terminal", &[]).await;
    let mode = fs::metadata(agent.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let page = agent.get("/", &[]).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    for path in ["/nowhere", "/assets/../terminal.html", "/assets/", "/terminal.html", "//", "/%00"] {
        assert_eq!(agent.get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(agent.get("/socket", &[]).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(agent.get("/ready", &[]).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(agent.status("POST", "/used").await, StatusCode::NO_CONTENT);
    for (method, path) in [("GET", "/used"), ("POST", "/"), ("PUT", "/used"), ("POST", "/socket")] {
        assert!(agent.status(method, path).await.is_client_error(), "{method} {path}");
    }
}

#[tokio::test]
async fn what_belongs_to_a_page_comes_in_the_form_that_the_browser_takes() {
    let agent = Agent::start("terminal", &[]).await;
    let page = agent.get("/", &[]).await;
    if page.status() == StatusCode::NOT_FOUND {
        // Whoever has not built the pages is told so.
        assert!(page.body().starts_with(b"The pages were not built"));
        return;
    }
    let text = String::from_utf8(page.body().to_vec()).unwrap();
    let script = text.split("src=\".").nth(1).unwrap().split('"').next().unwrap();
    let plain = agent.get(script, &[]).await;
    assert_eq!(plain.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(!plain.headers().contains_key("content-encoding"));
    for (accepted, encoding) in [("gzip, br", "br"), ("gzip, br;q=0", "gzip")] {
        let packed = agent.get(script, &[("accept-encoding", accepted)]).await;
        assert_eq!(packed.headers()["content-encoding"], encoding);
        assert!(packed.body().len() < plain.body().len() / 2);
    }
}

#[tokio::test]
async fn no_other_page_opens_the_websocket() {
    let agent = Agent::start("terminal", &[]).await;
    for origin in
        ["http://evil.localhost", "null", "http://app.localhost.evil.org", "http://app.localhost:81"]
    {
        match agent.open(origin).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(drop)),
        }
    }
    agent.browser().await;
}
