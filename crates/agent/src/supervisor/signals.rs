//! Waiting for several things at once: an ended child, a poke, SIGTERM, a moment.

use std::fs::File;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;

/// SIGCHLD and SIGTERM as bytes in a pipe.
pub(super) struct Signals {
    caught: PipeReader,
    end_asked: Arc<AtomicBool>,
}

impl Signals {
    /// Catches from now on, for the rest of this process's life.
    pub(super) fn catch() -> io::Result<Self> {
        let (caught, writer) = io::pipe()?;
        rustix::io::ioctl_fionbio(&caught, true)?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        let end_asked = Arc::new(AtomicBool::new(false));
        let writer = Arc::new(writer);
        for signal in [Signal::CHILD, Signal::TERM] {
            let writer = Arc::clone(&writer);
            let end_asked = Arc::clone(&end_asked);
            let action = move || {
                if signal == Signal::TERM {
                    end_asked.store(true, Ordering::SeqCst);
                }
                // A full pipe wakes the reader anyway.
                let _ = rustix::io::write(&*writer, b"!");
            };
            // SAFETY: the action does what signal-safety(7) allows in a handler: a store to an atomic and
            // write(2) to a pipe that doesn't block. It neither allocates nor locks nor panics.
            #[expect(unsafe_code, reason = "a signal handler")]
            unsafe {
                signal_hook_registry::register(signal.as_raw(), action)?;
            }
        }
        Ok(Self { caught, end_asked })
    }

    /// Whether this process got SIGTERM.
    pub(super) fn is_end_asked(&self) -> bool {
        self.end_asked.load(Ordering::SeqCst)
    }

    /// Returns when a signal came, `wake` was poked, `other` is readable or `until` is reached; now and then without
    /// a reason. What `other` holds is left there.
    pub(super) fn wait(&self, wake: &File, other: Option<BorrowedFd<'_>>, until: Option<Instant>) {
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX).min(86_400),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let sources = [Some(self.caught.as_fd()), Some(wake.as_fd()), other];
        let mut sources: Vec<_> =
            sources.into_iter().flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        // An interrupted wait is a signal that came; the caller looks at everything after each return.
        let _ = rustix::event::poll(&mut sources, timeout.as_ref());
        drain(self.caught.as_fd());
        drain(wake.as_fd());
    }
}

fn drain(source: BorrowedFd<'_>) {
    let mut bytes = [0; 64];
    while rustix::io::read(source, &mut bytes).is_ok_and(|read| read == bytes.len()) {}
}
