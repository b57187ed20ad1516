//! Downloads, gone on with by ranges (RFC 9110 section 14) when the connection is cut.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use http::header::{ACCEPT_RANGES, ETAG, IF_RANGE, RANGE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use myksc_core::UserPath;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::http::{Client, accept, empty, query_value};
use super::output::{Output, plain};
use super::{ClientError, Result, size};

const DEADLINE: Duration = Duration::from_secs(60);
const TRIES: u32 = 10;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Bytes that are asked for: `FIRST-LAST`, `FIRST-` or `-COUNT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range(String);

/// One file to fetch.
pub(crate) struct Download {
    pub(crate) client: Client,
    pub(crate) path: String,
    pub(crate) to: Option<PathBuf>,
    pub(crate) range: Option<Range>,
    pub(crate) overwrite: bool,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.is_empty() || part.parse::<u64>().is_ok();
        match text.split_once('-') {
            Some((first, last)) if number(first) && number(last) && text != "-" => Ok(Self(text.to_owned())),
            _ => Err("write FIRST-LAST, FIRST- or -COUNT".to_owned()),
        }
    }
}

impl Download {
    /// Fetches the file to where it was asked for.
    pub(crate) async fn run(&self, out: &Output) -> Result<()> {
        let stdout = Path::new("-");
        match &self.to {
            Some(to) if to == stdout => self.to_stdout(out).await,
            None if self.range.is_some() => self.to_stdout(out).await,
            to => {
                let file = self.place(to.as_deref())?;
                self.to_file(&file, out).await
            }
        }
    }

    async fn to_stdout(&self, out: &Output) -> Result<()> {
        let range = self.range.as_ref().map(|range| format!("bytes={}", range.0));
        let response = self.ask(range.as_deref(), None).await?;
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(bytes) = frame.map_err(|error| cut(&error))?.into_data() {
                out.raw(&bytes)?;
            }
        }
        Ok(())
    }

    /// Fetches into a file beside the place and moves it there when it is whole.
    async fn to_file(&self, place: &Path, out: &Output) -> Result<()> {
        if !self.overwrite && std::fs::symlink_metadata(place).is_ok() {
            return Err(ClientError::Usage(format!("{} exists; use --overwrite", place.display())));
        }
        let mut partial = place.as_os_str().to_owned();
        partial.push(format!(".{}.part", std::process::id()));
        let partial = PathBuf::from(partial);
        let fetched = self.fetch(&partial, out).await;
        let moved = match fetched {
            Ok(bytes) => {
                std::fs::rename(&partial, place).map(|()| bytes).map_err(|error| fault(place, error))
            }
            Err(error) => Err(error),
        };
        if moved.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        let bytes = moved?;
        out.value(&json!({ "path": self.path, "file": place, "size_bytes": bytes }), |_| {
            plain(&place.display().to_string())
        })
    }

    async fn fetch(&self, partial: &Path, out: &Output) -> Result<u64> {
        let mut file = tokio::fs::File::create(partial).await.map_err(|error| fault(partial, error))?;
        let mut got: u64 = 0;
        let mut tag: Option<String> = None;
        let mut tries = 0;
        loop {
            let from = format!("bytes={got}-");
            let asked = self.range.as_ref().map(|range| format!("bytes={}", range.0));
            let resumed = tag.is_some() && got > 0 && self.range.is_none();
            let range = if resumed { Some(from.as_str()) } else { asked.as_deref() };
            let response = self.ask(range, tag.as_deref().filter(|_| resumed)).await;
            let before = got;
            let ended = match response {
                Ok(response) => {
                    if got > 0 && response.status() != StatusCode::PARTIAL_CONTENT || !resumed {
                        // The file is another one by now: from the start.
                        file =
                            tokio::fs::File::create(partial).await.map_err(|error| fault(partial, error))?;
                        got = 0;
                    }
                    tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
                    if response.headers().get(ACCEPT_RANGES).is_none() {
                        tag = None;
                    }
                    self.receive(response, &mut file, partial, &mut got, out).await
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => break,
                Err(ClientError::Unreachable(cut)) => {
                    tries = if got > before { 1 } else { tries + 1 };
                    if tries > TRIES {
                        return Err(ClientError::Unreachable(cut));
                    }
                    tokio::time::sleep(Duration::from_millis(200 * u64::from(tries))).await;
                }
                Err(error) => return Err(error),
            }
        }
        file.flush().await.map_err(|error| fault(partial, error))?;
        out.progress(&format!("{}  {}", size::show_bytes(got), self.path), true);
        Ok(got)
    }

    async fn receive(
        &self,
        response: Response<Incoming>,
        file: &mut tokio::fs::File,
        partial: &Path,
        got: &mut u64,
        out: &Output,
    ) -> Result<()> {
        let mut body = response.into_body();
        let mut shown = Instant::now();
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame.map_err(|error| cut(&error))?.into_data() else { continue };
            file.write_all(&bytes).await.map_err(|error| fault(partial, error))?;
            *got += bytes.len() as u64;
            if shown.elapsed() > PROGRESS_EVERY {
                shown = Instant::now();
                out.progress(&format!("{}  {}", size::show_bytes(*got), self.path), false);
            }
        }
        Ok(())
    }

    async fn ask(&self, range: Option<&str>, if_range: Option<&str>) -> Result<Response<Incoming>> {
        let uri = format!("/api/v1/files/content?path={}", query_value(&self.path));
        let mut request = Request::builder().method(Method::GET).uri(uri);
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        if let Some(tag) = if_range {
            request = request.header(IF_RANGE, tag);
        }
        let request = request.body(empty()).map_err(|error| ClientError::Usage(error.to_string()))?;
        accept(self.client.exchange(request, Some(DEADLINE)).await?).await
    }

    fn place(&self, to: Option<&Path>) -> Result<PathBuf> {
        let own_name = || -> Result<PathBuf> {
            let path: UserPath =
                self.path.parse().map_err(|e| ClientError::Usage(format!("{}: {e}", self.path)))?;
            let name = path.file_name().map(PathBuf::from);
            name.ok_or_else(|| ClientError::Usage(format!("{} is not a file", self.path)))
        };
        match to {
            None => own_name(),
            Some(to) if to.is_dir() => Ok(to.join(own_name()?)),
            Some(to) => Ok(to.to_owned()),
        }
    }
}

fn cut(error: &hyper::Error) -> ClientError {
    ClientError::Unreachable(format!("the answer broke off: {error}"))
}

fn fault(path: &Path, error: std::io::Error) -> ClientError {
    ClientError::File(path.display().to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_knows_them() {
        for text in ["0-9", "5-", "-100"] {
            assert_eq!(text.parse::<Range>(), Ok(Range(text.to_owned())));
        }
        for text in ["", "-", "a-b", "1", "1-2-3", "+1-2x"] {
            assert!(text.parse::<Range>().is_err(), "{text:?}");
        }
    }
}
