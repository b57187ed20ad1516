//! Against an sshd of our own that does wrong what a real one does right; the testbed has the real one.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use myksc_core::UserId;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Certificate, HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;

const MIN_UID: u32 = 1000;

/// How the login node behaves.
#[derive(Default)]
struct Behaviour {
    lets_nobody_in: AtomicBool,
    /// Cuts the connection as soon as input comes for a command after the first.
    cuts: AtomicBool,
    /// Takes what is asked and says nothing more.
    hangs: AtomicBool,
    connections: AtomicUsize,
    attempts: AtomicUsize,
    commands: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

struct LoginNode {
    address: SocketAddr,
    host_key: HostKey,
    ca: PrivateKey,
    behaviour: Arc<Behaviour>,
    /// Holds id(1) as the account over there says it.
    programs: tempfile::TempDir,
}

struct Visitor {
    ca: PrivateKey,
    behaviour: Arc<Behaviour>,
    inputs: HashMap<ChannelId, (Vec<u8>, Vec<u8>)>,
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn host_key(key: &PrivateKey) -> HostKey {
    key.public_key().to_openssh().unwrap().parse().unwrap()
}

fn person(name: &str, uid: u32) -> Identity {
    let (home, shell) = ("/".into(), "/bin/sh".into());
    Identity { user: UserId::random(), name: name.to_owned(), uid, gid: uid, gids: vec![uid], home, shell }
}

fn kim() -> Identity {
    person("kim", 20001)
}

fn command(script: &str) -> Command {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let stdin = b"typed".to_vec();
    Command { argv, work_dir: None, stdin, deadline: Duration::from_secs(20), output_bytes_max: 1000 }
}

impl LoginNode {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behaviour = Arc::<Behaviour>::default();
        let (ca, own) = (key(1), key(2));
        let config = Arc::new(russh::server::Config {
            keys: vec![own.clone()],
            auth_rejection_time: Duration::ZERO,
            ..Default::default()
        });
        let address = listener.local_addr().unwrap();
        let host_key = host_key(&own);
        let (visited, trusted) = (Arc::clone(&behaviour), ca.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                visited.connections.fetch_add(1, Ordering::SeqCst);
                let (behaviour, inputs) = (Arc::clone(&visited), HashMap::new());
                let visitor = Visitor { ca: trusted.clone(), behaviour, inputs };
                let session = russh::server::run_stream(Arc::clone(&config), stream, visitor);
                tokio::spawn(async move {
                    if let Ok(session) = session.await {
                        let _ = session.await;
                    }
                });
            }
        });
        let node = Self { address, host_key, ca, behaviour, programs: tempfile::tempdir().unwrap() };
        node.says("20001", "20001", "20001");
        node
    }

    /// What id(1) says there.
    fn says(&self, uid: &str, gid: &str, gids: &str) {
        let path = self.programs.path().join("id");
        std::fs::write(
            &path,
            format!("#!/bin/sh\ncase $1 in -u) echo {uid};; -g) echo {gid};; -G) echo {gids};; esac\n"),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn config(&self) -> SshConfig {
        SshConfig {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            host_keys: vec![self.host_key.clone()],
            user_ca: UserCa::of(self.ca.clone()),
            source_address: Some("127.0.0.1/32".to_owned()),
            same_identity: SameIdentity::Everything,
            min_uid: MIN_UID,
            path: format!("{}:/usr/bin:/bin", self.programs.path().display()),
        }
    }

    fn ssh(&self) -> Ssh {
        Ssh::new(self.config())
    }

    fn count(&self, of: impl Fn(&Behaviour) -> &AtomicUsize) -> usize {
        of(&self.behaviour).load(Ordering::SeqCst)
    }
}

impl Visitor {
    fn is_good(&self, user: &str, certificate: &Certificate) -> bool {
        let ca = self.ca.public_key().fingerprint(HashAlg::Sha256);
        let lives_secs = certificate.valid_before() - certificate.valid_after();
        certificate.validate([&ca]).is_ok()
            && certificate.cert_type() == CertType::User
            && certificate.valid_principals() == [user]
            && lives_secs <= 300
            && certificate.extensions().is_empty()
            && certificate.critical_options().get("source-address").map(String::as_str)
                == Some("127.0.0.1/32")
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, russh::Error> {
        self.behaviour.attempts.fetch_add(1, Ordering::SeqCst);
        let refuses = self.behaviour.lets_nobody_in.load(Ordering::SeqCst);
        Ok(if !refuses && self.is_good(user, certificate) { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.inputs.insert(channel, (command.to_vec(), Vec::new()));
        session.channel_success(channel)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _: &mut Session) -> Result<(), russh::Error> {
        let is_first = self.behaviour.commands.load(Ordering::SeqCst) == 0;
        if self.behaviour.cuts.load(Ordering::SeqCst) && !is_first {
            return Err(russh::Error::Disconnect);
        }
        self.inputs.get_mut(&channel).unwrap().1.extend_from_slice(data);
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        let behaviour = Arc::clone(&self.behaviour);
        let is_first = behaviour.commands.fetch_add(1, Ordering::SeqCst) == 0;
        if behaviour.hangs.load(Ordering::SeqCst) && !is_first {
            return Ok(());
        }
        let (command, input) = self.inputs.remove(&channel).unwrap();
        let handle = session.handle();
        tokio::spawn(async move {
            let running = behaviour.running.fetch_add(1, Ordering::SeqCst) + 1;
            behaviour.most_running.fetch_max(running, Ordering::SeqCst);
            let done = login_shell(&command, &input).await;
            behaviour.running.fetch_sub(1, Ordering::SeqCst);
            let _ = handle.data(channel, b"Welcome to the cluster!\n".to_vec()).await;
            let _ = handle.data(channel, done.stdout).await;
            let _ = handle.extended_data(channel, 1, done.stderr).await;
            let code = done.status.code().unwrap_or(255).try_into().unwrap();
            let _ = handle.exit_status_request(channel, code).await;
            let _ = handle.close(channel).await;
        });
        Ok(())
    }
}

async fn login_shell(command: &[u8], input: &[u8]) -> std::process::Output {
    let mut child = tokio::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(std::str::from_utf8(command).unwrap())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).await.unwrap();
    child.wait_with_output().await.unwrap()
}

fn words(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.exit_code)
}

#[tokio::test]
async fn commands_go_over_one_connection_and_few_channels_and_come_back_clean() {
    let node = LoginNode::start().await;
    let ssh = node.ssh();
    let kim = kim();
    let run = || async {
        let output = ssh.run(&kim, &command("cat; echo oh >&2; sleep 0.1; exit 3")).await.unwrap();
        assert_eq!(words(&output), ("typed".to_owned(), "oh\n".to_owned(), Some(3)));
    };
    futures_util::future::join_all((0..10).map(|_| run())).await;
    assert_eq!(node.count(|node| &node.connections), 1);
    assert!(node.count(|node| &node.most_running) <= CHANNELS_MAX);
    // The first one asks who she is.
    assert_eq!(node.count(|node| &node.commands), 11);
}

#[tokio::test]
async fn a_login_node_with_another_key_hears_nothing_of_anybody() {
    let node = LoginNode::start().await;
    let ssh = Ssh::new(SshConfig { host_keys: vec![host_key(&key(3))], ..node.config() });
    let refused = ssh.run(&kim(), &command("true")).await.unwrap_err();
    let shown = key(2).public_key().fingerprint(HashAlg::Sha256).to_string();
    assert!(matches!(&refused, TransportError::Unreachable(why) if why.contains(&shown)), "{refused:?}");
    assert_eq!(node.count(|node| &node.attempts), 0);
}

#[tokio::test]
async fn who_is_not_let_in_is_not_tried_again_at_once() {
    let node = LoginNode::start().await;
    node.behaviour.lets_nobody_in.store(true, Ordering::SeqCst);
    let ssh = node.ssh();
    for _ in 0..3 {
        let refused = ssh.run(&kim(), &command("true")).await.unwrap_err();
        assert!(
            matches!(&refused, TransportError::NotLetIn(why) if why.contains("does not let kim in")),
            "{refused:?}"
        );
    }
    assert_eq!(node.count(|node| &node.attempts), 1);
    node.behaviour.lets_nobody_in.store(false, Ordering::SeqCst);
    node.says("20002", "20002", "20002");
    ssh.run(&person("lee", 20002), &command("true")).await.unwrap();
}

#[tokio::test]
async fn another_ones_authority_signs_for_nobody() {
    let node = LoginNode::start().await;
    let ssh = Ssh::new(SshConfig { user_ca: UserCa::of(key(9)), ..node.config() });
    let refused = ssh.run(&kim(), &command("true")).await.unwrap_err();
    assert!(matches!(refused, TransportError::NotLetIn(_)), "{refused:?}");
}

#[tokio::test]
async fn an_account_that_is_another_ones_over_there_runs_nothing() {
    let node = LoginNode::start().await;
    for (uid, gid, gids) in [("20002", "20001", "20001"), ("20001", "20001", "20001 30001"), ("0", "0", "0")]
    {
        node.says(uid, gid, gids);
        let refused = node.ssh().run(&kim(), &command("true")).await.unwrap_err();
        assert!(matches!(refused, TransportError::NotLetIn(_)), "{refused:?}");
    }
    assert_eq!(node.count(|node| &node.commands), 3);
    node.says("20001", "20001", "20001 30001");
    let declared = Ssh::new(SshConfig { same_identity: SameIdentity::UidAndGid, ..node.config() });
    declared.run(&kim(), &command("true")).await.unwrap();
}

#[tokio::test]
async fn root_and_system_accounts_do_not_even_connect() {
    let node = LoginNode::start().await;
    for stranger in [person("root", 0), person("daemon", 1), person("kim", MIN_UID - 1), person("a b", 20001)]
    {
        let refused = node.ssh().run(&stranger, &command("true")).await.unwrap_err();
        assert!(matches!(refused, TransportError::NotLetIn(_)), "{refused:?}");
    }
    for argv in [vec![], vec![String::new()], vec!["true".to_owned(), "a\0b".to_owned()]] {
        let refused = node.ssh().run(&kim(), &Command { argv, ..command("") }).await.unwrap_err();
        assert!(matches!(refused, TransportError::NoCommand), "{refused:?}");
    }
    assert_eq!(node.count(|node| &node.connections), 0);
}

#[tokio::test]
async fn a_cut_within_a_command_is_told_and_the_next_one_connects_anew() {
    let node = LoginNode::start().await;
    let ssh = node.ssh();
    node.behaviour.cuts.store(true, Ordering::SeqCst);
    let lost = ssh.run(&kim(), &command("true")).await.unwrap_err();
    assert!(matches!(lost, TransportError::Lost(_)), "{lost:?}");
    node.behaviour.cuts.store(false, Ordering::SeqCst);
    ssh.run(&kim(), &command("true")).await.unwrap();
    assert_eq!(node.count(|node| &node.connections), 2);
}

#[tokio::test]
async fn a_login_node_that_hangs_or_is_away_takes_no_longer_than_the_deadline() {
    let node = LoginNode::start().await;
    let ssh = node.ssh();
    node.behaviour.hangs.store(true, Ordering::SeqCst);
    let short = Command { deadline: Duration::from_secs(2), ..command("true") };
    let slow = ssh.run(&kim(), &short).await.unwrap_err();
    assert!(matches!(slow, TransportError::TooSlow { .. }), "{slow:?}");
    node.behaviour.hangs.store(false, Ordering::SeqCst);
    ssh.run(&kim(), &command("true")).await.unwrap();

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = Ssh::new(SshConfig { port: free.port(), ..node.config() });
    let away = nowhere.run(&kim(), &command("true")).await.unwrap_err();
    assert!(matches!(away, TransportError::Unreachable(_)), "{away:?}");
}

#[test]
fn a_connection_that_nobody_uses_is_closed_and_forgotten() {
    let person = Arc::new(Person::new());
    let node_config = SshConfig {
        host: "127.0.0.1".to_owned(),
        port: 1,
        host_keys: Vec::new(),
        user_ca: UserCa::of(key(1)),
        source_address: None,
        same_identity: SameIdentity::Everything,
        min_uid: MIN_UID,
        path: "/bin".to_owned(),
    };
    let people = Mutex::new(HashMap::from([(20001, Arc::clone(&person))]));
    let inner = Inner { config: node_config, people, connections: Arc::new(Semaphore::new(1)) };
    let later = Instant::now() + IDLE * 2;
    inner.sweep(later);
    assert_eq!(inner.people.lock().unwrap().len(), 1, "somebody is at it");
    drop(person);
    inner.sweep(later);
    assert!(inner.people.lock().unwrap().is_empty());
}
