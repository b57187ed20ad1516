//! A report that finds no room on the disk.

use std::io::Write as _;

use super::*;

const TEST: &str = "supervisor::tests::full::how_it_ended_is_told_once_the_full_disk_has_room";

#[test]
fn how_it_ended_is_told_once_the_full_disk_has_room() {
    const MARK: &str = "MYKSC_TEST_OWN_MOUNTS";
    if std::env::var_os(MARK).is_none() {
        let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
        let mut command = Command::new("unshare");
        command.arg(flags).arg(std::env::current_exe().unwrap()).args(["--exact", TEST, "--nocapture"]);
        assert!(command.env(MARK, "1").status().unwrap().success());
        return;
    }
    let bench = Bench::new("until [ -e go ]; do sleep 0.02; done; exit 3", |_| {});
    let spec = bench.folder.read_spec().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(bench.folder.path());
    assert!(mount.status().unwrap().success());
    bench.folder.write_spec(&spec).unwrap();
    let mut running = bench.start();
    let process = wait_until("it runs", || bench.folder.read_status().ok()??.process);

    let ballast = bench.folder.path().join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 512]).is_ok() {}
    drop(file);
    fs::write(bench.file("go"), "").unwrap();
    wait_for_end(&process.pid.to_string());
    let waits = bench.folder.path().join(".status.json.new");
    wait_until("the report is tried", || waits.exists().then_some(()));
    assert!(matches!(bench.folder.observe().unwrap(), State::Running(_)), "no half report");

    fs::remove_file(ballast).unwrap();
    assert!(running.wait().success());
    assert_eq!((bench.exit().cause, bench.exit().code), (ExitCause::Exited, Some(3)));
}
