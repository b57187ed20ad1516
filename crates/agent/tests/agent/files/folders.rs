//! Listing, making, moving and removing.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_setflags, mkdirat, openat};

use myksc_core::wire::{EntryKind, FileCode, Move};
use myksc_files::FilesError;

use super::house::{House, code, parse};

async fn move_entry(house: &House, from: &str, to: &str, overwrite: bool) -> Option<FileCode> {
    let order = Move { from: parse(from), to: parse(to), overwrite };
    code(house.files.move_entry(&house.identity, &order).await)
}

async fn make_folder(house: &House, path: &str) -> Result<(), FilesError> {
    house.files.make_folder(&house.identity, &parse(path)).await.map(drop)
}

#[tokio::test]
async fn a_folder_of_many_files_comes_whole_in_sorted_pages() {
    let house = House::new();
    let mut expected: Vec<String> =
        (0..20_000u32).map(|n| format!("{:x}-{n}", n.wrapping_mul(2_654_435_761))).collect();
    for name in &expected {
        std::fs::write(house.home(name), b"").unwrap();
    }
    expected.sort();
    assert_eq!(house.names("home", 1000).await.unwrap(), expected);
}

#[tokio::test]
async fn a_page_goes_on_behind_a_name_that_is_gone() {
    let house = House::new();
    for name in ["a", "b", "c", "d"] {
        std::fs::write(house.home(name), b"").unwrap();
    }
    let home = parse("home");
    let first = house.files.list(&house.identity, &home, None, 2).await.unwrap();
    std::fs::remove_file(house.home("b")).unwrap();
    std::fs::write(house.home("aa"), b"").unwrap();
    let rest = house.files.list(&house.identity, &home, first.next_cursor.as_deref(), 2).await.unwrap();
    assert_eq!(rest.items.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!(rest.next_cursor, None);
    for cursor in ["", "rubbish", "home", "home/x/y", "other/x", "home/.."] {
        let refused = house.files.list(&house.identity, &home, Some(cursor), 2).await;
        assert_eq!(code(refused), Some(FileCode::CursorInvalid), "{cursor:?}");
    }
}

#[tokio::test]
async fn every_kind_of_entry_is_told_and_links_say_what_they_lead_to() {
    let house = House::new();
    std::fs::create_dir(house.home("folder")).unwrap();
    std::fs::write(house.home("file"), b"12345").unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, house.home("pipe"), Mode::RWXU).unwrap();
    for (name, target) in
        [("to-file", "file"), ("to-folder", "folder"), ("broken", "none"), ("out", "/etc"), ("loop", "loop")]
    {
        std::os::unix::fs::symlink(target, house.home(name)).unwrap();
    }
    let page = house.files.list(&house.identity, &parse("home"), None, 100).await.unwrap();
    let kinds: Vec<_> =
        page.items.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.target_kind)).collect();
    let link = |name, target| (name, EntryKind::Link, target);
    let expected = [
        link("broken", None),
        ("file", EntryKind::File, None),
        ("folder", EntryKind::Folder, None),
        link("loop", None),
        link("out", None),
        ("pipe", EntryKind::Other, None),
        link("to-file", Some(EntryKind::File)),
        link("to-folder", Some(EntryKind::Folder)),
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn making_and_moving_never_replace_what_was_not_meant() {
    let house = House::new();
    make_folder(&house, "home/a").await.unwrap();
    assert_eq!(code(make_folder(&house, "home/a").await), Some(FileCode::FileExists));
    assert_eq!(code(make_folder(&house, "home/none/b").await), Some(FileCode::NotFound));
    assert_eq!(code(make_folder(&house, "home").await), Some(FileCode::IsRoot));
    make_folder(&house, "home/b").await.unwrap();
    house.put("home/a/x", b"x").await.unwrap();
    house.put("home/b/y", b"y").await.unwrap();
    let cases = [
        ("home/a", "home/b", false, FileCode::FileExists),
        ("home/a/x", "home/b/y", false, FileCode::FileExists),
        ("home/a/x", "home/a/x", false, FileCode::FileExists),
        ("home/a", "home/b", true, FileCode::FolderNotEmpty),
        ("home/a/x", "home/b", true, FileCode::IsFolder),
        ("home/a", "home/b/y", true, FileCode::NotAFolder),
        ("home/a", "home/a/c", false, FileCode::IntoItself),
        ("home/a", "home/a/c", true, FileCode::IntoItself),
        ("home/none", "home/c", false, FileCode::NotFound),
        ("home/a", "home/none/c", false, FileCode::NotFound),
        ("home", "home/c", false, FileCode::IntoItself),
        ("home/a", "home", true, FileCode::IsRoot),
    ];
    for (from, to, overwrite, expected) in cases {
        assert_eq!(
            move_entry(&house, from, to, overwrite).await,
            Some(expected),
            "{from} to {to}, {overwrite}"
        );
    }
    assert_eq!(move_entry(&house, "home/a/x", "home/b/y", true).await, None);
    assert_eq!(std::fs::read(house.home("b/y")).unwrap(), b"x");
    assert_eq!(move_entry(&house, "home/b", "home/a/b", false).await, None);
    assert_eq!(std::fs::read(house.home("a/b/y")).unwrap(), b"x");
}

#[tokio::test]
async fn a_link_is_moved_and_removed_as_a_link() {
    let house = House::new();
    let outside = house.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), b"kept").unwrap();
    std::os::unix::fs::symlink(&outside, house.home("link")).unwrap();
    assert_eq!(move_entry(&house, "home/link", "home/moved", false).await, None);
    assert_eq!(std::fs::read_link(house.home("moved")).unwrap(), outside);
    std::fs::create_dir(house.home("folder")).unwrap();
    std::os::unix::fs::symlink(&outside, house.home("folder/link")).unwrap();
    let report =
        house.files.remove(&house.identity, vec![parse("home/moved"), parse("home/folder")]).await.unwrap();
    assert_eq!(report.failed, 0);
    assert!(house.real_names().is_empty());
    assert_eq!(std::fs::read(outside.join("precious")).unwrap(), b"kept");
}

#[tokio::test]
async fn moving_to_another_file_system_says_so_and_loses_nothing() {
    use std::os::unix::fs::MetadataExt as _;
    let house = House::new();
    let other = std::fs::metadata("/dev/shm").map(|seen| seen.dev());
    let own = std::fs::metadata(house.home("")).unwrap().dev();
    assert!(other.is_ok_and(|other| other != own), "this test needs /dev/shm beside the temporary folder");
    house.put("home/f", b"kept").await.unwrap();
    let to = format!("memory/{}", house.identity.user);
    assert_eq!(move_entry(&house, "home/f", &to, false).await, Some(FileCode::OtherFileSystem));
    assert_eq!(std::fs::read(house.home("f")).unwrap(), b"kept");
}

/// Makes a folder's names unremovable, for root too where the test runs as root.
fn freeze(folder: &Path, frozen: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        let folder = std::fs::File::open(folder).unwrap();
        let flags = if frozen { IFlags::IMMUTABLE } else { IFlags::empty() };
        ioctl_setflags(folder, flags).expect("the temporary folder's file system has the immutable flag");
    } else {
        let mode = if frozen { 0o555 } else { 0o755 };
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[tokio::test]
async fn removal_goes_on_after_a_failure_and_lists_what_stays() {
    let house = House::new();
    for folder in ["tree/a/frozen/below", "tree/b/deep/er", "whole/of/it"] {
        std::fs::create_dir_all(house.home(folder)).unwrap();
        std::fs::write(house.home(folder).join("file"), b"").unwrap();
    }
    std::fs::write(house.home("tree/a/frozen/kept"), b"").unwrap();
    freeze(&house.home("tree/a/frozen"), true);
    let paths = ["home/none", "home/tree", "home/whole", "home"].map(parse).to_vec();
    let report = house.files.remove(&house.identity, paths).await;
    freeze(&house.home("tree/a/frozen"), false);
    let report = report.unwrap();
    let mut failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| (failure.index, failure.path.to_string(), failure.code))
        .collect();
    failures.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let expected = [
        (0, "home/none".to_owned(), FileCode::NotFound),
        (1, "home/tree/a/frozen/below".to_owned(), FileCode::PermissionDenied),
        (1, "home/tree/a/frozen/kept".to_owned(), FileCode::PermissionDenied),
        (3, "home".to_owned(), FileCode::IsRoot),
    ];
    assert_eq!(failures, expected);
    assert_eq!(report.failed, 4);
    assert!(house.home("tree/a/frozen/kept").exists() && house.home("tree/a/frozen/below").exists());
    assert!(!house.home("tree/b").exists() && !house.home("whole").exists());
}

#[tokio::test]
async fn a_tree_deeper_than_any_path_or_stack_is_removed() {
    let house = House::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder: OwnedFd = rustix::fs::open(house.home(""), flags, Mode::empty()).unwrap();
    for depth in 0..5000 {
        mkdirat(&folder, "deep", Mode::RWXU).unwrap();
        folder = openat(&folder, "deep", flags, Mode::empty()).unwrap();
        if depth % 500 == 0 {
            mkdirat(&folder, "beside", Mode::RWXU).unwrap();
            openat(&folder, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
        }
    }
    let report = house.files.remove(&house.identity, vec![parse("home/deep")]).await.unwrap();
    assert_eq!((report.failed, house.real_names().len()), (0, 0), "{:?}", report.failures);
}
