//! Links from root to root: followed, shown, changed as links, and never a way out.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use myksc_core::wire::{Entry, EntryKind, FileCode, Move};
use myksc_files::FilesError;

use super::house::{House, code, parse};

/// A home with links as people of a computing centre have them.
fn linked() -> House {
    let house = House::new();
    std::fs::create_dir_all(house.scratch("data/deep")).unwrap();
    std::fs::create_dir_all(house.home("real/inner")).unwrap();
    std::fs::create_dir(house.path().join("outside")).unwrap();
    std::fs::write(house.path().join("outside/secret"), b"outside").unwrap();
    std::fs::write(house.scratch("data/f"), b"scratch").unwrap();
    std::fs::write(house.home("real/f"), b"home").unwrap();
    let link = |target: std::path::PathBuf, name: &str| symlink(target, house.home(name)).unwrap();
    link(house.home("real"), "same-root");
    link(house.scratch("data"), "other-root");
    link(house.scratch(""), "whole-root");
    link("../scratch/data".into(), "relative");
    link("other-root".into(), "chain");
    link("real/inner/../../chain/deep/..".into(), "winding");
    link(house.scratch("back/there"), "to-and-fro");
    link(house.home("loop-b"), "loop-a");
    link(house.home("loop-a"), "loop-b");
    link(house.scratch("data/f"), "file");
    link(house.scratch("none"), "broken");
    link("/etc/passwd".into(), "passwd");
    link(house.path().join("outside"), "outside");
    link(house.scratch("../outside"), "over-scratch");
    link(house.scratch("escape"), "by-scratch");
    symlink(house.home("real"), house.scratch("back")).unwrap();
    symlink(house.scratch("data"), house.home("real/there")).unwrap();
    symlink("../outside", house.scratch("escape")).unwrap();
    house
}

async fn entry(house: &House, path: &str) -> Entry {
    house.files.stat(&house.identity, &parse(path)).await.unwrap()
}

#[tokio::test]
async fn links_to_any_root_are_followed_by_every_call() {
    let house = linked();
    assert_eq!(house.get("home/same-root/f").await.unwrap(), "home");
    for way in ["other-root", "whole-root/data", "relative", "chain", "winding", "to-and-fro"] {
        let at = |name: &str| format!("home/{way}/{name}");
        assert_eq!(house.get(&at("f")).await.unwrap(), "scratch", "{way}");
        assert_eq!(house.names(&format!("home/{way}"), 1).await.unwrap(), ["deep", "f"], "{way}");
        assert_eq!(entry(&house, &at("f")).await.kind, EntryKind::File, "{way}");
        house.put(&at("new"), b"new").await.unwrap();
        assert_eq!(std::fs::read(house.scratch("data/new")).unwrap(), b"new", "{way}");
        house.files.make_folder(&house.identity, &parse(&at("made"))).await.unwrap();
        let order = Move { from: parse(&at("new")), to: parse(&at("made/moved")), overwrite: false };
        house.files.move_entry(&house.identity, &order).await.unwrap();
        assert!(house.scratch("data/made/moved").is_file(), "{way}");
        let report = house.files.remove(&house.identity, vec![parse(&at("made"))]).await.unwrap();
        assert_eq!((report.failed, house.scratch("data/made").exists()), (0, false), "{way}");
        let upload = house.begin(&at("up"), 4).await.unwrap();
        assert_eq!(house.append(&upload, 0, b"1234").await.unwrap().offset_bytes, 4, "{way}");
        std::fs::remove_file(house.scratch("data/up")).unwrap();
    }
    assert_eq!(house.get("home/file").await.unwrap(), "scratch");
}

#[tokio::test]
async fn a_listing_tells_where_links_lead() {
    let house = linked();
    let told = |entry: Entry| (entry.kind, entry.target_kind, entry.target_path.map(|path| path.to_string()));
    let link = |kind, path: &str| (EntryKind::Link, Some(kind), Some(path.to_owned()));
    let folder = EntryKind::Folder;
    assert_eq!(told(entry(&house, "home/same-root").await), link(folder, "home/real"));
    assert_eq!(told(entry(&house, "home/whole-root").await), link(folder, "scratch"));
    for name in ["other-root", "relative", "chain", "winding", "to-and-fro"] {
        assert_eq!(
            told(entry(&house, &format!("home/{name}")).await),
            link(folder, "scratch/data"),
            "{name}"
        );
    }
    assert_eq!(told(entry(&house, "home/file").await), link(EntryKind::File, "scratch/data/f"));
    for name in ["broken", "loop-a", "passwd", "outside", "over-scratch", "by-scratch"] {
        assert_eq!(
            told(entry(&house, &format!("home/{name}")).await),
            (EntryKind::Link, None, None),
            "{name}"
        );
    }
    let page = house.files.list(&house.identity, &parse("home"), None, 100).await.unwrap();
    let passwd = page.items.iter().find(|entry| entry.name == "passwd").unwrap();
    assert_eq!(passwd.target_text.as_deref(), Some("/etc/passwd"));
    let real = page.items.iter().find(|entry| entry.name == "real").unwrap();
    assert_eq!((real.target_kind, &real.target_path, &real.target_text), (None, &None, &None));
}

#[tokio::test]
async fn links_in_a_circle_and_out_of_the_roots_are_refused_with_advice() {
    let house = linked();
    assert_eq!(code(house.get("home/loop-a/f").await), Some(FileCode::TooManyLinks));
    assert_eq!(code(house.get("home/broken").await), Some(FileCode::NotFound));
    for path in ["outside/secret", "over-scratch/secret", "by-scratch/secret", "whole-root/escape/secret"] {
        match house.get(&format!("home/{path}")).await {
            Err(FilesError::Refused(problem)) => {
                assert_eq!(problem.code, FileCode::OutsideRoot, "{path}");
                let outside = house.path().canonicalize().unwrap().join("outside/secret");
                assert!(problem.detail.contains("copy what you need into one of them"), "{problem:?}");
                assert_eq!(problem.params["target"], outside.to_str().unwrap(), "{path}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
    match house.get("home/passwd").await {
        Err(FilesError::Refused(problem)) => assert_eq!(problem.params["target"], "/etc/passwd"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn links_across_roots_are_moved_and_removed_as_links() {
    let house = linked();
    let order = Move { from: parse("home/other-root"), to: parse("home/renamed"), overwrite: false };
    let moved = house.files.move_entry(&house.identity, &order).await.unwrap();
    assert_eq!((moved.kind, moved.target_kind), (EntryKind::Link, Some(EntryKind::Folder)));
    assert_eq!(code(house.put("home/file", b"x").await), Some(FileCode::IsLink));
    let paths = ["home/renamed", "home/relative", "home/file", "home/whole-root", "home/passwd"];
    let report = house.files.remove(&house.identity, paths.map(parse).to_vec()).await.unwrap();
    assert_eq!(report.failed, 0, "{report:?}");
    for path in paths {
        assert!(!house.path().join(path).is_symlink(), "{path}");
    }
    assert_eq!(std::fs::read(house.scratch("data/f")).unwrap(), b"scratch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_changes_between_roots_and_outside_never_leads_out() {
    let house = linked();
    std::fs::create_dir(house.scratch("door")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    symlink(house.scratch("data"), house.home("swapped")).unwrap();
    symlink(house.path().join("outside"), house.home("other")).unwrap();
    let swapping = std::thread::spawn({
        let (stop, here, there) = (Arc::clone(&stop), house.home("swapped"), house.home("other"));
        // A folder on the way changes to a link too.
        let (inner, door) = (house.scratch("data/deep"), house.scratch("escape"));
        move || {
            let swap = |a, b| {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, a, rustix::fs::CWD, b, flags).unwrap();
            };
            while !stop.load(Ordering::Relaxed) {
                swap(&here, &there);
                swap(&inner, &door);
            }
        }
    });
    let mut inside = 0;
    for round in 0..300 {
        match house.get("home/swapped/f").await {
            Ok(bytes) => {
                assert_eq!(bytes, "scratch");
                inside += 1;
            }
            Err(error) => assert!(
                matches!(
                    error.code(),
                    Some(FileCode::OutsideRoot | FileCode::NotFound | FileCode::AgentBusy)
                ),
                "{error:?}"
            ),
        }
        assert!(house.get("home/swapped/secret").await.is_err());
        let _ = house.put(&format!("home/swapped/deep/new-{round}"), b"x").await;
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(inside > 0);
    let outside = std::fs::read_dir(house.path().join("outside")).unwrap();
    assert_eq!(outside.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["secret"]);
}
