//! A connection after its 101: raw bytes both ways.
//!
//! An idle tunnel holds no buffer. It waits until a socket is readable, reads into a buffer that the whole
//! thread shares, and writes at once; only what the other side does not take yet is kept, until it does.

mod frames;
mod side;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;

use crate::exchange::{Registration, Signal};
use crate::framing::Watched;
use crate::grants::Held;
use crate::upstream::AppStream;
use crate::worker::Worker;

use frames::ClientFrames;
use side::Side;

const SCRATCH_BYTES: usize = 64 * 1024;
/// How long the switch to raw bytes may take once both sides agreed.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);
/// After one side has ended its half, the other may stay silent this long.
const LINGER: Duration = Duration::from_secs(30);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// Both halves of a tunnel to be, and what may end it.
pub(crate) struct Opening {
    pub(crate) client: OnUpgrade,
    pub(crate) app: OnUpgrade,
    pub(crate) registration: Registration,
    pub(crate) held: std::sync::Arc<Held>,
}

/// Joins the halves as soon as both connections have switched, on a task of its own.
pub(crate) fn open(worker: Rc<Worker>, opening: Opening) {
    let signal = worker.signal();
    tokio::task::spawn_local(async move {
        opening.registration.hand_over(signal.clone());
        // Boxed on its own, so that the buffers of the switch are not part of the tunnel's task.
        let Some(ends) = Box::pin(switch(opening.client, opening.app)).await else { return };
        run(&worker, ends, &signal, &opening.held).await;
        drop(opening.registration);
    });
}

struct Ends {
    client: Side,
    from_client: Bytes,
    app: Side,
    from_app: Bytes,
}

async fn switch(client: OnUpgrade, app: OnUpgrade) -> Option<Ends> {
    let both = async { tokio::try_join!(client, app) };
    let (client, app) = match tokio::time::timeout(SWITCH_TIMEOUT, both).await {
        Ok(Ok(ends)) => ends,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection did not switch to raw bytes");
            return None;
        }
        Err(_) => return None,
    };
    let client = client.downcast::<hyper_util::rt::TokioIo<Watched>>().ok()?;
    let app = app.downcast::<hyper_util::rt::TokioIo<AppStream>>().ok()?;
    Some(Ends {
        client: Side::Tcp(client.io.into_inner().stream),
        from_client: client.read_buf,
        app: match app.io.into_inner() {
            AppStream::Unix(stream) => Side::Unix(stream),
            AppStream::Tcp(stream) => Side::Tcp(stream),
        },
        from_app: app.read_buf,
    })
}

async fn run(worker: &Worker, ends: Ends, signal: &Signal, held: &Held) {
    let Ends { client, from_client, app, from_app } = ends;
    let mut frames = ClientFrames::default();
    let upwards = copy(&client, &app, from_client, |bytes| {
        if frames.carry_data(bytes) {
            worker.shared.touch(held);
        }
    });
    let downwards = copy(&app, &client, from_app, |_| {});
    tokio::select! {
        () = both_ways(upwards, downwards, &client, &app) => {}
        () = signal.raised() => {}
    }
}

/// Runs until both directions have ended, or one failed, or one ended and the other fell silent.
async fn both_ways(
    upwards: impl Future<Output = std::io::Result<()>>,
    downwards: impl Future<Output = std::io::Result<()>>,
    client: &Side,
    app: &Side,
) {
    tokio::pin!(upwards, downwards);
    let (ended, rest): (_, std::pin::Pin<&mut dyn Future<Output = _>>) = tokio::select! {
        result = &mut upwards => (result.map(|()| app), downwards),
        result = &mut downwards => (result.map(|()| client), upwards),
    };
    if ended.is_ok_and(|side| side.end_writing().is_ok()) {
        // A WebSocket has closed by then; what still comes must come soon.
        let _ = tokio::time::timeout(LINGER, rest).await;
    }
}

async fn copy(from: &Side, to: &Side, early: Bytes, mut seen: impl FnMut(&[u8])) -> std::io::Result<()> {
    if !early.is_empty() {
        seen(&early);
        to.write_all(&early).await?;
    }
    drop(early);
    loop {
        from.readable().await?;
        let moved = SCRATCH.with_borrow_mut(|scratch| move_some(from, to, scratch, &mut seen));
        match moved {
            Ok(Moved::All) => {}
            Ok(Moved::End) => return Ok(()),
            Ok(Moved::Stuck(rest)) => to.write_all(&rest).await?,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

enum Moved {
    /// Everything that was read has been written.
    All,
    /// The other side takes no more for now; this is left.
    Stuck(Vec<u8>),
    /// Nothing will come any more.
    End,
}

fn move_some(
    from: &Side,
    to: &Side,
    scratch: &mut [u8],
    seen: &mut impl FnMut(&[u8]),
) -> std::io::Result<Moved> {
    let count = from.try_read(scratch)?;
    if count == 0 {
        return Ok(Moved::End);
    }
    let bytes = &scratch[..count];
    seen(bytes);
    match to.try_write(bytes) {
        Ok(written) if written == count => Ok(Moved::All),
        Ok(written) => Ok(Moved::Stuck(bytes[written..].to_vec())),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(Moved::Stuck(bytes.to_vec())),
        Err(error) => Err(error),
    }
}
