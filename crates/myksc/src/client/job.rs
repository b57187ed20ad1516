//! `job …`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use myksc_core::{JobId, octets};
use serde_json::{Value, json};

use super::app::parse_field;
use super::http::{Client, query_value};
use super::output::{Output, plain, text};
use super::{ClientError, Result, credentials, follow, patience, size};

/// The longest script that is read.
const SCRIPT_LIMIT_BYTES: u64 = 1024 * 1024;

/// How often `--wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Commands about batch jobs. A job is named by its id, or by its name where only one has it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Systems that take jobs.
    Systems,
    /// Queues of a system.
    Queues {
        /// The system; the first when absent.
        #[arg(long)]
        system: Option<String>,
    },
    /// Print the script that `submit` would send.
    Script(Submit),
    /// Submit a job.
    Submit(Submit),
    /// The jobs, the newest first.
    List {
        /// Which ones.
        #[arg(long, value_enum, default_value_t = State::All)]
        state: State,
    },
    /// One job.
    Show {
        /// Id or name.
        job: String,
    },
    /// What the scheduler itself has on record of a job.
    Record {
        /// Id or name.
        job: String,
    },
    /// A job's output.
    Output {
        /// Id or name.
        job: String,
        /// Standard error instead of standard output.
        #[arg(long)]
        stderr: bool,
        /// The task of an array, by its number.
        #[arg(long)]
        task: Option<u32>,
        /// Go on until the job ends.
        #[arg(short, long)]
        follow: bool,
    },
    /// The tasks of an array.
    Tasks {
        /// Id or name.
        job: String,
        /// Which ones.
        #[arg(long, value_enum, default_value_t = TaskState::All)]
        state: TaskState,
    },
    /// End jobs.
    Cancel {
        /// Ids or names.
        #[arg(required = true)]
        jobs: Vec<String>,
        /// End this task of an array alone.
        #[arg(long)]
        task: Option<u32>,
    },
    /// Keep queued jobs from starting.
    Hold {
        /// Ids or names.
        #[arg(required = true)]
        jobs: Vec<String>,
    },
    /// Let held jobs start.
    Release {
        /// Ids or names.
        #[arg(required = true)]
        jobs: Vec<String>,
    },
    /// Stop running jobs and let them begin anew; what they did so far is lost.
    Requeue {
        /// Ids or names.
        #[arg(required = true)]
        jobs: Vec<String>,
    },
    /// Give a job another walltime; that of a running one can only be made shorter.
    Walltime {
        /// Id or name.
        job: String,
        /// How long it may run from its start on: hours:minutes:seconds.
        #[arg(value_parser = size::parse_walltime)]
        walltime: u64,
    },
}

/// Which jobs are listed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// Those that are not over.
    Active,
    /// Those that are over.
    Ended,
    /// All of them.
    All,
}

/// Which tasks are listed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TaskState {
    /// Those that have begun and are not over.
    Active,
    /// Those that ended well.
    Succeeded,
    /// Those that ended otherwise.
    Failed,
    /// All of them, those that wait included.
    All,
}

/// Arguments of `script` and `submit`: options stand above what the script's directives say.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The script's file, or - for standard input.
    #[arg(default_value = "-")]
    script: PathBuf,
    /// The system; the first when absent.
    #[arg(long)]
    system: Option<String>,
    /// The queue.
    #[arg(long)]
    queue: Option<String>,
    /// The job's name.
    #[arg(long)]
    name: Option<String>,
    /// How long it may run: hours:minutes:seconds.
    #[arg(long, value_parser = size::parse_walltime)]
    walltime: Option<u64>,
    /// Nodes.
    #[arg(long)]
    nodes: Option<u32>,
    /// Tasks on each node.
    #[arg(long)]
    tasks_per_node: Option<u32>,
    /// CPU cores of each task.
    #[arg(long)]
    cpus_per_task: Option<u32>,
    /// GPUs on each node.
    #[arg(long)]
    gpus_per_node: Option<u32>,
    /// Memory on each node, for example 1Gi.
    #[arg(long, value_parser = size::parse_bytes)]
    memory: Option<u64>,
    /// Folder it runs in, for example home/run1.
    #[arg(long)]
    work_dir: Option<String>,
    /// File for standard output, below the folder it runs in.
    #[arg(long)]
    stdout: Option<String>,
    /// File for standard error, below the folder it runs in.
    #[arg(long)]
    stderr: Option<String>,
    /// A field of the site's, as field=value, for example account=proj1.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = parse_field)]
    set: Vec<(String, String)>,
    /// Wait until the job is over; the exit code is 1 unless it succeeded.
    #[arg(long)]
    wait: bool,
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(&self, out: &Output) -> Result<()> {
        let client = credentials::client()?;
        match self {
            Self::Systems => systems(&client, out).await,
            Self::Queues { system } => queues(&client, out, system.as_deref()).await,
            Self::Script(submit) => {
                let (_, made, _) = submit.script(&client, out).await?;
                out.value(&made, |made| made["script"].as_str().unwrap_or_default().trim_end().to_owned())
            }
            Self::Submit(submit) => submit.run(&client, out).await,
            Self::List { state } => list(&client, out, *state).await,
            Self::Show { job } => {
                let job: Value = client.get(&path_of(&client, job).await?).await?;
                out.value(&job, describe)
            }
            Self::Record { job } => {
                let path = format!("{}/record", path_of(&client, job).await?);
                let record: Value = client.get(&path).await?;
                out.value(&record, |record| {
                    record["record"].as_str().unwrap_or_default().trim_end().to_owned()
                })
            }
            Self::Output { job, stderr, task, follow } => {
                let stream = if *stderr { "stderr" } else { "stdout" };
                let task = task.map(|index| format!("/tasks/{index}")).unwrap_or_default();
                let path = format!("{}{task}/output?stream={stream}", path_of(&client, job).await?);
                follow::print(&client, out, &path, 0, *follow).await
            }
            Self::Tasks { job, state } => tasks(&client, out, job, *state).await,
            Self::Cancel { jobs, task: Some(index) } => {
                change(&client, out, jobs, &format!("tasks/{index}/cancel"), None).await
            }
            Self::Cancel { jobs, task: None } => change(&client, out, jobs, "cancel", None).await,
            Self::Hold { jobs } => change(&client, out, jobs, "hold", None).await,
            Self::Release { jobs } => change(&client, out, jobs, "release", None).await,
            Self::Requeue { jobs } => change(&client, out, jobs, "requeue", None).await,
            Self::Walltime { job, walltime } => {
                let body = json!({ "walltime_secs": walltime });
                change(&client, out, std::slice::from_ref(job), "walltime", Some(&body)).await
            }
        }
    }
}

impl Submit {
    async fn run(&self, client: &Client, out: &Output) -> Result<()> {
        let (system, made, work_dir) = self.script(client, out).await?;
        let body = json!({ "script": made["script"], "work_dir": work_dir });
        let path = format!("/api/v1/systems/{}/jobs", path_part(&system));
        let mut job = client.send(Method::POST, &path, Some(&body)).await?;
        if self.wait {
            job = wait(client, job).await?;
        }
        let outcome = text(&job, "/outcome");
        out.value(&job, describe)?;
        if self.wait && outcome != "succeeded" {
            return Err(ClientError::Failed(format!("the job is over: {outcome}")));
        }
        Ok(())
    }

    /// The system, the script with the options applied to its directives, and the folder it runs in.
    async fn script(&self, client: &Client, out: &Output) -> Result<(String, Value, String)> {
        let system = system_or_first(client, self.system.as_deref()).await?;
        let base = format!("/api/v1/systems/{}/script", path_part(&system));
        let source = json!({ "script": read_script(&self.script)? });
        let parsed = client.send(Method::POST, &format!("{base}/parse"), Some(&source)).await?;
        let mut form = parsed["form"].clone();
        self.apply(&mut form);
        let made = client.send(Method::POST, &base, Some(&json!({ "form": form }))).await?;
        for problem in made["problems"].as_array().into_iter().flatten() {
            out.note(&format!("warning: {}: {}", text(problem, "/field"), text(problem, "/detail")));
        }
        Ok((system, made, text(&form, "/work_dir")))
    }

    fn apply(&self, form: &mut Value) {
        let options = [
            ("queue", self.queue.clone().map(Value::from)),
            ("name", self.name.clone().map(Value::from)),
            ("walltime_secs", self.walltime.map(Value::from)),
            ("nodes", self.nodes.map(Value::from)),
            ("tasks_per_node", self.tasks_per_node.map(Value::from)),
            ("cpus_per_task", self.cpus_per_task.map(Value::from)),
            ("gpus_per_node", self.gpus_per_node.map(Value::from)),
            ("memory_bytes", self.memory.map(Value::from)),
            ("work_dir", self.work_dir.clone().map(Value::from)),
            ("stdout_name", self.stdout.clone().map(Value::from)),
            ("stderr_name", self.stderr.clone().map(Value::from)),
        ];
        for (field, value) in options {
            if let Some(value) = value {
                form[field] = value;
            }
        }
        for (field, value) in &self.set {
            form["options"][field] = Value::from(value.as_str());
        }
    }
}

async fn systems(client: &Client, out: &Output) -> Result<()> {
    let systems = client.list("/api/v1/systems").await?;
    out.list(&systems, ["ID", "TITLE", "SCHEDULER", "VERSION", "STATE"], |system| {
        ["/id", "/title/en", "/scheduler", "/version", "/state"].map(|field| text(system, field))
    })
}

async fn queues(client: &Client, out: &Output, system: Option<&str>) -> Result<()> {
    let system = system_or_first(client, system).await?;
    let queues = client.list(&format!("/api/v1/systems/{}/queues", path_part(&system))).await?;
    out.list(&queues, ["NAME", "OPEN", "NODES", "WALLTIME", "SLOTS", "QUEUED"], |queue| {
        let used = format!("{}/{}", text(queue, "/load/slots_used"), text(queue, "/load/slots_total"));
        let walltime = queue.pointer("/limits/max_walltime_secs").and_then(Value::as_u64);
        [
            text(queue, "/name"),
            text(queue, "/open"),
            text(queue, "/limits/max_nodes"),
            walltime.map_or_else(|| "unlimited".to_owned(), show_walltime),
            used,
            text(queue, "/load/jobs_queued"),
        ]
    })
}

async fn list(client: &Client, out: &Output, state: State) -> Result<()> {
    let state = match state {
        State::Active => "active",
        State::Ended => "ended",
        State::All => "all",
    };
    let jobs = client.list(&format!("/api/v1/jobs?state={state}")).await?;
    out.list(&jobs, ["ID", "NAME", "QUEUE", "PHASE", "OUTCOME", "EXIT", "SUBMITTED"], |job| {
        let shown = |field: &str| text(job, field);
        [
            shown("/id"),
            shown("/name"),
            shown("/queue"),
            phase(job),
            shown("/outcome"),
            shown("/exit_code"),
            shown("/submitted_at"),
        ]
    })
}

async fn change(
    client: &Client,
    out: &Output,
    jobs: &[String],
    action: &str,
    body: Option<&Value>,
) -> Result<()> {
    for job in jobs {
        let path = format!("{}/{action}", path_of(client, job).await?);
        let job = client.send(Method::POST, &path, body).await?;
        out.value(&job, describe)?;
    }
    Ok(())
}

async fn tasks(client: &Client, out: &Output, job: &str, state: TaskState) -> Result<()> {
    let state = match state {
        TaskState::Active => "active",
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::All => "all",
    };
    let path = format!("{}/tasks?state={state}", path_of(client, job).await?);
    let tasks = client.list(&path).await?;
    out.list(&tasks, ["TASK", "PHASE", "OUTCOME", "EXIT", "NODE", "STARTED", "ENDED"], |task| {
        let shown = |field: &str| text(task, field);
        [
            shown("/index"),
            phase(task),
            shown("/outcome"),
            shown("/exit_code"),
            shown("/node"),
            shown("/started_at"),
            shown("/ended_at"),
        ]
    })
}

async fn wait(client: &Client, job: Value) -> Result<Value> {
    let path = format!("/api/v1/jobs/{}", path_part(&text(&job, "/id")));
    let mut job = job;
    while job["phase"] != "ended" {
        tokio::time::sleep(LOOK_EVERY).await;
        job = patience::get(client, &path).await?;
    }
    Ok(job)
}

fn describe(job: &Value) -> String {
    let mut lines = vec![
        format!("{}  {}", text(job, "/name"), text(job, "/id")),
        format!(
            "system    {} ({}), queue {}",
            text(job, "/system"),
            text(job, "/scheduler_id"),
            text(job, "/queue")
        ),
        format!("phase     {}", phase(job)),
    ];
    if !job["outcome"].is_null() {
        let code = text(job, "/exit_code");
        let code = if code.is_empty() { code } else { format!(" (exit code {code})") };
        lines.push(format!("outcome   {}{code}", text(job, "/outcome")));
    }
    if !job["reason"].is_null() {
        lines.push(format!("reason    {}", text(job, "/reason/detail")));
    }
    if !job["array"].is_null() {
        let count = |name: &str| text(job, &format!("/array/{name}"));
        lines.push(format!(
            "tasks     {} in all: {} waiting, {} running, {} succeeded, {} failed",
            count("total"),
            count("waiting"),
            count("running"),
            count("succeeded"),
            count("failed")
        ));
    }
    if !job["refusal"].is_null() {
        lines.push(format!("refused   {}", text(job, "/refusal/detail")));
    }
    lines.push(format!("work_dir  {}", text(job, "/work_dir")));
    lines.push(format!("stdout    {}", text(job, "/stdout_path")));
    lines.join("\n")
}

/// The phase, or the scheduler's own word where the portal has none.
fn phase(job: &Value) -> String {
    let pointer = if job["phase_raw"].is_string() { "/phase_raw" } else { "/phase" };
    text(job, pointer)
}

async fn system_or_first(client: &Client, asked: Option<&str>) -> Result<String> {
    if let Some(system) = asked {
        return Ok(system.to_owned());
    }
    let systems = client.list("/api/v1/systems").await?;
    let first = systems.first().map(|system| text(system, "/id"));
    first.ok_or_else(|| ClientError::Failed("the portal has no system for batch jobs".to_owned()))
}

/// The path of the job that a person named by its id or its name. A name may look like an id; an id goes first.
async fn path_of(client: &Client, named: &str) -> Result<String> {
    if let Ok(id) = named.parse::<JobId>() {
        let path = format!("/api/v1/jobs/{id}");
        match client.get::<Value>(&path).await {
            Err(ClientError::Refused(problem)) if problem.status == 404 => {}
            found => return found.map(|_| path),
        }
    }
    let jobs = client.list("/api/v1/jobs?state=all").await?;
    let mut found = jobs.iter().filter(|job| job["name"] == named || job["scheduler_id"] == named);
    let first = found.next().ok_or_else(|| ClientError::NotFound("job", named.to_owned()))?;
    if found.next().is_some() {
        return Err(ClientError::Usage(format!("several jobs are called {}; use the id", plain(named))));
    }
    Ok(format!("/api/v1/jobs/{}", path_part(&text(first, "/id"))))
}

fn read_script(path: &Path) -> Result<String> {
    let fault = |error| ClientError::File(path.display().to_string(), error);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(SCRIPT_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    } else {
        let file = std::fs::File::open(path).map_err(fault)?;
        file.take(SCRIPT_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    }
    if bytes.len() as u64 > SCRIPT_LIMIT_BYTES {
        return Err(ClientError::Usage(format!("{}: a script has at most 1 MiB", path.display())));
    }
    Ok(octets::to_text(&bytes))
}

fn path_part(text: &str) -> String {
    // `+` for a space holds in queries only.
    query_value(text).replace('+', "%20")
}

fn show_walltime(secs: u64) -> String {
    format!("{}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}
