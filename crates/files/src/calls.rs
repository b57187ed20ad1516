//! What can be asked of a user's agent.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method};
use http_body::Body;
use http_body_util::Empty;

use myksc_core::wire::{
    Entry, EntryPage, MAX_PAGE_ENTRIES, Move, NewFolder, NewUpload, Removal, RemovalReport, Root, RootList,
    Upload, UploadList,
};
use myksc_core::{Identity, Translated, UploadId, UserPath};

use crate::agents::Agents;
use crate::client::{self, build, read_json, request, send, send_bytes, target, within};
use crate::config::{Config, HOME};
use crate::content::{self, Chunk, Content, Read, WriteConditions};
use crate::error::FilesError;

/// A page of entries with paths of full length in them, and the other answers.
const MAX_PAGE_BYTES: usize = 16 << 20;
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The files of all users, each through her own agent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    agents: Arc<Agents>,
}

type Result<T> = std::result::Result<T, FilesError>;

impl Files {
    /// Agents are started when they are needed, not here.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { agents: Arc::new(Agents::new(config)) }
    }

    /// What a root is called.
    #[must_use]
    pub fn title(&self, root: &str) -> Translated {
        if root == HOME {
            return Translated { en: "Home".into(), ko: "홈".into() };
        }
        let known = self.agents.config().further_roots.iter().find(|further| further.id == root);
        let title = known.map(|further| further.title.clone());
        title.unwrap_or_else(|| Translated::same(root))
    }

    /// The roots with the room on their file systems.
    ///
    /// # Errors
    /// As every call: [`FilesError`] says.
    pub async fn roots(&self, identity: &Identity) -> Result<Vec<Root>> {
        let list: RootList =
            client::get(&self.agents, identity, &target("roots", &[]), MAX_ANSWER_BYTES).await?;
        Ok(list.items)
    }

    /// One page of a folder, at most 1,000 entries, sorted by the bytes of the names.
    ///
    /// # Errors
    /// As every call.
    pub async fn list(
        &self,
        identity: &Identity,
        path: &UserPath,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<EntryPage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let (path_text, limit_text) = (path.to_string(), limit.to_string());
        let mut query = vec![("path", path_text.as_str()), ("limit", limit_text.as_str())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let target = target("entries", &query);
        let page: EntryPage = client::get(&self.agents, identity, &target, MAX_PAGE_BYTES).await?;
        let fits = |entry: &Entry| entry.path.parent().as_ref() == Some(path);
        if page.path != *path || page.items.len() > limit || !page.items.iter().all(fits) {
            return Err(FilesError::Rubbish("a page of another folder"));
        }
        Ok(page)
    }

    /// What a path names; a link is not followed.
    ///
    /// # Errors
    /// As every call.
    pub async fn stat(&self, identity: &Identity, path: &UserPath) -> Result<Entry> {
        let target = target("entry", &[("path", &path.to_string())]);
        let entry: Entry = client::get(&self.agents, identity, &target, MAX_ANSWER_BYTES).await?;
        if entry.path == *path { Ok(entry) } else { Err(FilesError::Rubbish("another entry")) }
    }

    /// Opens a file for reading, whole or in part.
    ///
    /// # Errors
    /// As every call.
    pub async fn read(&self, identity: &Identity, path: &UserPath, read: Read<'_>) -> Result<Content> {
        content::read(&self.agents, identity, path, read).await
    }

    /// Reads up to `limit` bytes from `offset` into memory. A negative offset counts from the end, one behind the
    /// end is moved there.
    ///
    /// # Errors
    /// As every call.
    pub async fn read_chunk(
        &self,
        identity: &Identity,
        path: &UserPath,
        offset: i64,
        limit: u64,
    ) -> Result<Chunk> {
        content::chunk(&self.agents, identity, path, offset, limit).await
    }

    /// Writes a file of at most 16 MiB, at once or not at all; answers it with its validator.
    ///
    /// # Errors
    /// As every call.
    pub async fn write<B>(
        &self,
        identity: &Identity,
        path: &UserPath,
        conditions: WriteConditions<'_>,
        body: B,
    ) -> Result<(Entry, HeaderValue)>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        content::write(&self.agents, identity, path, conditions, body).await
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// As every call.
    pub async fn make_folder(&self, identity: &Identity, path: &UserPath) -> Result<Entry> {
        let order = NewFolder { path: path.clone() };
        client::post(&self.agents, identity, "folders", &order, self.agents.deadlines().answer).await
    }

    /// Moves or renames.
    ///
    /// # Errors
    /// As every call.
    pub async fn move_entry(&self, identity: &Identity, order: &Move) -> Result<Entry> {
        client::post(&self.agents, identity, "move", order, self.agents.deadlines().answer).await
    }

    /// Removes files and folders with all that is in them; what could not be removed is in the report.
    ///
    /// # Errors
    /// As every call.
    pub async fn remove(&self, identity: &Identity, paths: Vec<UserPath>) -> Result<RemovalReport> {
        let order = Removal { paths };
        let report: RemovalReport =
            client::post(&self.agents, identity, "remove", &order, self.agents.deadlines().removal).await?;
        if report.failures.iter().all(|failure| failure.index < order.paths.len()) {
            Ok(report)
        } else {
            Err(FilesError::Rubbish("a report of other paths"))
        }
    }

    /// Puts an upload on record.
    ///
    /// # Errors
    /// As every call.
    pub async fn create_upload(&self, identity: &Identity, order: &NewUpload) -> Result<Upload> {
        checked(client::post(&self.agents, identity, "uploads", order, self.agents.deadlines().answer).await?)
    }

    /// How far an upload is.
    ///
    /// # Errors
    /// As every call.
    pub async fn find_upload(&self, identity: &Identity, id: &UploadId) -> Result<Upload> {
        let target = upload_target(id);
        checked(client::get(&self.agents, identity, &target, MAX_ANSWER_BYTES).await?)
    }

    /// Sends bytes of an upload that begin at `offset`; `length`, if known, is checked before the first is sent.
    ///
    /// # Errors
    /// As every call.
    pub async fn append_upload<B>(
        &self,
        identity: &Identity,
        id: &UploadId,
        offset: u64,
        length: Option<u64>,
        body: B,
    ) -> Result<Upload>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut builder = request(Method::PATCH, &upload_target(id)).header("upload-offset", offset);
        if let Some(length) = length {
            builder = builder.header(CONTENT_LENGTH, length);
        }
        let response = send_bytes(&self.agents, identity, builder, body).await?;
        checked(within(self.agents.deadlines().answer, read_json(response, MAX_ANSWER_BYTES)).await?)
    }

    /// Gives an upload up and removes what arrived of it.
    ///
    /// # Errors
    /// As every call.
    pub async fn end_upload(&self, identity: &Identity, id: &UploadId) -> Result<()> {
        let request = build(request(Method::DELETE, &upload_target(id)), Empty::<Bytes>::new())?;
        within(self.agents.deadlines().answer, send(&self.agents, identity, request)).await.map(drop)
    }

    /// The uploads that are not finished, oldest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn list_uploads(&self, identity: &Identity) -> Result<Vec<Upload>> {
        let target = target("uploads", &[]);
        let list: UploadList = client::get(&self.agents, identity, &target, MAX_PAGE_BYTES).await?;
        Ok(list.items)
    }
}

fn upload_target(id: &UploadId) -> String {
    target(&format!("uploads/{id}"), &[])
}

fn checked(upload: Upload) -> Result<Upload> {
    if upload.offset_bytes <= upload.size_bytes {
        Ok(upload)
    } else {
        Err(FilesError::Rubbish("an upload larger than itself"))
    }
}
