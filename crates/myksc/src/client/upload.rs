//! Uploads by tus 1.0.0 (<https://tus.io/protocols/resumable-upload>), resumed across cuts and across runs.
//!
//! What is needed to go on is kept in the user's cache folder; it holds only while the file here is the same.

use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use myksc_core::secret::SecretHash;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncSeekExt as _;
use tokio_util::io::ReaderStream;

use super::http::{Body, Client, accept, empty};
use super::output::{Output, plain};
use super::{ClientError, Result, size};

const DEADLINE: Duration = Duration::from_secs(60);
/// How often it goes on without a byte having got through.
const TRIES: u32 = 10;
const PIECE_BYTES: usize = 256 * 1024;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// One file on its way.
pub(crate) struct Upload {
    pub(crate) client: Client,
    pub(crate) from: PathBuf,
    pub(crate) to: String,
    pub(crate) overwrite: bool,
}

/// An upload that was begun, as the cache folder keeps it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    server: String,
    path: String,
    file: PathBuf,
    size_bytes: u64,
    modified_ns: i128,
    inode: u64,
    location: String,
}

impl Upload {
    /// Sends the file; what was sent before is not sent again.
    pub(crate) async fn run(&self, out: &Output) -> Result<()> {
        let mut begun = self.describe()?;
        let note = note_path(&begun);
        let offset = self.resume(&mut begun, note.as_deref()).await?;
        let offset = match offset {
            Some(offset) => offset,
            None => {
                begun.location = self.create(begun.size_bytes).await?;
                if let Some(note) = &note {
                    keep(note, &begun);
                }
                0
            }
        };
        let sent = self.send_rest(&begun, offset, out).await;
        // A refusal is final; a cut is not, and the next run goes on.
        if let (Some(note), false) = (&note, matches!(sent, Err(ClientError::Unreachable(_)))) {
            let _ = std::fs::remove_file(note);
        }
        sent?;
        out.value(&json!({ "path": self.to, "size_bytes": begun.size_bytes }), |_| plain(&self.to))
    }

    fn describe(&self) -> Result<Begun> {
        let found = std::fs::metadata(&self.from).map_err(|error| self.fault(error))?;
        if !found.is_file() {
            return Err(ClientError::Usage(format!("{} is not a file", self.from.display())));
        }
        Ok(Begun {
            server: self.client.address().origin(),
            path: self.to.clone(),
            file: std::path::absolute(&self.from).map_err(|error| self.fault(error))?,
            size_bytes: found.len(),
            modified_ns: i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec()),
            inode: found.ino(),
            location: String::new(),
        })
    }

    /// How far an upload of this very file got; `None` when there is none to go on with.
    async fn resume(&self, begun: &mut Begun, note: Option<&Path>) -> Result<Option<u64>> {
        let kept = note.and_then(|note| std::fs::read(note).ok());
        let Some(kept) = kept.and_then(|bytes| serde_json::from_slice::<Begun>(&bytes).ok()) else {
            return Ok(None);
        };
        begun.location.clone_from(&kept.location);
        if kept != *begun {
            return Ok(None);
        }
        match self.offset(&begun.location).await {
            Ok(offset) => Ok(Some(offset)),
            Err(ClientError::Refused(problem)) if matches!(problem.status, 404 | 410) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, size_bytes: u64) -> Result<String> {
        let overwrite = if self.overwrite { "true" } else { "false" };
        let metadata = format!("path {},overwrite {}", STANDARD.encode(&self.to), STANDARD.encode(overwrite));
        let request = tus(Method::POST, "/api/v1/files/uploads")
            .header("upload-length", size_bytes)
            .header("upload-metadata", metadata)
            .body(empty());
        let response = accept(self.client.exchange(built(request)?, Some(DEADLINE)).await?).await?;
        let location =
            response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Only a path of the same portal is followed.
        let path = location.strip_prefix(&self.client.address().origin()).unwrap_or(location);
        if !path.starts_with("/api/v1/files/uploads/") {
            return Err(ClientError::Protocol("an upload without a place".to_owned()));
        }
        Ok(path.to_owned())
    }

    async fn offset(&self, location: &str) -> Result<u64> {
        let request = built(tus(Method::HEAD, location).body(empty()))?;
        let response = self.client.exchange(request, Some(DEADLINE)).await?;
        let status = response.status();
        if !status.is_success() {
            // An answer to HEAD has no body that says more.
            let detail = "the upload is not known any more";
            let problem = json!({ "status": status.as_u16(), "code": "not_found", "detail": detail });
            let problem =
                serde_json::from_value(problem).map_err(|e| ClientError::Protocol(e.to_string()))?;
            return Err(ClientError::Refused(problem));
        }
        upload_offset(response.headers())
    }

    async fn send_rest(&self, begun: &Begun, mut offset: u64, out: &Output) -> Result<()> {
        let mut tries = 0;
        while offset < begun.size_bytes {
            let cut = match self.send_from(begun, offset, out).await {
                Ok(reached) => {
                    tries = if reached > offset { 0 } else { tries + 1 };
                    offset = reached;
                    continue;
                }
                Err(ClientError::Unreachable(cut)) => cut,
                Err(ClientError::Refused(problem))
                    if matches!(problem.code.as_str(), "offset_mismatch" | "upload_busy") =>
                {
                    problem.to_string()
                }
                Err(error) => return Err(error),
            };
            tries += 1;
            if tries > TRIES {
                return Err(ClientError::Unreachable(format!("{cut}; run the same command again to go on")));
            }
            tokio::time::sleep(Duration::from_millis(200 * u64::from(tries))).await;
            // Should this fail too, the same offset is tried again and corrected then.
            if let Ok(reached) = self.offset(&begun.location).await {
                tries = if reached > offset { 0 } else { tries };
                offset = reached;
            }
        }
        out.progress(&format!("{}  {}", size::show_bytes(offset), self.to), true);
        Ok(())
    }

    /// Sends all that is left in one request and gives the offset that the portal confirms.
    async fn send_from(&self, begun: &Begun, offset: u64, out: &Output) -> Result<u64> {
        let mut file = tokio::fs::File::open(&self.from).await.map_err(|error| self.fault(error))?;
        file.seek(SeekFrom::Start(offset)).await.map_err(|error| self.fault(error))?;
        let left = begun.size_bytes - offset;
        let sent = Arc::new(AtomicU64::new(offset));
        let request = tus(Method::PATCH, &begun.location)
            .header("upload-offset", offset)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header(CONTENT_LENGTH, left)
            .body(body(file, left, Arc::clone(&sent)));
        let answer = self.client.exchange(built(request)?, None);
        tokio::pin!(answer);
        let response = loop {
            tokio::select! {
                response = &mut answer => break response?,
                () = tokio::time::sleep(PROGRESS_EVERY) => {
                    let done = sent.load(Ordering::Relaxed);
                    let total = size::show_bytes(begun.size_bytes);
                    out.progress(&format!("{} of {total}  {}", size::show_bytes(done), self.to), false);
                }
            }
        };
        upload_offset(accept(response).await?.headers())
    }

    fn fault(&self, error: std::io::Error) -> ClientError {
        ClientError::File(self.from.display().to_string(), error)
    }
}

fn tus(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0")
}

fn built(request: http::Result<Request<Body>>) -> Result<Request<Body>> {
    request.map_err(|error| ClientError::Protocol(error.to_string()))
}

fn upload_offset(headers: &HeaderMap) -> Result<u64> {
    let value = headers.get("upload-offset").and_then(|value| value.to_str().ok());
    let offset = value.and_then(|value| value.parse().ok());
    offset.ok_or_else(|| ClientError::Protocol("an upload without an offset".to_owned()))
}

fn body(file: tokio::fs::File, left: u64, sent: Arc<AtomicU64>) -> Body {
    let pieces = ReaderStream::with_capacity(tokio::io::AsyncReadExt::take(file, left), PIECE_BYTES);
    let counted = pieces.map_ok(move |piece: Bytes| {
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Frame::data(piece)
    });
    StreamBody::new(counted).boxed()
}

/// Where an upload's note is kept; without a cache folder nothing is kept, and a cut upload begins anew.
fn note_path(begun: &Begun) -> Option<PathBuf> {
    let configured = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = configured.or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    let key = format!("{}\n{}\n{}", begun.server, begun.path, begun.file.display());
    Some(folder.join(format!("myksc/uploads/{}.json", &SecretHash::of(&key).to_hex()[..32])))
}

fn keep(note: &Path, begun: &Begun) {
    // Without the note the upload still goes through; only a cut one would begin anew.
    if let (Some(folder), Ok(bytes)) = (note.parent(), serde_json::to_vec(begun)) {
        let _ = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(note, bytes));
    }
}
