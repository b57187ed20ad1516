//! The requests that the portal may make.

use std::future::Future;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use serde::Serialize;

use myksc_core::UploadId;
use myksc_core::wire::{
    FileCode, MAX_PAGE_ENTRIES, MAX_PUT_BYTES, MAX_REMOVED_PATHS, Move, NewFolder, NewUpload, Removal,
};

use super::beneath::Roots;
use super::content::{Content, Selection, WriteConditions};
use super::fault::{Fault, Result};
use super::http::{Answer, Query, drain, empty, empty_body, header, invalid, json, read_json, refusal};
use super::sink::run_blocking;
use super::uploads::Uploads;
use super::{change, content, list, remove};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) roots: Arc<Roots>,
    pub(crate) uploads: Arc<Uploads>,
}

impl Service {
    /// Answers one request.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        self.dispatch(request).await.unwrap_or_else(refusal)
    }

    async fn dispatch(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer> {
        let query = Query::parse(request.uri().query())?;
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        let resource = parts.uri.path().strip_prefix("/v1/").unwrap_or_default();
        match (&parts.method, resource) {
            (&Method::GET, "roots") => self.work(StatusCode::OK, |this| list::roots(&this.roots)).await,
            (&Method::GET, "entries") => self.entries(&query).await,
            (&Method::GET, "entry") => self.entry(&query).await,
            (&Method::GET, "content") => self.content(&query, headers, false).await,
            (&Method::HEAD, "content") => self.content(&query, headers, true).await,
            (&Method::PUT, "content") => self.put(&query, headers, body).await,
            (&Method::POST, "folders") => self.make_folder(read_json(body).await?).await,
            (&Method::POST, "move") => {
                let order: Move = read_json(body).await?;
                self.work(StatusCode::OK, move |this| change::move_entry(&this.roots, &order)).await
            }
            (&Method::POST, "remove") => self.remove(read_json(body).await?).await,
            (&Method::GET, "uploads") => self.work(StatusCode::OK, |this| this.uploads.list()).await,
            (&Method::POST, "uploads") => self.create_upload(read_json(body).await?).await,
            (method, other) => self.upload(method, other, headers, body).await,
        }
    }

    async fn entries(self: Arc<Self>, query: &Query) -> Result<Answer> {
        let path = query.path()?;
        let cursor = query.get("cursor").map(str::to_owned);
        let limit = query.number("limit")?.unwrap_or(MAX_PAGE_ENTRIES);
        self.work(StatusCode::OK, move |this| {
            list::page(&this.roots, &path, cursor.as_deref(), limit).map_err(|fault| fault.at(&path))
        })
        .await
    }

    async fn entry(self: Arc<Self>, query: &Query) -> Result<Answer> {
        let path = query.path()?;
        self.work(StatusCode::OK, move |this| list::stat(&this.roots, &path).map_err(|fault| fault.at(&path)))
            .await
    }

    async fn content(self: Arc<Self>, query: &Query, headers: &HeaderMap, head: bool) -> Result<Answer> {
        let path = query.path()?;
        let opened =
            run_blocking(move || content::open(&self.roots, &path).map_err(|fault| fault.at(&path))).await?;
        let range = header(headers, RANGE).filter(|_| !head);
        let selection = content::select(range, header(headers, IF_RANGE), &opened.etag, opened.size_bytes);
        bytes_answer(opened, selection, head)
    }

    async fn put(self: Arc<Self>, query: &Query, headers: &HeaderMap, mut body: Incoming) -> Result<Answer> {
        let path = query.path()?;
        let conditions = write_conditions(headers)?;
        let uploads = Arc::clone(&self.uploads);
        let (entry, etag) = detached(async move {
            let put = uploads.put(path.clone(), conditions, MAX_PUT_BYTES, &mut body).await;
            if put.is_err() {
                drain(&mut body).await;
            }
            put.map_err(|fault| fault.at(&path))
        })
        .await?;
        let mut answer = json(StatusCode::OK, &entry);
        answer.headers_mut().insert(ETAG, visible(&etag)?);
        Ok(answer)
    }

    async fn make_folder(self: Arc<Self>, NewFolder { path }: NewFolder) -> Result<Answer> {
        self.work(StatusCode::CREATED, move |this| {
            change::make_folder(&this.roots, &path).map_err(|fault| fault.at(&path))
        })
        .await
    }

    async fn remove(self: Arc<Self>, Removal { paths }: Removal) -> Result<Answer> {
        if paths.len() > MAX_REMOVED_PATHS {
            let fault = Fault::new(FileCode::TooLarge, "at most 1,000 paths are removed at once");
            return Err(fault.with("limit", MAX_REMOVED_PATHS));
        }
        self.work(StatusCode::OK, move |this| Ok(remove::remove(&this.roots, &paths))).await
    }

    async fn create_upload(self: Arc<Self>, order: NewUpload) -> Result<Answer> {
        let path = order.path.clone();
        self.work(StatusCode::CREATED, move |this| {
            this.uploads.create(order).map_err(|fault| fault.at(&path))
        })
        .await
    }

    async fn upload(
        self: Arc<Self>,
        method: &Method,
        resource: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Answer> {
        let id = resource.strip_prefix("uploads/").and_then(|id| id.parse::<UploadId>().ok());
        match (method, id) {
            (&Method::GET, Some(id)) => self.work(StatusCode::OK, move |this| this.uploads.find(&id)).await,
            (&Method::PATCH, Some(id)) => self.append(id, headers, body).await,
            (&Method::DELETE, Some(id)) => {
                run_blocking(move || self.uploads.terminate(&id)).await?;
                Ok(empty(StatusCode::NO_CONTENT))
            }
            _ => Err(Fault::new(FileCode::NotFound, "no such request")),
        }
    }

    async fn append(
        self: Arc<Self>,
        id: UploadId,
        headers: &HeaderMap,
        mut body: Incoming,
    ) -> Result<Answer> {
        let number = |name| header(headers, name).and_then(|text| text.parse::<u64>().ok());
        let offset =
            number("upload-offset").ok_or_else(|| invalid("Upload-Offset is missing or not a number"))?;
        let announced = number("content-length");
        let uploads = Arc::clone(&self.uploads);
        let upload = detached(async move {
            let appended = uploads.append(id, offset, announced, &mut body).await;
            if appended.is_err() {
                drain(&mut body).await;
            }
            appended
        });
        Ok(json(StatusCode::OK, &upload.await?))
    }

    async fn work<T: Serialize + Send + 'static>(
        self: Arc<Self>,
        status: StatusCode,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<Answer> {
        Ok(json(status, &run_blocking(move || work(&self)).await?))
    }
}

fn bytes_answer(opened: Content, selection: Selection, head: bool) -> Result<Answer> {
    let size = opened.size_bytes;
    let (status, range, content_range) = match selection {
        Selection::Whole => (StatusCode::OK, 0..size, None),
        Selection::Part(part) => {
            let text = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, part, Some(text))
        }
        Selection::Unsatisfiable => {
            let fault = Fault::new(FileCode::RangeUnsatisfiable, "no byte of the file lies in the range");
            let mut answer = refusal(fault.with("size_bytes", size));
            answer.headers_mut().insert(CONTENT_RANGE, visible(&format!("bytes */{size}"))?);
            return Ok(answer);
        }
    };
    let mut answer = empty(status);
    let headers = answer.headers_mut();
    headers.insert(ETAG, visible(&opened.etag)?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, (range.end - range.start).into());
    if let Some(text) = content_range {
        headers.insert(CONTENT_RANGE, visible(&text)?);
    }
    *answer.body_mut() = if head {
        empty_body()
    } else {
        StreamBody::new(content::stream(opened.file, range).map_ok(Frame::data)).boxed_unsync()
    };
    Ok(answer)
}

fn write_conditions(headers: &HeaderMap) -> Result<WriteConditions> {
    let must_be_new = match header(headers, IF_NONE_MATCH) {
        None => false,
        Some("*") => true,
        Some(_) => return Err(invalid("If-None-Match takes * alone here")),
    };
    Ok(WriteConditions { must_be_new, must_be: header(headers, IF_MATCH).map(str::to_owned) })
}

fn visible(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| invalid("not a header"))
}

/// Goes on when the sender's connection is cut, so that what arrived is kept and what began is ended.
async fn detached<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|_| Err(Fault::new(FileCode::FileSystemFailed, "the work ended without an answer")))
}
