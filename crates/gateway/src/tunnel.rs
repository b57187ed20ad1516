//! A connection after its 101: raw bytes both ways.
//!
//! An idle tunnel holds no buffer. It waits until a socket is readable, reads into a buffer that the whole
//! thread shares, and writes at once; only what the other side does not take yet is kept, until it does.

mod frames;
mod side;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use myksc_core::grant::Frames;

use crate::exchange::{Registration, Signal};
use crate::framing::Watched;
use crate::grants::Held;
use crate::routes::LastUse;
use crate::upstream::AppStream;
use crate::worker::Worker;

use frames::ClientFrames;
use side::{Reader, Side, Writer};

const SCRATCH_BYTES: usize = 64 * 1024;
/// How long the client's switch to raw bytes may take once both sides agreed.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);
/// After one side has ended its half, the other may stay silent this long.
const LINGER: Duration = Duration::from_secs(30);

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// Both halves of a tunnel to be, and what may end it.
pub(crate) struct Opening {
    pub(crate) client: OnUpgrade,
    /// The app's stream, and what was read of it ahead.
    pub(crate) app: (AppStream, Bytes),
    pub(crate) registration: Registration,
    /// Who works when the client sends data; nobody where a page does it by itself.
    pub(crate) worked: Option<Worked>,
}

/// Who works when a client's frames show it.
pub(crate) struct Worked {
    pub(crate) held: Arc<Held>,
    pub(crate) app: Arc<LastUse>,
    pub(crate) frames: Frames,
}

/// Whether this rule looks into frames; it can't if they are compressed.
pub(crate) fn reads_payload(frames: Frames) -> bool {
    matches!(frames, Frames::Rfb | Frames::Ttyd | Frames::Vscode)
}

/// Joins the halves as soon as the client's connection has switched, on a task of its own.
pub(crate) fn open(worker: Rc<Worker>, opening: Opening) {
    let signal = worker.signal();
    tokio::task::spawn_local(async move {
        opening.registration.hand_over(signal.clone());
        // Boxed on its own, so that the buffers of the switch are not part of the tunnel's task.
        let Some(ends) = Box::pin(switch(opening.client, opening.app)).await else { return };
        run(&worker, ends, &signal, opening.worked.as_ref()).await;
        drop(opening.registration);
    });
}

struct Ends {
    client: Side,
    from_client: Bytes,
    app: Side,
    from_app: Bytes,
}

async fn switch(client: OnUpgrade, (app, from_app): (AppStream, Bytes)) -> Option<Ends> {
    let client = match tokio::time::timeout(SWITCH_TIMEOUT, client).await {
        Ok(Ok(client)) => client.downcast::<hyper_util::rt::TokioIo<Watched>>().ok()?,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection did not switch to raw bytes");
            return None;
        }
        Err(_) => return None,
    };
    Some(Ends {
        client: client.io.into_inner().stream.into(),
        from_client: client.read_buf,
        app: app.into(),
        from_app,
    })
}

async fn run(worker: &Worker, ends: Ends, signal: &Signal, worked: Option<&Worked>) {
    let Ends { mut client, from_client, mut app, from_app } = ends;
    let (client_reader, client_writer) = client.split();
    let (app_reader, app_writer) = app.split();
    let mut frames = ClientFrames::new(worked.map_or(Frames::None, |worked| worked.frames));
    let upwards = copy(client_reader, &app_writer, from_client, |bytes| {
        if let Some(worked) = worked
            && frames.show_work(bytes)
        {
            worker.shared.touch(&worked.held, &worked.app);
        }
    });
    let downwards = copy(app_reader, &client_writer, from_app, |_| {});
    tokio::select! {
        () = both_ways(upwards, downwards, &client_writer, &app_writer) => {}
        () = signal.raised() => {}
    }
}

/// Runs until both directions have ended, or one failed, or one ended and the other fell silent.
async fn both_ways(
    upwards: impl Future<Output = io::Result<()>>,
    downwards: impl Future<Output = io::Result<()>>,
    client: &Writer<'_>,
    app: &Writer<'_>,
) {
    tokio::pin!(upwards, downwards);
    let (ended, rest): (_, std::pin::Pin<&mut dyn Future<Output = _>>) = tokio::select! {
        result = &mut upwards => (result.map(|()| app), downwards),
        result = &mut downwards => (result.map(|()| client), upwards),
    };
    let Ok(side) = ended else { return };
    let last = async {
        if side.end_writing().await.is_ok() {
            // A failure ends the tunnel like any end.
            let _ = rest.await;
        }
    };
    // A WebSocket has closed by then; what still comes must come soon.
    let _ = tokio::time::timeout(LINGER, last).await;
}

async fn copy(
    mut from: Reader<'_>,
    to: &Writer<'_>,
    early: Bytes,
    mut seen: impl FnMut(&[u8]),
) -> io::Result<()> {
    if !early.is_empty() {
        seen(&early);
        to.write_all(&early).await?;
    }
    drop(early);
    loop {
        let moved = poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                let count = ready!(from.poll_read(cx, scratch))?;
                Poll::Ready(pass_on(cx, &scratch[..count], to, &mut seen))
            })
        });
        match moved.await? {
            Moved::All => {}
            Moved::End => return Ok(()),
            Moved::Stuck(rest) => to.write_all(&rest).await?,
        }
    }
}

enum Moved {
    /// Everything that was read has been written.
    All,
    /// The other side takes no more for now; this is left, or only what its TLS holds.
    Stuck(Vec<u8>),
    /// Nothing will come any more.
    End,
}

fn pass_on(
    cx: &mut Context<'_>,
    bytes: &[u8],
    to: &Writer<'_>,
    seen: &mut impl FnMut(&[u8]),
) -> io::Result<Moved> {
    if bytes.is_empty() {
        return Ok(Moved::End);
    }
    seen(bytes);
    match to.try_write(cx, bytes) {
        Ok(written) if written == bytes.len() && to.is_flushed(cx)? => Ok(Moved::All),
        Ok(written) => Ok(Moved::Stuck(bytes[written..].to_vec())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::Stuck(bytes.to_vec())),
        Err(error) => Err(error),
    }
}
