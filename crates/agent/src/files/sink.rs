//! Bytes of a request on their way into a file.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use hyper::body::Incoming;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::wire::FileCode;

use super::content::CHUNK_BYTES;
use super::fault::{Fault, Result};
use super::http::next_bytes;
use super::memory;

/// Writes `body` into `file` from `offset` on and answers where it ended, at most at `limit`.
///
/// What arrived before the sender vanished, or before the disk was full, is in the file when this returns.
pub(crate) async fn receive(file: Arc<File>, offset: u64, limit: u64, body: &mut Incoming) -> Result<u64> {
    memory::note_use();
    let mut sink = Sink { file, offset, pending: Vec::new() };
    let received = loop {
        match next_bytes(body).await {
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
            Ok(Some(bytes)) if sink.end() + bytes.len() as u64 > limit => {
                break Err(
                    Fault::new(FileCode::TooLarge, "more bytes came than may").with("limit_bytes", limit)
                );
            }
            Ok(Some(bytes)) => sink.push(&bytes).await?,
        }
    };
    sink.flush().await?;
    received.map(|()| sink.offset)
}

struct Sink {
    file: Arc<File>,
    /// Where `pending` will begin.
    offset: u64,
    pending: Vec<u8>,
}

impl Sink {
    fn end(&self) -> u64 {
        self.offset + self.pending.len() as u64
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.pending.len() + bytes.len() > CHUNK_BYTES {
            self.flush().await?;
        }
        self.pending.reserve_exact(CHUNK_BYTES.saturating_sub(self.pending.len()));
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (file, offset, bytes) = (Arc::clone(&self.file), self.offset, std::mem::take(&mut self.pending));
        let written = run_blocking(move || {
            file.write_all_at(&bytes, offset)?;
            crash::point(CrashPoint::UploadChunkWritten);
            Ok(bytes)
        });
        self.pending = written.await?;
        self.offset += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

/// Runs file system calls where they may take long.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(Fault::new(FileCode::FileSystemFailed, "the work ended without an answer")))
}
