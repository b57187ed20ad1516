//! One person's connection to a login node.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use myksc_core::Identity;
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect, Preferred};

use super::SshConfig;
use super::shell::{self, Arriving};
use crate::transport::{Command, Output, TransportError};

/// How long it may take to get in.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
/// A login node that says nothing for three of these is gone.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A key that a login node shows.
#[derive(Debug, Clone, PartialEq)]
pub struct HostKey(PublicKey);

/// A text that is no public key.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no public key such as \"ssh-ed25519 AAAA…\"")]
pub struct HostKeyError(String);

/// A way in as one person.
pub(super) struct Connection {
    handle: Handle<Pinned>,
}

/// A place on a connection for one command.
pub(super) struct CommandChannel(Channel<Msg>);

/// Goes on only where the login node shows a key that is expected.
struct Pinned {
    expected: Vec<HostKey>,
    /// What it showed instead.
    other: Arc<Mutex<Option<String>>>,
}

impl std::str::FromStr for HostKey {
    type Err = HostKeyError;

    fn from_str(text: &str) -> Result<Self, HostKeyError> {
        PublicKey::from_openssh(text).map(Self).map_err(|_| HostKeyError(text.to_owned()))
    }
}

impl client::Handler for Pinned {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let is_expected = self.expected.iter().any(|HostKey(pinned)| pinned.key_data() == key.key_data());
        if !is_expected {
            let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
            *self.other.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        }
        Ok(is_expected)
    }
}

/// Gets in as a person, with a certificate that is made for this.
pub(super) async fn connect(config: &SshConfig, who: &Identity) -> Result<Connection, TransportError> {
    let place = format!("{}:{}", config.host, config.port);
    match tokio::time::timeout(DEADLINE, get_in(config, who, &place)).await {
        Ok(connected) => connected,
        Err(_) => Err(TransportError::Unreachable(format!(
            "{place} lets nobody in within {} s",
            DEADLINE.as_secs()
        ))),
    }
}

async fn get_in(config: &SshConfig, who: &Identity, place: &str) -> Result<Connection, TransportError> {
    let unreachable =
        |error: &dyn std::fmt::Display| TransportError::Unreachable(format!("{place}: {error}"));
    let other = Arc::default();
    let pinned = Pinned { expected: config.host_keys.clone(), other: Arc::clone(&other) };
    let connected =
        client::connect(settings(&config.host_keys), (config.host.as_str(), config.port), pinned).await;
    if let Some(shown) = other.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(unreachable(&format!("it shows the host key {shown}, which is not the configured one")));
    }
    let mut handle = connected.map_err(|error| unreachable(&error))?;
    let credential =
        config.user_ca.mint(who, config.source_address.as_deref()).map_err(|error| unreachable(&error))?;
    let answer = handle.authenticate_openssh_cert(&who.name, credential.key, credential.certificate).await;
    match answer.map_err(|error| unreachable(&error))? {
        AuthResult::Success => Ok(Connection { handle }),
        AuthResult::Failure { .. } => Err(TransportError::NotLetIn(format!(
            "{place} does not let {} in: it may not know the account, not trust the portal's key, or have another time",
            who.name
        ))),
    }
}

fn settings(host_keys: &[HostKey]) -> Arc<client::Config> {
    // A login node has several keys and shows the one that is asked for.
    let algorithms: Vec<Algorithm> = host_keys.iter().map(|HostKey(key)| key.algorithm()).collect();
    Arc::new(client::Config {
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        preferred: Preferred { key: Cow::Owned(algorithms), ..Preferred::DEFAULT },
        ..client::Config::default()
    })
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    pub(super) async fn channel(&self) -> Result<CommandChannel, TransportError> {
        let opened = self.handle.channel_open_session().await;
        opened.map(CommandChannel).map_err(|error| TransportError::Unreachable(error.to_string()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let end = self.handle.disconnect(Disconnect::ByApplication, "", "");
        // It is a message in a queue; a connection that takes none is gone by itself.
        let _ = futures_util::FutureExt::now_or_never(end);
    }
}

impl CommandChannel {
    /// Runs a command to its end. Nothing here bounds the time; when this is dropped, the channel closes.
    pub(super) async fn run(self, path: &str, command: &Command) -> Result<Output, TransportError> {
        let mark = shell::new_mark().map_err(|error| TransportError::Unreachable(error.to_string()))?;
        let (mut from, to) = self.0.split();
        to.exec(true, shell::REMOTE).await.map_err(lost)?;
        let write = async {
            let input = shell::input(&mark, path, command);
            // A program that does not read all of its input says by its exit code whether that was right.
            let _ = to.data(input.as_slice()).await;
            let _ = to.eof().await;
            std::future::pending::<()>().await;
        };
        let limit = command.output_bytes_max;
        let (mut stdout, mut stderr) = (Arriving::new(&mark, limit), Arriving::new(&mark, limit));
        let read = async {
            let mut ended = None;
            while let Some(message) = from.wait().await {
                match message {
                    ChannelMsg::Data { data } => stdout.push(&data),
                    ChannelMsg::ExtendedData { data, ext: 1 } => stderr.push(&data),
                    ChannelMsg::ExitStatus { exit_status } => {
                        ended = Some(i32::try_from(exit_status).ok());
                    }
                    ChannelMsg::ExitSignal { .. } => ended = Some(None),
                    ChannelMsg::Failure => return None,
                    _ => {}
                }
            }
            ended
        };
        let ended = tokio::select! {
            ended = read => ended,
            () = write => None,
        };
        match ended {
            Some(exit_code) => shell::output(command, exit_code, stdout, stderr),
            None => Err(lost(russh::Error::Disconnect)),
        }
    }
}

fn lost(error: russh::Error) -> TransportError {
    TransportError::Lost(std::io::Error::other(error))
}
