//! New folders, other names and places.

use rustix::fs::{Mode, mkdirat, renameat};
use rustix::io::Errno;

use myksc_core::UserPath;
use myksc_core::wire::{Entry, FileCode, Move};

use super::beneath::{Roots, sync_folder};
use super::fault::{Fault, Result};
use super::{list, temp};

/// Makes a folder.
pub(crate) fn make_folder(roots: &Roots, path: &UserPath) -> Result<Entry> {
    let place = roots.place(path)?;
    mkdirat(&place.folder, &place.name, Mode::from_raw_mode(0o777))?;
    sync_folder(&place.folder)?;
    list::stat(roots, path)
}

/// Moves or renames; links are moved as links. Without `overwrite` nothing is replaced.
pub(crate) fn move_entry(roots: &Roots, order: &Move) -> Result<Entry> {
    if order.to != order.from && order.to.is_within(&order.from) {
        return Err(Fault::new(FileCode::IntoItself, "a folder can't be moved into itself").at(&order.from));
    }
    let from = roots.place(&order.from).map_err(|fault| fault.at(&order.from))?;
    let to = roots.place(&order.to).map_err(|fault| fault.at(&order.to))?;
    let moved = if order.overwrite {
        renameat(&from.folder, &from.name, &to.folder, &to.name)
    } else {
        temp::rename_new(&from.folder, &from.name, &to.folder, &to.name)
    };
    moved.map_err(|errno| match errno {
        // Over a link the folder may be its own ancestor without the paths showing it.
        Errno::INVAL => {
            Fault::new(FileCode::IntoItself, "a folder can't be moved into itself").at(&order.from)
        }
        Errno::NOENT => Fault::from(errno).at(&order.from),
        _ => Fault::from(errno).at(&order.to),
    })?;
    sync_folder(&to.folder)?;
    sync_folder(&from.folder)?;
    list::stat(roots, &order.to)
}
