//! The uploads on record: one small file each, so that the agent may die at any moment.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use myksc_core::{Timestamp, UploadId, UserPath};

/// One upload as it stands on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: UploadId,
    pub(crate) path: UserPath,
    pub(crate) size_bytes: u64,
    pub(crate) overwrite: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) stage: Stage,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// A file written by one request; nobody can go on with it.
    Whole,
    /// Bytes come in.
    Receiving,
    /// All bytes are on the disk in this inode, which gets its name next.
    Naming { inode: u64 },
    /// The file has its name; kept for a while for a sender that missed the answer.
    Done { at: Timestamp },
}

/// The folder of the records.
#[derive(Debug)]
pub(crate) struct Records(PathBuf);

impl Records {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }

    /// Writes a record so that either the old or the new one is there, whatever happens.
    pub(crate) fn save(&self, record: &Record) -> io::Result<()> {
        let new = self.0.join(format!("{}.new", record.id));
        let saved = write_new(&new, record).and_then(|()| fs::rename(&new, self.place(&record.id)));
        if saved.is_err() {
            // On a full disk half of it is there.
            let _ = fs::remove_file(&new);
        }
        saved?;
        File::open(&self.0)?.sync_all()
    }

    /// `None` when there is none, or one that can't be read.
    pub(crate) fn load(&self, id: &UploadId) -> Option<Record> {
        let record: Record = serde_json::from_slice(&fs::read(self.place(id)).ok()?).ok()?;
        (record.id == *id).then_some(record)
    }

    pub(crate) fn remove(&self, id: &UploadId) -> io::Result<()> {
        match fs::remove_file(self.place(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// All records, oldest first.
    pub(crate) fn all(&self) -> io::Result<Vec<Record>> {
        let mut all = Vec::new();
        for file in fs::read_dir(&self.0)? {
            let name = file?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            all.extend(id.and_then(|id| self.load(&id)));
        }
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(all)
    }

    fn place(&self, id: &UploadId) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }
}

fn write_new(path: &Path, record: &Record) -> io::Result<()> {
    let mut file = File::create(path)?;
    serde_json::to_writer(&mut file, record)?;
    file.flush()?;
    file.sync_all()
}
