//! A guard at work: from the listener through the door to the app.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use myksc_core::grant::Endpoint;
use myksc_core::guard::GuardKey;

use super::door::{Door, Refused};
use super::joint;
use super::tally::Tally;
use crate::accept;

/// Handshakes under way at once. The gateway's are through in one round trip, in which so many strangers would have
/// to come behind it to push it out.
const MOST_HANDSHAKES: usize = 512;
/// Connections open at once: what the gateway opens to one app at most.
const MOST_OPEN: usize = 16 * 1024;
/// For the listener, the runtime, standard error, and sockets on their way out.
const OTHER_DESCRIPTORS: usize = 64;
/// How long connections may go on after the wish to stop.
const GRACE: Duration = Duration::from_secs(5);
/// Until there may be descriptors again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Guards the app behind `listener` until `stop` is ready, and a short grace longer.
///
/// # Errors
/// When accepting fails for good.
pub async fn serve(
    listener: TcpListener,
    key: GuardKey,
    app: Endpoint,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (handshakes, open) = limits();
    let mut house = House {
        door: Door::new(key, handshakes, open),
        app,
        open: JoinSet::new(),
        strangers: Tally::new("connections without the key were closed"),
        full: Tally::new("connections were closed, too many are open"),
        away: Tally::new("connections found no app"),
    };
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            // Who has shown the key comes before who knocks.
            biased;
            () = &mut stop => break,
            () = house.step() => {}
            accepted = accept(&listener) => {
                let (stream, address) = accepted?;
                if let Some(refused) = house.door.knock(stream, address) {
                    house.note(refused);
                }
            }
        }
    }
    drop(listener);
    let rest = async {
        while !house.is_empty() {
            house.step().await;
        }
    };
    let _ = timeout(GRACE, rest).await;
    for tally in [&mut house.strangers, &mut house.full, &mut house.away] {
        tally.tell();
    }
    Ok(())
}

/// Raises the limit of open files as far as it goes; where that fails, fewer connections are let in.
pub(super) fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

struct House {
    door: Door,
    app: Endpoint,
    open: JoinSet<io::Result<()>>,
    strangers: Tally,
    full: Tally,
    away: Tally,
}

impl House {
    /// Does the next thing that is due but accepting.
    async fn step(&mut self) {
        tokio::select! {
            biased;
            passed = self.door.next() => match passed {
                Ok(guest) => {
                    self.open.spawn(joint::join(guest, self.app.clone()));
                }
                Err(refused) => self.note(refused),
            },
            Some(ended) = self.open.join_next() => {
                if let Ok(Err(error)) = ended {
                    self.away.add(error);
                }
            }
            () = self.strangers.due() => self.strangers.tell(),
            () = self.full.due() => self.full.tell(),
            () = self.away.due() => self.away.tell(),
        }
    }

    fn note(&mut self, refused: Refused) {
        match refused {
            Refused::Stranger(address) => self.strangers.add(address),
            Refused::Full => self.full.add("now"),
        }
    }

    fn is_empty(&self) -> bool {
        self.door.is_quiet() && self.open.is_empty()
    }
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, IpAddr)> {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return Ok((stream, address.ip())),
            Err(error) if accept::is_passing(&error) => sleep(ACCEPT_PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

/// How many handshakes and how many open connections, of two descriptors each, the limit of open files allows.
fn limits() -> (usize, usize) {
    let files = getrlimit(Resource::Nofile).current;
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    let handshakes = MOST_HANDSHAKES.min(files / 4);
    let open = files.saturating_sub(handshakes + OTHER_DESCRIPTORS) / 2;
    (handshakes, open.clamp(1, MOST_OPEN))
}
