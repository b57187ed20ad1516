//! A home folder, an agent over it, and the portal's client.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use rustix::process::{Pid, Signal, kill_process};

use myksc_core::wire::{FileCode, NewUpload, Upload};
use myksc_core::{Identity, Translated, UserId, UserPath};
use myksc_files::{AgentProgram, Config, Deadlines, Files, FilesError, FurtherRoot, Read, WriteConditions};

pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_myksc-agent");

/// Everything of one test; the agent dies with it.
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) identity: Identity,
    pub(crate) files: Files,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with_agent(agent(&[]))
    }

    pub(crate) fn with_agent(program: AgentProgram) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::create_dir(folder.path().join("scratch")).unwrap();
        let identity = Identity {
            user: UserId::random(),
            name: "kim".into(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            gids: Vec::new(),
            home: folder.path().join("home"),
            shell: "/bin/sh".into(),
        };
        let files = Files::new(config(folder.path(), program));
        Self { folder, identity, files }
    }

    /// The same house, asked by a portal that starts agents in another way.
    pub(crate) fn restart_portal(&mut self, program: AgentProgram) {
        self.files = Files::new(config(self.folder.path(), program));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A place in the home folder.
    pub(crate) fn home(&self, name: impl AsRef<Path>) -> PathBuf {
        self.identity.home.join(name)
    }

    /// A place in the second root.
    pub(crate) fn scratch(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join("scratch").join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("agents").join(self.identity.user.as_str())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("run").join(format!("files-{}.sock", self.identity.user))
    }

    pub(crate) fn agent_pid(&self) -> Option<Pid> {
        let stream = UnixStream::connect(self.socket()).ok()?;
        Some(rustix::net::sockopt::socket_peercred(&stream).ok()?.pid)
    }

    pub(crate) fn kill_agent(&self) {
        if let Some(agent) = self.agent_pid() {
            let _ = kill_process(agent, Signal::KILL);
        }
    }

    pub(crate) async fn put(&self, path: &str, content: &[u8]) -> Result<(), FilesError> {
        let body = Full::new(Bytes::copy_from_slice(content));
        let written = self.files.write(&self.identity, &parse(path), WriteConditions::default(), body).await;
        written.map(drop)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, FilesError> {
        let content = self.files.read(&self.identity, &parse(path), Read::default()).await?;
        Ok(content.body.collect().await?.to_bytes())
    }

    /// Names in a folder as the API spells them, page by page.
    pub(crate) async fn names(&self, path: &str, page: usize) -> Result<Vec<String>, FilesError> {
        let (path, mut names, mut cursor) = (parse(path), Vec::new(), None);
        loop {
            let page = self.files.list(&self.identity, &path, cursor.as_deref(), page).await?;
            names.extend(page.items.iter().map(|entry| {
                let text = entry.path.to_string();
                text[path.to_string().len() + 1..].to_owned()
            }));
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(names),
            }
        }
    }

    pub(crate) async fn begin(&self, path: &str, size_bytes: u64) -> Result<Upload, FilesError> {
        let order = NewUpload { path: parse(path), size_bytes, overwrite: false };
        self.files.create_upload(&self.identity, &order).await
    }

    pub(crate) async fn append(
        &self,
        upload: &Upload,
        offset: u64,
        bytes: &[u8],
    ) -> Result<Upload, FilesError> {
        let (length, body) = (Some(bytes.len() as u64), Full::new(Bytes::copy_from_slice(bytes)));
        self.files.append_upload(&self.identity, &upload.id, offset, length, body).await
    }

    /// What really stands in the home folder, hidden names too.
    pub(crate) fn real_names(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.identity.home).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill_agent();
    }
}

/// The agent with variables in its environment; it ends by itself soon after a test that can't end it.
pub(crate) fn agent(environment: &[&str]) -> AgentProgram {
    let mut arguments: Vec<OsString> = environment.iter().map(Into::into).collect();
    arguments.extend([AGENT, "files", "--idle-secs", "30"].map(OsString::from));
    AgentProgram { program: "/usr/bin/env".into(), arguments }
}

pub(crate) fn parse(path: &str) -> UserPath {
    path.parse().unwrap()
}

pub(crate) fn code<T>(result: Result<T, FilesError>) -> Option<FileCode> {
    result.err().and_then(|error| error.code())
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 4096) as u8).collect()
}

/// A body that sends `bytes` and then breaks, as a cut connection does.
pub(crate) fn cut_body(
    bytes: &[u8],
) -> StreamBody<impl stream::Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send + 'static> {
    let pieces: Vec<_> =
        bytes.chunks(64 << 10).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let cut = std::iter::once(Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
    StreamBody::new(stream::iter(pieces.into_iter().chain(cut)))
}

fn config(folder: &Path, program: AgentProgram) -> Config {
    let further = |id: &str, path: String| FurtherRoot { id: id.into(), title: Translated::same(id), path };
    Config {
        program,
        agents_dir: folder.join("agents"),
        run_dir: folder.join("run"),
        further_roots: vec![
            further("scratch", folder.join("scratch").display().to_string()),
            further("memory", "/dev/shm".into()),
            further("gone", folder.join("not-there").display().to_string()),
        ],
        elsewhere: None,
        deadlines: Deadlines::default(),
    }
}
