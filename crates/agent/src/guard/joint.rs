//! A guest's connection joined with one to the app: raw bytes both ways, and both ends as they come.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_util::either::Either;

use myksc_core::grant::Endpoint;

use super::direction::Direction;
use super::door::Guest;

/// How long the app may take to accept.
const APP_DEADLINE: Duration = Duration::from_secs(5);
/// Between two tries at a Unix socket whose queue is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(10);
/// After one side has ended its half, the other may stay silent this long. The gateway's own patience is shorter.
const LINGER: Duration = Duration::from_secs(60);
/// Without keep-alive, connections of a gateway whose machine is gone would stay for ever.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);

type App = Either<UnixStream, TcpStream>;

/// Connects to the app and passes on bytes until both sides have ended.
///
/// # Errors
/// When the app can't be reached. What ends a connection later is none: whoever talked will know.
pub(super) async fn join(guest: Guest, app: Endpoint) -> io::Result<()> {
    // Boxed on its own, so that it is not part of the connection's task.
    let app = Box::pin(reach(app)).await?;
    let Guest { stream, place } = guest;
    keep_alive(&stream)?;
    let (up, down) = (Direction::upwards(), Direction::downwards());
    let mut joint = Joint { gateway: stream, app, up, down, up_first: false };
    if joint.run().await.is_err() {
        // What broke off must not look like an end.
        let _ = sockopt::set_socket_linger(&joint.gateway, Some(Duration::ZERO));
    }
    drop(joint);
    drop(place);
    Ok(())
}

async fn reach(app: Endpoint) -> io::Result<App> {
    let reached = timeout(APP_DEADLINE, async {
        match app {
            Endpoint::Unix(path) => loop {
                match UnixStream::connect(&path).await {
                    // A full queue of a Unix socket refuses at once where TCP would wait.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(QUEUE_PAUSE).await,
                    connected => return connected.map(App::Left),
                }
            },
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Where nobody listens on a port of the ephemeral range, TCP may connect to itself.
                if stream.local_addr()? == address {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                stream.set_nodelay(true)?;
                Ok(App::Right(stream))
            }
        }
    });
    reached.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_EVERY)?;
    Ok(())
}

struct Joint {
    gateway: TcpStream,
    app: App,
    up: Direction,
    down: Direction,
    up_first: bool,
}

impl Joint {
    /// Runs until both directions have ended, or one failed, or one ended and the other fell silent.
    async fn run(&mut self) -> io::Result<()> {
        let first = poll_fn(|cx| match self.poll(cx)? {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            _ => Poll::Ready(Ok::<_, io::Error>(())),
        });
        first.await?;
        // Boxed, so that only a connection that ends has room for a timer.
        Box::pin(self.run_out()).await
    }

    async fn run_out(&mut self) -> io::Result<()> {
        loop {
            let before = self.moved();
            let both = poll_fn(|cx| match self.poll(cx)? {
                (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
                _ => Poll::Pending,
            });
            match timeout(LINGER, both).await {
                Ok(ended) => return ended,
                Err(_) if self.moved() == before => return Ok(()),
                Err(_) => {}
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<(Poll<()>, Poll<()>)> {
        let Self { gateway, app, up, down, up_first } = self;
        // In turns: a busy direction may use up all of the task's time.
        *up_first = !*up_first;
        Ok(if *up_first {
            let up = up.poll(cx, gateway, app)?;
            (up, down.poll(cx, app, gateway)?)
        } else {
            let down = down.poll(cx, app, gateway)?;
            (up.poll(cx, gateway, app)?, down)
        })
    }

    fn moved(&self) -> u64 {
        self.up.moved_bytes.wrapping_add(self.down.moved_bytes)
    }
}
