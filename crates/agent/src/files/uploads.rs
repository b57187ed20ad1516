//! Uploads that survive cut connections and the agent's own death.
//!
//! Bytes go to a hidden file beside the target; its size is the offset. A record in the agent's state folder says
//! what the bytes are for. The steps, each on the disk before the next: record, hidden file, bytes, `Naming` with
//! the inode, the target's name, `Done`. From any of them the upload goes on, and none happens twice.

mod record;

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use rustix::fs::{Stat, fstat, fstatvfs};

use myksc_core::crash::{self, CrashPoint};
use myksc_core::wire::{Entry, FileCode, NewUpload, Upload, UploadList};
use myksc_core::{Timestamp, UploadId, UserPath};

use self::record::{Record, Records, Stage};
use super::beneath::{Place, Roots, sync_folder};
use super::content::{self, WriteConditions};
use super::fault::{Fault, Result};
use super::sink::{receive, run_blocking};
use super::temp;

/// An upload nobody went on with for so long is given up.
const ABANDONED_SECS: i64 = 7 * 24 * 3600;
/// A sender that missed the last answer may ask for so long.
const REMEMBERED_SECS: i64 = 24 * 3600;

/// All uploads of this agent.
#[derive(Debug)]
pub(crate) struct Uploads {
    roots: Arc<Roots>,
    records: Records,
    /// Uploads that a request writes to or ends right now.
    busy: Mutex<HashSet<UploadId>>,
}

/// Keeps other requests off an upload.
struct Hold {
    uploads: Arc<Uploads>,
    id: UploadId,
}

impl Uploads {
    pub(crate) fn open(roots: Arc<Roots>, folder: PathBuf) -> std::io::Result<Self> {
        Ok(Self { roots, records: Records::open(folder)?, busy: Mutex::default() })
    }

    /// Goes on after a death: names what is whole, removes what nobody can go on with or has given up.
    pub(crate) fn recover(self: &Arc<Self>) {
        let now = Timestamp::now();
        for mut record in self.records.all().unwrap_or_default() {
            let Ok(_hold) = self.hold(&record.id) else { continue };
            let ended = match record.stage {
                Stage::Whole => self.forget(&record),
                Stage::Done { at } if now.secs_since(at) > REMEMBERED_SECS => self.forget(&record),
                Stage::Done { .. } => Ok(()),
                Stage::Receiving | Stage::Naming { .. } => self.settle(&mut record).and_then(|offset| {
                    let over = offset < record.size_bytes && self.abandoned(&record, now);
                    if over { self.forget(&record) } else { Ok(()) }
                }),
            };
            if let Err(fault) = ended {
                tracing::warn!(upload = %record.id, fault = fault.detail, "an upload could not go on");
            }
        }
    }

    /// Puts a new upload on record and makes its hidden file.
    pub(crate) fn create(self: &Arc<Self>, order: NewUpload) -> Result<Upload> {
        let place = self.roots.place(&order.path)?;
        if temp::target(&place)?.is_some() && !order.overwrite {
            return Err(Fault::new(FileCode::FileExists, "the name is taken"));
        }
        check_room(&place, order.size_bytes)?;
        let (mut record, _hold) =
            self.record(order.path, order.size_bytes, order.overwrite, Stage::Receiving)?;
        crash::point(CrashPoint::UploadCreated);
        if let Err(fault) = temp::create(&place, &record.id) {
            self.records.remove(&record.id)?;
            return Err(fault);
        }
        let offset_bytes = self.settle(&mut record)?;
        Ok(view(record, offset_bytes))
    }

    /// How far an upload is. One that is whole but could not get its name tries again.
    pub(crate) fn find(self: &Arc<Self>, id: &UploadId) -> Result<Upload> {
        let mut record = self.load(id)?;
        let found = self.offset(&record).and_then(|offset_bytes| {
            if offset_bytes < record.size_bytes {
                return Ok(offset_bytes);
            }
            // While another request names it, to say that it is whole would end the sender's interest too early.
            let _hold = self.hold(id)?;
            record = self.load(id)?;
            self.settle(&mut record)
        });
        let offset_bytes = found.map_err(|fault| fault.at(&record.path))?;
        Ok(view(record, offset_bytes))
    }

    /// All that are not finished.
    pub(crate) fn list(&self) -> Result<UploadList> {
        let unfinished = self
            .records
            .all()?
            .into_iter()
            .filter(|r| matches!(r.stage, Stage::Receiving | Stage::Naming { .. }));
        let items = unfinished.map(|record| {
            let offset_bytes = self.offset(&record).unwrap_or_default();
            view(record, offset_bytes)
        });
        Ok(UploadList { items: items.collect() })
    }

    /// Takes bytes that begin at `offset`; the last of them gives the file its name.
    pub(crate) async fn append(
        self: Arc<Self>,
        id: UploadId,
        offset: u64,
        announced: Option<u64>,
        body: &mut Incoming,
    ) -> Result<Upload> {
        let hold = self.hold(&id)?;
        let uploads = Arc::clone(&self);
        let opened = run_blocking(move || uploads.open_at(&id, offset, announced));
        let (mut record, file) = opened.await?;
        if let Some(file) = file {
            let received = receive(Arc::new(file), offset, record.size_bytes, body).await;
            received.map_err(|fault| fault.at(&record.path))?;
        }
        run_blocking(move || {
            let offset_bytes = hold.uploads.settle(&mut record).map_err(|fault| fault.at(&record.path))?;
            Ok(view(record, offset_bytes))
        })
        .await
    }

    /// Ends an upload and removes what arrived of it. A finished one is only forgotten.
    pub(crate) fn terminate(self: &Arc<Self>, id: &UploadId) -> Result<()> {
        let record = self.load(id)?;
        let _hold = self.hold(id)?;
        self.forget(&record)
    }

    /// Writes a whole file from one request, at once or not at all.
    pub(crate) async fn put(
        self: Arc<Self>,
        path: UserPath,
        conditions: WriteConditions,
        limit: u64,
        body: &mut Incoming,
    ) -> Result<(Entry, String)> {
        let uploads = Arc::clone(&self);
        let begun = run_blocking(move || {
            let (record, hold) = uploads.record(path.clone(), 0, true, Stage::Whole)?;
            let write = content::Write::begin(&uploads.roots, path, record.id.clone(), conditions);
            // Nothing was written: should the record stay, the next start removes it.
            let write = write.inspect_err(|_| drop(uploads.records.remove(&record.id)))?;
            Ok((record, hold, write))
        });
        let (record, hold, write) = begun.await?;
        let received = receive(Arc::clone(&write.file), 0, limit, body).await;
        run_blocking(move || {
            let ended = received.and_then(|_| write.end(&hold.uploads.roots));
            hold.uploads.forget(&record)?;
            ended
        })
        .await
    }

    fn hold(self: &Arc<Self>, id: &UploadId) -> Result<Hold> {
        if self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            Ok(Hold { uploads: Arc::clone(self), id: id.clone() })
        } else {
            Err(Fault::new(FileCode::UploadBusy, "another request writes to this upload"))
        }
    }

    fn record(
        self: &Arc<Self>,
        path: UserPath,
        size_bytes: u64,
        overwrite: bool,
        stage: Stage,
    ) -> Result<(Record, Hold)> {
        let (id, created_at) = (UploadId::random(), Timestamp::now());
        // Held before it can be seen: recovery would take a new one for a left one.
        let hold = self.hold(&id)?;
        let record = Record { id, path, size_bytes, overwrite, created_at, stage };
        self.records.save(&record)?;
        Ok((record, hold))
    }

    fn load(&self, id: &UploadId) -> Result<Record> {
        let known = self.records.load(id).filter(|record| record.stage != Stage::Whole);
        known.ok_or_else(|| Fault::new(FileCode::NotFound, "no such upload"))
    }

    /// Opens the hidden file to go on at `offset`; no file when the upload is finished already.
    fn open_at(&self, id: &UploadId, offset: u64, announced: Option<u64>) -> Result<(Record, Option<File>)> {
        let record = self.load(id)?;
        let opened = match record.stage {
            Stage::Done { .. } => None,
            _ => {
                let place = self.roots.place(&record.path)?;
                let opened = temp::open(&place, id)?;
                // The record was written and then the agent died.
                Some(opened.map_or_else(|| temp::create(&place, id), |(file, _)| Ok(file))?)
            }
        };
        let is = opened.as_ref().map_or(Ok(record.size_bytes), |file| size(&fstat(file)?, &record))?;
        if is != offset {
            let detail = format!("the upload is at byte {is}, not at {offset}");
            return Err(Fault::new(FileCode::OffsetMismatch, detail).with("offset_bytes", is));
        }
        if announced.is_some_and(|announced| announced > record.size_bytes - offset) {
            let fault = Fault::new(FileCode::TooLarge, "more bytes are announced than the upload has left");
            return Err(fault.with("limit_bytes", record.size_bytes - offset));
        }
        Ok((record, opened))
    }

    fn offset(&self, record: &Record) -> Result<u64> {
        if matches!(record.stage, Stage::Done { .. }) {
            return Ok(record.size_bytes);
        }
        let place = self.roots.place(&record.path)?;
        if let Some((_, seen)) = temp::open(&place, &record.id)? {
            return size(&seen, record);
        }
        // No bytes yet, or the file has got its name since the record was read.
        let now = self.records.load(&record.id);
        let named =
            now.is_some_and(|now| matches!(now.stage, Stage::Done { .. }) || has_its_name(&now, &place));
        Ok(if named { record.size_bytes } else { 0 })
    }

    /// Answers the offset, and gives a file that is whole its name.
    fn settle(&self, record: &mut Record) -> Result<u64> {
        if matches!(record.stage, Stage::Done { .. }) {
            return Ok(record.size_bytes);
        }
        let place = self.roots.place(&record.path)?;
        match temp::open(&place, &record.id)? {
            Some((file, seen)) if size(&seen, record)? == record.size_bytes => {
                self.name(record, &place, &file, &seen)?;
            }
            Some((_, seen)) => return size(&seen, record),
            None if has_its_name(record, &place) => {}
            None => return Ok(0),
        }
        sync_folder(&place.folder)?;
        record.stage = Stage::Done { at: Timestamp::now() };
        self.records.save(record)?;
        Ok(record.size_bytes)
    }

    fn name(&self, record: &mut Record, place: &Place, file: &File, seen: &Stat) -> Result<()> {
        file.sync_all()?;
        crash::point(CrashPoint::UploadSynced);
        record.stage = Stage::Naming { inode: seen.st_ino };
        self.records.save(record)?;
        temp::publish(place, &record.id, file, record.overwrite)?;
        crash::point(CrashPoint::UploadRenamed);
        Ok(())
    }

    fn abandoned(&self, record: &Record, now: Timestamp) -> bool {
        let place = self.roots.place(&record.path).ok();
        let file = place.and_then(|place| temp::open(&place, &record.id).ok().flatten());
        let written_at = file.map(|(_, seen)| Timestamp::from_millis(seen.st_mtime.saturating_mul(1000)));
        now.secs_since(written_at.unwrap_or(record.created_at).max(record.created_at)) > ABANDONED_SECS
    }

    /// Removes the hidden file and then the record. A folder that is gone took the file with it.
    fn forget(&self, record: &Record) -> Result<()> {
        match self.roots.place(&record.path) {
            Ok(place) => temp::remove(&place, &record.id)?,
            Err(fault) if matches!(fault.code, FileCode::NotFound | FileCode::NotAFolder) => {}
            Err(fault) => return Err(fault),
        }
        Ok(self.records.remove(&record.id)?)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.uploads.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

fn view(record: Record, offset_bytes: u64) -> Upload {
    let Record { id, path, size_bytes, created_at, .. } = record;
    Upload { id, path, size_bytes, offset_bytes, created_at }
}

/// A death may leave more bytes than were acknowledged, never more than the upload has.
fn size(seen: &Stat, record: &Record) -> Result<u64> {
    let size = u64::try_from(seen.st_size).unwrap_or_default();
    if size > record.size_bytes {
        return Err(Fault::new(FileCode::FileBusy, "something else wrote to the upload's file"));
    }
    Ok(size)
}

/// Whether the agent died between the rename and the record of it.
fn has_its_name(record: &Record, place: &Place) -> bool {
    let target = temp::target(place).ok().flatten();
    matches!((record.stage, target), (Stage::Naming { inode }, Some(seen))
        if seen.st_ino == inode && u64::try_from(seen.st_size) == Ok(record.size_bytes))
}

fn check_room(place: &Place, size_bytes: u64) -> Result<()> {
    // Some network file systems have no answer; the writes will tell.
    let Ok(room) = fstatvfs(&place.folder) else { return Ok(()) };
    let free_bytes = room.f_bavail.saturating_mul(room.f_frsize);
    if room.f_blocks > 0 && size_bytes > free_bytes {
        let fault =
            Fault::new(FileCode::DiskFull, format!("{size_bytes} bytes do not fit, {free_bytes} are free"));
        return Err(fault.with("free_bytes", free_bytes));
    }
    Ok(())
}
