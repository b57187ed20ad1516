//! The guard as a process.

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use myksc_core::grant::Endpoint;

use super::rig::{App, echo, echoes, hello, key, pass, pattern, rest, within};

const AGENT: &str = env!("CARGO_BIN_EXE_myksc-agent");

/// A guard as a process; it ends with its test.
struct Process {
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Process {
    /// Of `app`, with so many descriptors if told.
    async fn start(app: &Endpoint, descriptors: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let app = match app {
            Endpoint::Unix(path) => format!("unix:{}", path.display()),
            Endpoint::Tcp(address) => format!("tcp:{address}"),
        };
        let limit = descriptors.map(|count| format!("ulimit -n {count}; ")).unwrap_or_default();
        let child = Command::new("/bin/sh")
            .args(["-c", &format!("{limit}exec \"$@\""), "sh", AGENT, "guard", "--to", &app])
            .args(["--listen", &address.to_string(), "--key-file"])
            .arg(key_file(folder.path()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let process = Self { address, child, _folder: folder };
        within(async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        process
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends SIGTERM, waits for the end; how it ended, and what it said.
    async fn end(mut self) -> (ExitStatus, String) {
        kill_process(self.pid(), Signal::TERM).unwrap();
        let status = ended(&mut self.child).await;
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }

    /// Memory of its own, in KiB.
    fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn key_file(folder: &Path) -> PathBuf {
    let path = folder.join("key");
    fs::write(&path, key().to_hex() + "\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    path
}

async fn ended(child: &mut Child) -> ExitStatus {
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

/// How a guard with these arguments ends at once, and what it says.
async fn refusal(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(AGENT);
    let mut child = command.arg("guard").args(arguments).stderr(Stdio::piped()).spawn().unwrap();
    let code = ended(&mut child).await.code();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (code, said)
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_refused_with_code_2() {
    let all = ["--listen", "127.0.0.1:1", "--key-file", "/k", "--to", "unix:/s"];
    let with = |index: usize, value: &'static str| {
        let mut arguments = all;
        arguments[index] = value;
        arguments.to_vec()
    };
    let cases = [
        (vec![], "--listen is missing"),
        (all[..2].to_vec(), "--key-file is missing"),
        (all[..4].to_vec(), "--to is missing"),
        (all[..5].to_vec(), "an option has no value"),
        (with(0, "--rubbish"), "unknown option --rubbish"),
        (with(1, "8080"), "--listen takes"),
        (with(5, "/s"), "--to takes"),
        (with(5, "unix:s"), "--to takes"),
        (with(5, "tcp:10.0.0.1:80"), "--to takes"),
        (with(5, "tcp:localhost:80"), "--to takes"),
    ];
    for (arguments, reason) in cases {
        let (code, said) = refusal(&arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(
            said.contains(reason) && said.contains("usage: guard") && said.lines().count() == 1,
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_missing_or_open_to_others_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let good = key().to_hex();
    let contents: [(&str, &[u8], u32, &str); 8] = [
        ("group", good.as_bytes(), 0o664, "others than its owner may write it (mode 664)"),
        ("others", good.as_bytes(), 0o446, "others than its owner may write it (mode 446)"),
        ("empty", b"", 0o600, "not 64 hexadecimal digits"),
        ("short", &good.as_bytes()[..62], 0o600, "not 64 hexadecimal digits"),
        ("long", &[b'a'; 100_000], 0o600, "not 64 hexadecimal digits"),
        ("two", &[b'a'; 128], 0o600, "not 64 hexadecimal digits"),
        ("raw", &[0xff; 32], 0o600, "not 64 hexadecimal digits"),
        ("sign", &[b'+'; 64], 0o600, "not 64 hexadecimal digits"),
    ];
    for (name, content, mode, _) in contents {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    let cases = contents.map(|(name, _, _, reason)| (name, reason));
    for (name, reason) in cases.into_iter().chain([("absent", "No such file"), (".", "not a file")]) {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        let (code, said) = refusal(&["--listen", "127.0.0.1:0", "--key-file", path, "--to", "unix:/s"]).await;
        assert_eq!(code, Some(1), "{name}: {said}");
        assert!(said.contains(reason) && said.contains(path) && said.lines().count() == 1, "{said}");
        assert!(!said.contains(&good[..8]), "{said}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, key) = (taken.local_addr().unwrap().to_string(), key_file(folder.path()));
    let (code, said) =
        refusal(&["--listen", &address, "--key-file", key.to_str().unwrap(), "--to", "unix:/s"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("can't listen at") && said.contains(&address), "{said}");
}

#[tokio::test]
async fn a_key_that_kubernetes_mounted_is_taken() {
    // As a Secret is: a link to a link, which everybody may read.
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("..2026");
    fs::create_dir(&data).unwrap();
    fs::rename(key_file(folder.path()), data.join("key")).unwrap();
    fs::set_permissions(data.join("key"), Permissions::from_mode(0o644)).unwrap();
    symlink("..2026", folder.path().join("..data")).unwrap();
    symlink("..data/key", folder.path().join("key")).unwrap();
    let config = myksc_agent::guard::Config {
        listen: "203.0.113.1:1".parse().unwrap(),
        key_file: folder.path().join("key"),
        app: Endpoint::Unix("/s".into()),
    };
    let error = tokio::task::spawn_blocking(|| myksc_agent::guard::run(config)).await.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("can't listen at 203.0.113.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sigterm_it_takes_nobody_new_and_ends_with_its_last_connection() {
    let app = App::on_tcp(echo).await;
    let process = Process::start(&app.endpoint, None).await;
    let address = process.address;
    let mut stream = within(pass(address)).await.unwrap();
    let end = tokio::spawn(process.end());
    within(async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    echoes(&mut stream, b"one more").await;
    drop(stream);
    let begun = Instant::now();
    let (status, _) = end.await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_strangers_is_a_line_a_second_with_their_number() {
    let app = App::on_tcp(echo).await;
    let process = Process::start(&app.endpoint, None).await;
    // The one that saw it start was none either.
    let mut strangers = 1;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        let mut stream = TcpStream::connect(process.address).await.unwrap();
        within(hello(&mut stream)).await.unwrap();
        stream.write_all(&[0; 64]).await.unwrap();
        let _ = within(stream.read(&mut [0])).await;
        strangers += 1;
    }
    let (_, said) = process.end().await;
    let told = said.lines().map(|line| {
        let count = line.split_once("were closed: ").unwrap().1.split_once(", last 127.0.0.1").unwrap().0;
        count.parse::<u64>().unwrap()
    });
    assert_eq!(told.sum::<u64>(), strangers, "{said}");
    assert!((3..=5).contains(&said.lines().count()), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_few_descriptors_fewer_are_let_in_and_none_is_left_without() {
    let app = App::on_unix(echo).await;
    // 32 at the door, and (128 - 32 - 64) / 2 behind it.
    let process = Process::start(&app.endpoint, Some(128)).await;
    let mut strangers = Vec::new();
    for _ in 0..100 {
        strangers.push(TcpStream::connect(process.address).await.unwrap());
    }
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(within(pass(process.address)).await.unwrap());
    }
    for stream in &mut open {
        echoes(stream, b"hello").await;
    }
    assert!(within(pass(process.address)).await.is_err(), "there is no room for one more");
    let mut last = open.pop().unwrap();
    last.shutdown().await.unwrap();
    assert_eq!(rest(&mut last).await.unwrap(), b"");
    let mut next = within(async {
        loop {
            if let Ok(stream) = pass(process.address).await {
                return stream;
            }
        }
    })
    .await;
    echoes(&mut next, b"and again").await;
    let (_, said) = process.end().await;
    assert!(said.contains("too many are open"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_takes_next_to_no_memory() {
    const CONNECTIONS: usize = 1000;
    super::rig::raise_open_files_limit();
    let app = App::on_unix(echo).await;
    let process = Process::start(&app.endpoint, None).await;
    // The first one makes what all share.
    echoes(&mut within(pass(process.address)).await.unwrap(), &pattern(1 << 20)).await;
    let before_kib = process.memory_kib();
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = within(pass(process.address)).await.unwrap();
        echoes(&mut stream, &pattern(16 << 10)).await;
        open.push(stream);
    }
    let each_bytes = (process.memory_kib() - before_kib) * 1024 / CONNECTIONS as u64;
    assert!(each_bytes < 3072, "{each_bytes} bytes each");
    for stream in &mut open {
        echoes(stream, b"still here").await;
    }
}
