//! Handshakes under way. Strangers can begin as many as they like, so a new one takes the place of the oldest.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use myksc_core::guard::{ANSWER_BYTES, Challenge, GuardKey, random_nonce};

/// The gateway needs one round trip.
const DEADLINE: Duration = Duration::from_secs(5);

/// Everybody who is at the door.
pub(super) struct Door {
    key: GuardKey,
    most: usize,
    /// Connections that may be open behind the door at once.
    room: Arc<Semaphore>,
    handshakes: JoinSet<(u64, Result<Guest, Refused>)>,
    /// Those under way by their number, so the oldest comes first.
    waiting: BTreeMap<u64, (IpAddr, AbortHandle)>,
    next: u64,
}

/// A connection whose other side holds the key, and its place among those that are open.
pub(super) struct Guest {
    pub(super) stream: TcpStream,
    pub(super) place: OwnedSemaphorePermit,
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It did not show in time that it holds the key.
    Stranger(IpAddr),
    /// It did, but too many are in already.
    Full,
}

impl Door {
    /// A door where `most` handshakes at once are under way, and `room` connections at once are let in.
    pub(super) fn new(key: GuardKey, most: usize, room: usize) -> Self {
        Self {
            key,
            most,
            room: Arc::new(Semaphore::new(room)),
            handshakes: JoinSet::new(),
            waiting: BTreeMap::new(),
            next: 0,
        }
    }

    /// Begins a handshake. Says whose was given up for it: the oldest is the least likely to be the gateway's, which
    /// takes milliseconds.
    pub(super) fn knock(&mut self, stream: TcpStream, address: IpAddr) -> Option<Refused> {
        let oldest = (self.waiting.len() >= self.most).then(|| self.waiting.pop_first()).flatten();
        let (number, key, room) = (self.next, self.key.clone(), self.room.clone());
        self.next += 1;
        let handle = self.handshakes.spawn(async move {
            let result = match timeout(DEADLINE, shake(stream, &key, room)).await {
                Ok(Ok(Some(guest))) => Ok(guest),
                Ok(Ok(None)) => Err(Refused::Full),
                Ok(Err(_)) | Err(_) => Err(Refused::Stranger(address)),
            };
            (number, result)
        });
        self.waiting.insert(number, (address, handle));
        oldest.map(|(_, (address, handshake))| {
            handshake.abort();
            Refused::Stranger(address)
        })
    }

    /// The next handshake that ends; waits for ever if there is none.
    pub(super) async fn next(&mut self) -> Result<Guest, Refused> {
        loop {
            match self.handshakes.join_next().await {
                Some(Ok((number, result))) => {
                    self.waiting.remove(&number);
                    return result;
                }
                // One that was given up.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Whether no handshake is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// The guest, or `None` if there is no room for it.
async fn shake(mut stream: TcpStream, key: &GuardKey, room: Arc<Semaphore>) -> io::Result<Option<Guest>> {
    stream.set_nodelay(true)?;
    let challenge = Challenge::new(random_nonce());
    stream.write_all(&challenge.hello()).await?;
    let mut answer = [0; ANSWER_BYTES];
    stream.read_exact(&mut answer).await?;
    let proof = challenge.admit(key, &answer).map_err(io::Error::other)?;
    // Before the proof: without it the gateway sends no request, so nothing is lost that can't be sent again.
    let Ok(place) = room.try_acquire_owned() else { return Ok(None) };
    stream.write_all(&proof).await?;
    Ok(Some(Guest { stream, place }))
}
