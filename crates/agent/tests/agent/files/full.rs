//! Disks that are full for real: small file systems in mounts of the test's own.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use myksc_core::wire::FileCode;

use super::house::{House, code, parse, pattern};

/// Runs the test named so again where it may mount; true in there.
fn in_own_mounts(test: &str) -> bool {
    const MARK: &str = "MYKSC_TEST_OWN_MOUNTS";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let mut command = Command::new("unshare");
    command.arg(flags).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    assert!(command.env(MARK, "1").status().unwrap().success(), "{test}");
    false
}

fn mount_small(folder: &Path, size: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let options = format!("size={size},mode=0700");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).status();
    assert!(mounted.unwrap().success());
}

/// Takes all room that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut size = 1 << 16;
    while size > 0 {
        if file.write_all(&vec![1; size]).is_err() {
            size /= 2;
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_disk_that_fills_up_loses_nothing_and_the_upload_goes_on_when_there_is_room() {
    if !in_own_mounts(
        "files::full::a_disk_that_fills_up_loses_nothing_and_the_upload_goes_on_when_there_is_room",
    ) {
        return;
    }
    run(async {
        let house = House::new();
        mount_small(&house.home(""), "3m");
        let content = pattern(2_000_000);
        house.put("home/kept", b"what was there before").await.unwrap();
        let upload = house.begin("home/f", 2_000_000).await.unwrap();
        std::fs::write(house.home("ballast"), pattern(2_000_000)).unwrap();
        assert_eq!(code(house.begin("home/g", 2_000_000).await), Some(FileCode::DiskFull));

        assert_eq!(code(house.append(&upload, 0, &content).await), Some(FileCode::DiskFull));
        let arrived = house.files.find_upload(&house.identity, &upload.id).await.unwrap().offset_bytes;
        assert!((100_000..2_000_000).contains(&arrived), "{arrived}");
        assert_eq!(code(house.append(&upload, arrived, &content[..9]).await), Some(FileCode::DiskFull));
        assert_eq!(code(house.put("home/kept", &content[..50_000]).await), Some(FileCode::DiskFull));
        assert_eq!(house.get("home/kept").await.unwrap(), "what was there before");
        assert_eq!(house.names("home", 10).await.unwrap(), ["ballast", "kept"]);
        assert_eq!(house.real_names().len(), 3, "the upload's hidden file and no other");

        let report = house.files.remove(&house.identity, vec![parse("home/ballast")]).await.unwrap();
        assert_eq!(report.failed, 0);
        let at = house.files.find_upload(&house.identity, &upload.id).await.unwrap().offset_bytes;
        let rest = &content[usize::try_from(at).unwrap()..];
        assert_eq!(house.append(&upload, at, rest).await.unwrap().offset_bytes, 2_000_000);
        assert_eq!(std::fs::read(house.home("f")).unwrap(), content);
    });
}

#[test]
fn a_full_state_folder_is_told_and_the_upload_ends_well_when_there_is_room() {
    if !in_own_mounts("files::full::a_full_state_folder_is_told_and_the_upload_ends_well_when_there_is_room")
    {
        return;
    }
    run(async {
        let house = House::new();
        mount_small(&house.state(), "256k");
        let upload = house.begin("home/f", 4).await.unwrap();
        house.append(&upload, 0, b"01").await.unwrap();
        let ballast = house.state().join("ballast");
        fill(&ballast);
        assert_eq!(code(house.begin("home/g", 4).await), Some(FileCode::DiskFull));
        assert_eq!(code(house.put("home/g", b"x").await), Some(FileCode::DiskFull));
        assert_eq!(code(house.append(&upload, 2, b"23").await), Some(FileCode::DiskFull));
        assert_eq!(std::fs::read_dir(house.state().join("uploads")).unwrap().count(), 1, "no halves");
        assert!(!house.home("f").exists() && house.real_names().len() == 1);
        std::fs::remove_file(ballast).unwrap();
        let found = house.files.find_upload(&house.identity, &upload.id).await.unwrap();
        assert_eq!(found.offset_bytes, 4);
        assert_eq!(std::fs::read(house.home("f")).unwrap(), b"0123");
        assert_eq!(house.real_names(), ["f"]);
    });
}
