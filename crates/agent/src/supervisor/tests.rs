//! The supervisor as a process of its own, with real processes below it.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use myksc_core::spool::Limits;
use myksc_spool::State;

use super::*;

mod full;
mod log_cap;

const PATIENCE: Duration = Duration::from_secs(20);

/// Not a test by itself: the process that the others start as a supervisor.
#[test]
fn supervisor_process() {
    if let Some(folder) = std::env::var_os("MYKSC_TEST_FOLDER") {
        let code = run(Path::new(&folder));
        std::process::exit(i32::from(code != ExitCode::SUCCESS));
    }
}

struct Bench {
    folder: Folder,
    _parent: tempfile::TempDir,
}

impl Bench {
    fn new(script: &str, change: impl FnOnce(&mut Spec)) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let name =
            format!("t{}", parent.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.'));
        let folder = Folder::create(parent.path().join(name)).unwrap();
        let mut spec = Spec {
            generation: 1,
            command: vec!["/bin/bash".into(), "-c".into(), script.into()],
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            work_dir: parent.path().to_owned(),
            stdin: None,
            stdout: None,
            stderr: None,
            log_limit_bytes: None,
            limits: Limits::default(),
            grace_secs: 20,
        };
        change(&mut spec);
        folder.write_spec(&spec).unwrap();
        Self { folder, _parent: parent }
    }

    fn start(&self) -> Running {
        self.start_to_die_at(None)
    }

    fn start_to_die_at(&self, point: Option<CrashPoint>) -> Running {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "supervisor::tests::supervisor_process", "--test-threads=1"]);
        command.env("MYKSC_TEST_FOLDER", self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(point) = point {
            command.env(crash::VARIABLE, point.name());
        }
        Running { child: command.spawn().unwrap() }
    }

    /// Runs a supervisor to its end and gives the exit it reported.
    fn run(&self) -> Exit {
        assert!(self.start().wait().success());
        self.exit()
    }

    fn exit(&self) -> Exit {
        match self.folder.observe().unwrap() {
            State::Ended { exit, .. } => exit,
            other => panic!("not ended: {other:?}"),
        }
    }

    fn process(&self) -> Process {
        self.folder.read_status().unwrap().unwrap().process.unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self._parent.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.log_path()).unwrap_or_default()
    }
}

struct Running {
    child: Child,
}

impl Running {
    fn wait(&mut self) -> std::process::ExitStatus {
        wait_until("the supervisor ends", || self.child.try_wait().unwrap())
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < give_up_at, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_file(path: &Path) -> String {
    let complete = |text: String| text.ends_with('\n').then_some(text);
    wait_until(&format!("{} is there", path.display()), || fs::read_to_string(path).ok().and_then(complete))
}

fn wait_for_end(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    let is_gone = || fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z ")).then_some(());
    wait_until(&format!("process {pid} is gone"), is_gone);
}

#[test]
fn output_and_exit_code_are_kept() {
    let bench = Bench::new("echo out; echo err >&2; exit 7", |_| {});
    let exit = bench.run();
    assert_eq!((exit.cause, exit.code, exit.signal), (ExitCause::Exited, Some(7), None));
    assert_eq!(bench.log(), "out\nerr\n");
    assert!(bench.process().cgroups.iter().all(|group| !group.exists()), "its control groups are removed");
}

#[test]
fn the_process_gets_exactly_the_environment_folder_and_files_of_its_orders() {
    let bench = Bench::new("env; pwd; cat; echo err >&2", |spec| {
        spec.environment.insert("GREETING".into(), "안녕 $(id)\nsecond line".into());
        spec.stdin = Some(spec.work_dir.join("in"));
        spec.stdout = Some(spec.work_dir.join("out"));
        spec.stderr = Some(spec.work_dir.join("err"));
    });
    fs::write(bench.file("in"), "from stdin\n").unwrap();
    assert_eq!(bench.run().code, Some(0));
    let out = fs::read_to_string(bench.file("out")).unwrap();
    assert!(out.contains("GREETING=안녕 $(id)\nsecond line\n"), "{out}");
    assert!(!out.contains("CARGO"), "nothing of the supervisor's own environment: {out}");
    assert!(out.ends_with(&format!("{}\nfrom stdin\n", bench._parent.path().display())), "{out}");
    assert_eq!(fs::read_to_string(bench.file("err")).unwrap(), "err\n");
}

#[test]
fn a_signal_from_elsewhere_is_reported() {
    let exit = Bench::new("kill -USR1 $$", |_| {}).run();
    assert_eq!((exit.cause, exit.code, exit.signal), (ExitCause::Signalled, None, Some(10)));
}

#[test]
fn what_cannot_start_says_why() {
    type Change = fn(&mut Spec);
    let cases: [(&str, Change); 5] = [
        ("/nowhere/program: No such file", |spec| spec.command = vec!["/nowhere/program".into()]),
        ("ermission denied", |spec| spec.command = vec!["/etc/passwd".into()]),
        ("no program", |spec| spec.command.clear()),
        ("/nowhere: No such file", |spec| spec.work_dir = "/nowhere".into()),
        ("/nowhere/out", |spec| spec.stdout = Some("/nowhere/out".into())),
    ];
    for (expected, change) in cases {
        let exit = Bench::new("true", change).run();
        assert_eq!(exit.cause, ExitCause::NotStarted);
        let detail = exit.detail.unwrap();
        assert!(detail.contains(expected), "{detail:?} does not say {expected:?}");
    }
}

#[test]
fn a_walltime_ends_the_whole_group() {
    let bench = Bench::new("sleep 600 & echo $! >child; wait", |spec| spec.limits.walltime_secs = Some(1));
    let begun = Instant::now();
    let exit = bench.run();
    assert_eq!(exit.cause, ExitCause::WalltimeOver);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    wait_for_end(&wait_for_file(&bench.file("child")));
}

#[test]
fn a_wish_to_stop_ends_an_obedient_process_by_sigterm() {
    let bench = Bench::new("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done", |_| {});
    let mut running = bench.start();
    wait_until("it is ready", || bench.log().contains("ready").then_some(()));
    bench.folder.request_stop(1).unwrap();
    assert!(running.wait().success());
    assert_eq!((bench.exit().cause, bench.exit().code), (ExitCause::Stopped, Some(3)));
    assert!(bench.log().ends_with("bye\n"), "{}", bench.log());
}

#[test]
fn a_stubborn_process_is_killed_after_the_grace() {
    let script = "trap '' TERM; setsid bash -c 'trap \"\" TERM; echo $$ >daemon; sleep 600' & \
                  while [ ! -s daemon ]; do :; done; echo ready; while :; do sleep 1; done";
    let bench = Bench::new(script, |spec| spec.grace_secs = 1);
    let mut running = bench.start();
    wait_until("it is ready", || bench.log().contains("ready").then_some(()));
    let asked = Instant::now();
    bench.folder.request_stop(1).unwrap();
    assert!(running.wait().success());
    assert!(asked.elapsed() >= Duration::from_secs(1), "it got its grace");
    assert_eq!((bench.exit().cause, bench.exit().signal), (ExitCause::Stopped, Some(9)));
    wait_for_end(&wait_for_file(&bench.file("daemon")));
}

#[test]
fn a_daemon_does_not_outlive_the_process_that_left_it() {
    let bench = Bench::new(
        "setsid bash -c 'echo $$ >daemon; exec sleep 600' & while [ ! -s daemon ]; do :; done",
        |_| {},
    );
    assert_eq!(bench.run().code, Some(0));
    wait_for_end(&wait_for_file(&bench.file("daemon")));
}

#[test]
fn a_wish_that_came_before_the_start_starts_nothing() {
    let bench = Bench::new("touch ran", |_| {});
    bench.folder.request_stop(1).unwrap();
    assert_eq!(bench.run().cause, ExitCause::Stopped);
    assert!(!bench.file("ran").exists());
}

#[test]
fn memory_beyond_the_limit_ends_the_process_by_whatever_enforces_it() {
    let hog = "import sys\nblocks = []\nwhile True: blocks.append(bytearray(b'x' * 4_000_000))";
    let bench = Bench::new("", |spec| {
        spec.command = vec!["python3".into(), "-c".into(), hog.into()];
        spec.limits.memory_bytes = Some(100 << 20);
    });
    let exit = bench.run();
    match bench.process().limits_by.as_str() {
        "rlimit" => {
            assert_eq!((exit.cause, exit.code), (ExitCause::Exited, Some(1)));
            assert!(bench.log().contains("MemoryError"), "{}", bench.log());
        }
        by => {
            assert!(by.starts_with("cgroup v"), "{by}");
            assert_eq!((exit.cause, exit.signal), (ExitCause::OutOfMemory, Some(9)));
        }
    }
}

#[test]
fn limits_hold_without_control_groups_too() {
    let bench = Bench::new("ulimit -d; ulimit -t", |spec| {
        spec.limits =
            Limits { cpu_millis: Some(2000), memory_bytes: Some(64 << 20), walltime_secs: Some(30) };
    });
    let spec = bench.folder.read_spec().unwrap();
    let enforcer = Enforcer::by_rlimit(&spec.limits);
    let waiting = launch::spawn(&bench.folder, &spec).unwrap();
    assert_eq!(enforcer.confine(waiting.pid()), "rlimit");
    let pid = waiting.pid();
    waiting.release().unwrap();
    rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty()).unwrap();
    assert_eq!(bench.log(), format!("{}\n60\n", 64 << 10));
}

#[test]
fn a_second_supervisor_leaves_a_running_process_alone() {
    let bench = Bench::new("echo once; while [ ! -e go ]; do sleep 0.02; done", |_| {});
    let mut first = bench.start();
    wait_until("it runs", || bench.log().contains("once").then_some(()));
    assert!(bench.start().wait().success());
    assert!(matches!(bench.folder.observe().unwrap(), State::Running(_)));
    fs::write(bench.file("go"), "").unwrap();
    assert!(first.wait().success());
    let before = bench.folder.read_status().unwrap();
    assert!(bench.start().wait().success());
    assert_eq!(
        bench.folder.read_status().unwrap(),
        before,
        "orders that were followed are not followed again"
    );
    assert_eq!(bench.log(), "once\n");
}

#[test]
fn new_orders_run_in_the_same_folder() {
    let bench = Bench::new("echo again", |_| {});
    bench.run();
    let spec = bench.folder.read_spec().unwrap();
    bench.folder.write_spec(&Spec { generation: 2, ..spec }).unwrap();
    assert_eq!(bench.run().code, Some(0));
    assert_eq!(bench.log(), "again\nagain\n");
}

#[test]
fn a_killed_supervisor_leaves_nothing_running_after_the_next_one() {
    let bench = Bench::new("setsid bash -c 'echo $$ >daemon; exec sleep 600' & echo $$ >main; wait", |_| {});
    let mut running = bench.start();
    let main = wait_for_file(&bench.file("main"));
    let daemon = wait_for_file(&bench.file("daemon"));
    running.kill();
    wait_until("its death is seen", || {
        matches!(bench.folder.observe().unwrap(), State::Lost(_)).then_some(())
    });
    let exit = bench.run();
    assert_eq!((exit.cause, exit.code), (ExitCause::SupervisorLost, None));
    wait_for_end(&main);
    wait_for_end(&daemon);
}

#[test]
fn a_stranger_with_the_reported_id_is_left_alone() {
    let bench = Bench::new("true", |_| {});
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let process = Process {
        pid: stranger.id(),
        start_ticks: 1,
        cgroups: vec!["/nowhere".into()],
        started_at: Timestamp::now(),
        limits_by: "rlimit".into(),
    };
    let status = Status {
        generation: 1,
        supervisor_pid: 1,
        placed_at: Timestamp::now(),
        process: Some(process),
        exit: None,
    };
    bench.folder.write_status(&status).unwrap();
    assert_eq!(bench.run().cause, ExitCause::SupervisorLost);
    assert_eq!(stranger.try_wait().unwrap(), None, "it still runs");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_death_at_any_point_neither_loses_nor_doubles_the_run() {
    let mut tried = Vec::new();
    for point in CrashPoint::of_supervisor() {
        let bench = Bench::new("echo ran", |_| {});
        let died = bench.start_to_die_at(Some(point)).wait();
        assert_eq!(died.signal(), Some(9), "{}", point.name());
        let ran_before = bench.log();
        let exit = bench.run();
        assert_eq!(bench.log(), "ran\n", "it ran exactly once, {}", point.name());
        if point == CrashPoint::LaunchExitSeen {
            assert_eq!((ran_before.as_str(), exit.cause), ("ran\n", ExitCause::SupervisorLost));
        } else {
            assert_eq!((ran_before.as_str(), exit.cause, exit.code), ("", ExitCause::Exited, Some(0)));
        }
        tried.push(point.name());
    }
    // To the terminal itself, for the list is to be seen of a test that passes, too.
    writeln!(io::stderr(), "supervisor killed at {}", tried.join(", ")).unwrap();
    assert_eq!(tried, ["launch.placed", "launch.process_started", "launch.exit_seen"]);
}

#[test]
fn rubbish_for_orders_is_told_and_nothing_runs() {
    let bench = Bench::new("touch ran", |_| {});
    fs::write(bench.folder.path().join("spec.json"), "{").unwrap();
    assert_eq!(bench.start().wait().code(), Some(1));
    assert!(!bench.file("ran").exists());
}
