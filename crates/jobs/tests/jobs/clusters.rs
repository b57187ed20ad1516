//! Slurm and PBS with commands of our own on the path, which fail in ways that real ones can't be made to.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use myksc_core::job::JobSize;
use myksc_core::{Identity, JobId, JobPhase, Timestamp, Translated, UserId};
use myksc_jobs::scheduler::{Action, LookUp, Place, Scheduler, SchedulerError, Submission};
use myksc_jobs::transport::Exec;
use myksc_jobs::{CommandsConfig, OptionField, Pbs, SiteOption, SiteRules, Slurm, SystemConfig};
use myksc_store::Store;
use tempfile::TempDir;

use crate::bench::{Bench, start_system};

/// Commands in a folder; each notes its arguments in a file `NAME.calls`.
pub(crate) struct Commands(TempDir);

impl Commands {
    pub(crate) fn new(scripts: &[(&str, &str)]) -> Self {
        let commands = Self(tempfile::tempdir().unwrap());
        scripts.iter().for_each(|(name, script)| commands.put(name, script));
        commands
    }

    pub(crate) fn put(&self, name: &str, script: &str) {
        let folder = self.0.path().display();
        let note = format!("printf '%s\\n' \"$*\" >> {folder}/{name}.calls; here={folder}");
        let path = self.0.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{note}\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn calls(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.path().join(format!("{name}.calls"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn config(&self) -> CommandsConfig {
        CommandsConfig {
            transport: Arc::new(Exec::new(&format!("{}:/usr/bin:/bin", self.0.path().display()))),
            observer: who(),
            environment: Vec::new(),
            poll_every: Duration::from_secs(3600),
        }
    }
}

fn who() -> Identity {
    Identity {
        user: UserId::random(),
        name: "kim".to_owned(),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        gids: Vec::new(),
        home: "/tmp".into(),
        shell: "/bin/sh".into(),
    }
}

pub(crate) fn submission(work_dir: &Path) -> Submission {
    let size = JobSize {
        nodes: 1,
        tasks_per_node: 1,
        cpus_per_task: 1,
        gpus_per_node: 0,
        memory_bytes: None,
        walltime_secs: Some(60),
    };
    let place = Place { work_dir: "home".into(), stdout: "home/o".into(), stderr: "home/o".into() };
    Submission {
        tag: JobId::random(),
        script: "#!/bin/sh\ntrue\n".to_owned(),
        name: "job".to_owned(),
        queue: "workq".to_owned(),
        size,
        place,
        work_dir: work_dir.to_owned(),
        stdout: work_dir.join("100% o"),
        stderr: None,
        submitted_at: Timestamp::now(),
    }
}

/// A qsub whose job is on record before its answer is lost; the others know that job.
const PBS_THAT_LOSES_ANSWERS: [(&str, &str); 3] = [
    ("qsub", "shift; echo \"$2\" > $here/mark; echo 'qsub: Premature end of message' >&2; exit 1"),
    ("qselect", "[ -e $here/mark ] && echo 7.vm; exit 0"),
    (
        "qstat",
        "printf 'Job Id: 7.vm\\037job_state=Q\\037Variable_List=PBS_O_HOME=/home/kim,%s,PBS_O_HOST=vm\\n' \"$(cat $here/mark)\"",
    ),
];

#[tokio::test]
async fn a_job_whose_answer_pbs_lost_is_found_and_not_made_again() {
    let commands = Commands::new(&PBS_THAT_LOSES_ANSWERS);
    let pbs = Pbs::start(commands.config());
    let submission = submission(commands.0.path());
    let lost = pbs.submit(&who(), &submission).await.unwrap_err();
    assert!(matches!(lost, SchedulerError::Away(_)), "{lost:?}");
    assert_eq!(pbs.submit(&who(), &submission).await.unwrap(), "7.vm");
    assert_eq!(pbs.submit(&who(), &submission).await.unwrap(), "7.vm");
    assert_eq!(commands.calls("qsub").len(), 1);
}

#[tokio::test]
async fn a_pbs_that_can_not_write_output_while_the_job_runs_takes_jobs_all_the_same() {
    let commands = Commands::new(&[
        (
            "qsub",
            "case \"$*\" in *oed*) echo 'qsub: illegal -k value' >&2; exit 2;; esac; pwd > $here/pwd; echo 8.vm",
        ),
        ("qselect", ""),
    ]);
    let pbs = Pbs::start(commands.config());
    let submission = submission(commands.0.path());
    assert_eq!(pbs.submit(&who(), &submission).await.unwrap(), "8.vm");
    let calls = commands.calls("qsub");
    let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
    let output = submission.stdout.display().to_string();
    assert!(first.ends_with("-k oed") && second.ends_with(&format!("-o {output} -j oe")), "{calls:?}");
    let pwd = std::fs::read_to_string(commands.0.path().join("pwd")).unwrap();
    assert_eq!(Path::new(pwd.trim()), commands.0.path());
}

#[tokio::test]
async fn what_pbs_does_not_tell_of_may_still_turn_up() {
    let commands = Commands::new(&[(
        "qstat",
        "echo 'qstat: PBS is not configured to maintain job history' >&2; echo 'Job Id: 5.vm'; printf 'Job Id: 6.vm\\037job_state=F\\037Exit_status=0\\n'; echo 'Job Id: '",
    )]);
    let pbs = Pbs::start(commands.config());
    let ids = ["6.vm", "7.vm"].map(str::to_owned);
    let seen = pbs.look_up(&ids).await.unwrap();
    assert_eq!(seen.unsettled, ["7.vm".to_owned()].into());
    let known: Vec<_> = seen.found.iter().filter(|one| one.phase == JobPhase::Ended).collect();
    assert_eq!(known[0].scheduler_id, "6.vm");
    let none = pbs.act(&who(), "7.vm; rm -rf /", Action::Cancel).await.unwrap_err();
    assert!(matches!(none, SchedulerError::NoSuchJob(_)), "{none:?}");
}

#[tokio::test]
async fn a_job_whose_answer_slurm_lost_is_found_and_not_made_again() {
    let commands = Commands::new(&[
        (
            "sbatch",
            "for word; do case $word in --comment=*) echo \"${word#--comment=}\" > $here/mark;; esac; done; exit 1",
        ),
        ("squeue", "[ ! -e $here/mark ] || printf '9\\037%s\\n' \"$(cat $here/mark)\""),
    ]);
    let slurm = Slurm::start(commands.config());
    let own = submission(commands.0.path());
    let submission = Submission { stdout: commands.0.path().join("100%%-%j"), ..own };
    assert!(slurm.submit(&who(), &submission).await.is_err());
    assert_eq!(slurm.submit(&who(), &submission).await.unwrap(), "9");
    let calls = commands.calls("sbatch");
    assert_eq!(calls.len(), 1);
    assert!(calls[0].contains("/100%%-%j ") && calls[0].contains("--export=NONE"), "{calls:?}");
}

#[tokio::test]
async fn half_a_line_and_a_banner_in_a_poll_hide_no_job() {
    let commands = Commands::new(&[
        (
            "squeue",
            "echo Welcome; printf '7\\037RUNNING\\037None\\0371764300000\\037normal\\037N/A\\0377\\037n1\\037kim\\n8\\037RUN'",
        ),
        ("scontrol", "echo 'PartitionName=normal State=UP TotalNodes=1'"),
        ("sinfo", "printf 'normal\\0374\\0372048\\0370/4/0/4\\0370/1/0/1\\037(null)\\037(null)\\037\\n'"),
    ]);
    let slurm = Slurm::start(commands.config());
    let seen = slurm.poll().await.unwrap();
    assert_eq!(seen.iter().map(|one| one.scheduler_id.as_str()).collect::<Vec<_>>(), ["7"]);
    assert_eq!(slurm.queues().await.unwrap().len(), 1);
    commands.put("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
    let away = slurm.poll().await.unwrap_err();
    assert!(matches!(away, SchedulerError::Away(_)), "what is not known has not ended: {away:?}");
}

#[tokio::test]
async fn an_array_of_which_accounting_knows_a_part_is_asked_of_the_controller() {
    let line = |task: &str, state: &str, exit: &str| {
        [task, state, exit, "1764300000", "1764300009", "9", "1", "00:01.000", "", ""].join("\\037")
    };
    // The first task that accounting learns of looks like a job by itself.
    let sacct = format!("printf '{}\\n{}\\n'", line("7", "COMPLETED", "0:0"), line("8", "COMPLETED", "0:0"));
    let squeue = "printf '7\\0371\\n7\\0372\\n8\\037N/A\\n'";
    let shown = |state: &str, exit: &str| {
        format!(
            "echo 'JobId=9 ArrayJobId=7 ArrayTaskId=1 JobState=COMPLETED ExitCode=0:0 StartTime=1764300000 EndTime=1764300009'; echo 'JobId=7 ArrayJobId=7 ArrayTaskId=2 JobState={state} ExitCode={exit} StartTime=1764300000 EndTime=1764300009'"
        )
    };
    let commands =
        Commands::new(&[("sacct", &sacct), ("squeue", squeue), ("scontrol", &shown("FAILED", "4:0"))]);
    let slurm = Slurm::start(commands.config());
    let ids = ["7", "8"].map(str::to_owned);
    let ends = |seen: &LookUp| {
        let mut ends: Vec<_> =
            seen.found.iter().map(|one| (one.scheduler_id.clone(), one.exit_code)).collect();
        ends.sort();
        ends
    };
    let seen = slurm.look_up(&ids).await.unwrap();
    assert_eq!(ends(&seen), [("7".to_owned(), Some(4)), ("8".to_owned(), Some(0))]);
    commands.put("scontrol", &shown("RUNNING", "0:0"));
    let seen = slurm.look_up(&ids).await.unwrap();
    assert_eq!((ends(&seen), seen.unsettled.contains("7")), (vec![("8".to_owned(), Some(0))], true));
    commands.put("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    let seen = slurm.look_up(&ids).await.unwrap();
    assert_eq!(ends(&seen), [("7".to_owned(), Some(0)), ("8".to_owned(), Some(0))]);
}

#[tokio::test]
async fn choices_are_asked_for_as_the_person_and_kept() {
    let commands = Commands::new(&[("accounts", "echo proj1; echo \"of-$1\"; echo proj1")]);
    let field = OptionField {
        id: "account".to_owned(),
        title: Translated::same("Account"),
        help: None,
        required: false,
        default: String::new(),
        choices: Vec::new(),
        choices_command: vec!["accounts".to_owned(), "{name}".to_owned()],
    };
    let option =
        SiteOption { option: "account".to_owned(), template: "{account}".to_owned(), fields: vec![field] };
    let rules = SiteRules { options: vec![option], ..SiteRules::NONE };
    let scheduler = Arc::new(Slurm::start(commands.config()));
    let (id, title) = ("cluster".to_owned(), Translated::same("Cluster"));
    let bench = Bench::new();
    let store = Store::open(&format!("sqlite:{}", bench.path().join("portal.db").display())).await.unwrap();
    let portal = start_system(store, SystemConfig { id, title, scheduler, rules });
    let kim = who();
    for _ in 0..2 {
        let options = portal.jobs.options(&kim, "cluster").await.unwrap();
        assert_eq!(options[0].fields[0].choices, ["proj1", "of-kim"]);
    }
    assert_eq!(commands.calls("accounts"), ["kim"]);
    let lee = Identity { name: "lee".to_owned(), ..who() };
    portal.jobs.options(&lee, "cluster").await.unwrap();
    assert_eq!(commands.calls("accounts"), ["kim", "lee"]);
    assert!(portal.jobs.options(&lee, "other").await.is_err());
}
