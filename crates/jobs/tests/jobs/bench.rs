//! A portal's jobs in a folder of their own, and what a test does with them.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use myksc_core::spool::Status;
use myksc_core::{Error, Identity, Job, JobId, JobPhase, Translated, UserId};
use myksc_jobs::scheduler::Scheduler;
use myksc_jobs::{Jobs, Local, LocalConfig, LocalQueue, Roots, SiteRules, SystemConfig};
use myksc_spool::{Folder, SupervisorProgram};
use myksc_store::{JobState, Store};
use rustix::process::{Pid, Signal};

const PATIENCE: Duration = Duration::from_secs(40);

/// The folder of one portal: database, spool folders and a home.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) who: Identity,
}

/// A running portal's jobs.
pub(crate) struct Portal {
    pub(crate) jobs: Jobs,
    pub(crate) store: Store,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        let who = identity(folder.path());
        Self { folder, who }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.who.home.clone()
    }

    pub(crate) fn jobs_dir(&self) -> PathBuf {
        self.path().join("jobs")
    }

    pub(crate) fn folder_of(&self, id: &JobId) -> Folder {
        Folder::at(self.jobs_dir().join(id.as_str()))
    }

    /// A portal with two slots.
    pub(crate) async fn portal(&self) -> Portal {
        self.portal_with(config(self.path())).await
    }

    pub(crate) async fn portal_with(&self, config: LocalConfig) -> Portal {
        open_portal(self.path(), config).await
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home().join(name)).unwrap_or_default()
    }
}

impl Drop for Bench {
    /// Supervisors outlive the portal, but not the test.
    fn drop(&mut self) {
        let Ok(folders) = std::fs::read_dir(self.jobs_dir()) else { return };
        for folder in folders.flatten() {
            let Ok(Some(Status { supervisor_pid, process, exit: None, .. })) =
                Folder::at(folder.path()).read_status()
            else {
                continue;
            };
            kill(supervisor_pid);
            if let Some(group) = process.and_then(|process| pid(process.pid)) {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
        }
    }
}

impl Portal {
    pub(crate) async fn submit(&self, bench: &Bench, script: &str) -> Result<Job, Error> {
        self.jobs.submit(&bench.who, "local", script, "home").await
    }

    pub(crate) async fn job(&self, bench: &Bench, id: &JobId) -> Job {
        self.jobs.get(&bench.who, id).await.unwrap()
    }

    /// Waits until a job is as wanted.
    pub(crate) async fn wait_for(&self, bench: &Bench, id: &JobId, wanted: impl Fn(&Job) -> bool) -> Job {
        let deadline = Instant::now() + PATIENCE;
        let mut changes = self.store.subscribe();
        loop {
            changes.mark_unchanged();
            let job = self.job(bench, id).await;
            if wanted(&job) {
                return job;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let changed = tokio::time::timeout(left, changes.changed()).await;
            assert!(changed.is_ok(), "still {job:#?}");
        }
    }

    pub(crate) async fn phase(&self, bench: &Bench, id: &JobId, phase: JobPhase) -> Job {
        self.wait_for(bench, id, |job| job.phase == phase).await
    }

    pub(crate) async fn ended(&self, bench: &Bench, id: &JobId) -> Job {
        self.phase(bench, id, JobPhase::Ended).await
    }

    pub(crate) async fn count(&self, bench: &Bench, state: JobState) -> usize {
        self.jobs.list(&bench.who, state, 500, None).await.unwrap().items.len()
    }
}

/// Waits for something that nobody tells of.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn script(lines: &str) -> String {
    format!("#!/bin/bash\n#MYKSC --name=test\n{lines}\n")
}

pub(crate) fn config(path: &Path) -> LocalConfig {
    LocalConfig {
        queues: vec![LocalQueue {
            slots: 2,
            max_memory_bytes: 8 << 30,
            memory_bytes_per_slot: None,
            ..LocalQueue::of_this_machine()
        }],
        grace_secs: 1,
        ..LocalConfig::new(path.join("jobs"), supervisor())
    }
}

pub(crate) async fn open_portal(path: &Path, config: LocalConfig) -> Portal {
    let store = Store::open(&format!("sqlite:{}", path.join("portal.db").display())).await.unwrap();
    let local = Local::start(config).await.unwrap();
    start_portal(store, Arc::new(local))
}

pub(crate) fn start_portal(store: Store, scheduler: Arc<dyn Scheduler>) -> Portal {
    let (id, title) = ("local".into(), Translated::same("Local"));
    start_system(store, SystemConfig { id, title, scheduler, rules: SiteRules::NONE })
}

pub(crate) fn start_system(store: Store, system: SystemConfig) -> Portal {
    let roots = |who: &Identity| Roots::new([("home".to_owned(), who.home.clone())]);
    let jobs = Jobs::start(store.clone(), vec![system], Arc::new(roots));
    Portal { jobs, store }
}

pub(crate) fn identity(path: &Path) -> Identity {
    let uid = rustix::process::getuid().as_raw();
    let gid = rustix::process::getgid().as_raw();
    Identity {
        user: "ukimkimkimkimkim".parse::<UserId>().unwrap(),
        name: "kim".to_owned(),
        uid,
        gid,
        gids: vec![gid],
        home: path.join("home"),
        shell: "/bin/bash".into(),
    }
}

pub(crate) fn kill(process: u32) {
    if let Some(process) = pid(process) {
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
}

fn pid(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}

fn supervisor() -> SupervisorProgram {
    SupervisorProgram {
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", "supervisor_process", "--test-threads=1"].map(Into::into).to_vec(),
    }
}
