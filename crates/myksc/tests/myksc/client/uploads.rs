//! `file put`, cut in the middle.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;

use crate::portal::Portal;
use crate::run::{begin, end, until};

/// Large enough to be cut on the way.
const SIZE_BYTES: u64 = 256 << 20;

#[test]
fn a_cut_upload_goes_on_where_it_was() {
    let mut portal = Portal::with_kim();
    File::create(portal.folder.path().join("large.bin")).unwrap().set_len(SIZE_BYTES).unwrap();

    let put = ["file", "put", "large.bin", "home/", "--overwrite"];
    // The portal dies: the command itself goes on.
    let sending = begin(portal.command(&put), "");
    let begun = cut(&portal);
    portal.crash();
    portal.start();
    let ended = end(sending);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_continued(&portal, &begun);

    // The command dies: the next one goes on.
    let mut sending = begin(portal.command(&put), "");
    let begun = cut(&portal);
    sending.kill().unwrap();
    sending.wait().unwrap();
    let ended = portal.client(&put);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_continued(&portal, &begun);
}

/// The hidden file of the upload, once it has bytes.
fn cut(portal: &Portal) -> Metadata {
    until("the upload", || hidden(portal).into_iter().find(|found| found.len() > 0))
}

fn hidden(portal: &Portal) -> Vec<Metadata> {
    let entries = std::fs::read_dir(portal.home()).unwrap().map(Result::unwrap);
    let hidden = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".myksc-upload-"));
    // One may get its name between two looks.
    hidden.filter_map(|entry| entry.metadata().ok()).collect()
}

/// What is there is the hidden file that was begun, whole; no second one was.
fn assert_continued(portal: &Portal, begun: &Metadata) {
    let found = std::fs::metadata(portal.home().join("large.bin")).unwrap();
    assert!(begun.len() < SIZE_BYTES);
    assert_eq!((found.ino(), found.len()), (begun.ino(), SIZE_BYTES));
    assert_eq!(hidden(portal).len(), 0);
}
