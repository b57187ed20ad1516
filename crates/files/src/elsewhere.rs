//! Agents that run on another machine, behind guards.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use myksc_core::guard::{self, GuardKey};
use myksc_core::{Error, Identity};

use crate::error::FilesError;

/// An agent that is started for the first time may have to wait for its image.
const START_DEADLINE: Duration = Duration::from_secs(25);
/// One connection and the guard's handshake.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where a person's agent is; who is asked sees to it that there is one. The second is true where it is not to be found
/// at the place that was said before.
type Look = dyn Fn(Identity, bool) -> BoxFuture<'static, Result<(SocketAddr, GuardKey), Error>> + Send + Sync;

/// Finds the agents of everybody.
#[derive(Clone)]
pub struct Elsewhere(Arc<Look>);

impl Elsewhere {
    /// Agents that are found, or brought on their way, by `look`.
    pub fn new(
        look: impl Fn(Identity, bool) -> BoxFuture<'static, Result<(SocketAddr, GuardKey), Error>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(look))
    }

    /// A connection to the agent of `identity`, once it is up.
    pub(crate) async fn connect(&self, identity: &Identity) -> Result<TcpStream, FilesError> {
        let give_up_at = Instant::now() + START_DEADLINE;
        if let Ok(stream) = attempt(&self.look(identity, false).await?).await {
            return Ok(stream);
        }
        let place = self.look(identity, true).await?;
        loop {
            match attempt(&place).await {
                Ok(stream) => return Ok(stream),
                Err(error) if Instant::now() >= give_up_at => return Err(FilesError::NotStarted(error)),
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn look(&self, identity: &Identity, is_lost: bool) -> Result<(SocketAddr, GuardKey), FilesError> {
        let found = (self.0)(identity.clone(), is_lost).await;
        found.map_err(|error| FilesError::NotStarted(error.to_string()))
    }
}

/// One try to reach an agent.
async fn attempt((address, key): &(SocketAddr, GuardKey)) -> Result<TcpStream, String> {
    match timeout(CONNECT_DEADLINE, pass(*address, key)).await {
        Ok(passed) => passed.map_err(|error| error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

async fn pass(address: SocketAddr, key: &GuardKey) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    guard::pass(&mut stream, key).await?;
    Ok(stream)
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elsewhere")
    }
}
