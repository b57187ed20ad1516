//! The shell of a terminal and the pages that show it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Pid;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::pty::{self, Size};

const PIECE_BYTES: usize = 16 << 10;
/// Pieces that wait for a page.
const QUEUE: usize = 16;
/// A page that takes nothing for so long is let go; it comes back by itself and gets what was said meanwhile.
const STALL: Duration = Duration::from_secs(10);
/// Until a page has said how large it is.
const FIRST_SIZE: Size = Size { columns: 80, rows: 24 };

/// What a page is told.
#[derive(Debug)]
pub(super) enum Event {
    /// What the shell said before.
    Begin(Bytes),
    /// What it says.
    Said(Bytes),
    /// It has ended.
    Ended,
}

/// A terminal, with a shell while there is one.
#[derive(Debug)]
pub(super) struct Terminal {
    command: Vec<OsString>,
    session: Mutex<Option<Session>>,
}

#[derive(Debug)]
struct Session {
    leader: Pid,
    ours: Arc<AsyncFd<OwnedFd>>,
    backlog: Backlog,
    pages: Vec<mpsc::Sender<Event>>,
    over: CancellationToken,
}

impl Terminal {
    /// Without a shell; the first page starts it.
    pub(super) fn of(command: Vec<OsString>) -> Self {
        Self { command, session: Mutex::default() }
    }

    /// The process of the shell, if there is one.
    pub(super) fn leader(&self) -> Option<Pid> {
        self.session().as_ref().map(|session| session.leader)
    }

    /// Notes that a process has ended. If it is the shell, its session is over once its last words are read.
    pub(super) fn reaped(&self, pid: Pid) {
        if let Some(session) = self.session().as_ref().filter(|session| session.leader == pid) {
            session.over.cancel();
        }
    }

    /// A page joins: what it is told from now on, and where it types. Starts a shell where there is none.
    ///
    /// # Errors
    /// When no shell can be started.
    pub(super) fn join(self: &Arc<Self>) -> io::Result<(mpsc::Receiver<Event>, Arc<AsyncFd<OwnedFd>>)> {
        let mut held = self.session();
        let session = match held.take() {
            Some(session) => held.insert(session),
            None => held.insert(self.start()?),
        };
        let (page, events) = mpsc::channel(QUEUE);
        // The queue is empty and so has room.
        let _ = page.try_send(Event::Begin(session.backlog.whole().into()));
        session.pages.push(page);
        Ok((events, Arc::clone(&session.ours)))
    }

    fn start(self: &Arc<Self>) -> io::Result<Session> {
        let (ours, leader) = pty::start(&self.command, FIRST_SIZE)?;
        let ours = Arc::new(ours);
        let over = CancellationToken::new();
        tokio::spawn(Arc::clone(self).listen(Arc::clone(&ours), over.clone()));
        Ok(Session { leader, ours, backlog: Backlog::default(), pages: Vec::new(), over })
    }

    /// Passes on what the shell says, until it has ended.
    async fn listen(self: Arc<Self>, ours: Arc<AsyncFd<OwnedFd>>, over: CancellationToken) {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = tokio::select! {
                // What it said before it ended comes first.
                biased;
                read = read(&ours, &mut piece) => read,
                () = over.cancelled() => break,
            };
            match read {
                Ok(bytes @ 1..) => self.tell(&piece[..bytes]).await,
                // Nothing holds the other side any more (EIO).
                _ => break,
            }
        }
        let Some(session) = self.session().take() else { return };
        if !over.is_cancelled() {
            pty::hang_up(session.leader);
        }
        for page in session.pages {
            let _ = timeout(STALL, page.send(Event::Ended)).await;
        }
    }

    async fn tell(&self, piece: &[u8]) {
        let pages = match self.session().as_mut() {
            Some(session) => {
                session.backlog.push(piece);
                session.pages.retain(|page| !page.is_closed());
                session.pages.clone()
            }
            None => return,
        };
        let said = Bytes::copy_from_slice(piece);
        for page in pages {
            // A page that is behind holds up the shell, which so says no more than can be read.
            if timeout(STALL, page.send(Event::Said(said.clone()))).await.is_err() {
                self.let_go(&page);
            }
        }
    }

    fn let_go(&self, gone: &mpsc::Sender<Event>) {
        if let Some(session) = self.session().as_mut() {
            session.pages.retain(|page| !page.same_channel(gone));
        }
    }

    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(ours: &AsyncFd<OwnedFd>, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut ready = ours.readable().await?;
        match ready.try_io(|ours| Ok(rustix::io::read(ours, &mut *piece)?)) {
            Ok(read) => return read,
            Err(_would_block) => {}
        }
    }
}

/// Types into a terminal; waits while the program there does not read.
///
/// # Errors
/// When the shell is gone.
pub(super) async fn write(ours: &AsyncFd<OwnedFd>, mut typed: &[u8]) -> io::Result<()> {
    while !typed.is_empty() {
        let mut ready = ours.writable().await?;
        if let Ok(written) = ready.try_io(|ours| Ok(rustix::io::write(ours, typed)?)) {
            typed = &typed[written?..];
        }
    }
    Ok(())
}
