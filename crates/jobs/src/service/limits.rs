//! What a job asks for against what its queue allows.

use myksc_core::job::{JobArray, JobSize};
use myksc_core::{FieldProblem, Identity, Job, JobId, JobPhase, Timestamp, UserPath};

use crate::form::JobForm;
use crate::roots::Roots;
use crate::rules::SiteRules;
use crate::scheduler::{Capabilities, Queue};
use crate::script::{self, Directives, Indexes, Words, value};

use super::outputs::Outputs;

const DEFAULT_NAME: &str = "job";
const DEFAULT_STDOUT_NAME: &str = "%x-%j.out";

/// What a form or a script asks for; `None` where the queue's default holds.
pub(super) struct Asked {
    queue: Option<String>,
    nodes: u32,
    tasks_per_node: u32,
    cpus_per_task: u32,
    gpus_per_node: u32,
    memory_bytes: Option<u64>,
    walltime_secs: Option<u64>,
}

/// A submission whose fields hold.
pub(super) struct Draft {
    /// The script as it is kept and handed over.
    pub(super) script: String,
    id: JobId,
    name: String,
    queue: String,
    size: JobSize,
    work_dir: UserPath,
    outputs: Outputs,
    array: Option<JobArray>,
}

/// The form that a new job of a queue begins with.
pub(super) fn default_form(queue: Option<&Queue>) -> JobForm {
    let base = JobForm { stdout_name: DEFAULT_STDOUT_NAME.to_owned(), ..JobForm::default() };
    let Some(queue) = queue else { return base };
    let walltime_secs = queue.defaults.walltime_secs.unwrap_or(base.walltime_secs);
    JobForm { queue: queue.name.clone(), walltime_secs, ..base }
}

pub(super) fn default_queue(queues: &[Queue]) -> Option<&Queue> {
    queues.iter().find(|queue| queue.is_default).or(queues.first())
}

impl Asked {
    pub(super) fn of_form(form: &JobForm) -> Self {
        Self {
            queue: Some(form.queue.clone()),
            nodes: form.nodes,
            tasks_per_node: form.tasks_per_node,
            cpus_per_task: form.cpus_per_task,
            gpus_per_node: form.gpus_per_node,
            memory_bytes: form.memory_bytes,
            walltime_secs: Some(form.walltime_secs),
        }
    }

    pub(super) fn of_script(directives: &Directives) -> Self {
        Self {
            queue: directives.queue.clone(),
            nodes: directives.nodes.unwrap_or(1),
            tasks_per_node: directives.tasks_per_node.unwrap_or(1),
            cpus_per_task: directives.cpus_per_task.unwrap_or(1),
            gpus_per_node: directives.gpus_per_node.unwrap_or(0),
            memory_bytes: directives.memory_bytes,
            walltime_secs: directives.walltime_secs,
        }
    }

    /// The queue it goes to; `None` when there is no such queue.
    pub(super) fn queue<'a>(&self, queues: &'a [Queue]) -> Option<&'a Queue> {
        match &self.queue {
            Some(name) => queues.iter().find(|queue| queue.name == *name),
            None => default_queue(queues),
        }
    }

    /// Everything that speaks against it.
    pub(super) fn problems(&self, queues: &[Queue]) -> Vec<FieldProblem> {
        let Some(queue) = self.queue(queues) else {
            let problem = FieldProblem::new("queue", "queue_unknown", "there is no such queue");
            return vec![problem.with("queue", self.queue.as_deref().unwrap_or_default())];
        };
        let mut problems = Vec::new();
        if !queue.open {
            let problem = FieldProblem::new("queue", "queue_closed", "the queue takes no jobs at present");
            problems.push(problem.with("queue", queue.name.as_str()));
        }
        let limits = &queue.limits;
        let cores = u64::from(self.tasks_per_node) * u64::from(self.cpus_per_task);
        let walltime_secs = self.walltime_secs.or(queue.defaults.walltime_secs).unwrap_or(1);
        let memory_bytes = self.memory_bytes.unwrap_or(1);
        let counts: [(&str, u64, u64, u64); 6] = [
            ("nodes", self.nodes.into(), 1, limits.max_nodes.into()),
            ("tasks_per_node", self.tasks_per_node.into(), 1, limits.max_tasks_per_node.into()),
            ("cpus_per_task", self.cpus_per_task.into(), 1, limits.max_cpus_per_task.into()),
            ("gpus_per_node", self.gpus_per_node.into(), 0, limits.max_gpus_per_node.into()),
            ("memory_bytes", memory_bytes, 1, limits.max_memory_bytes),
            ("walltime_secs", walltime_secs, 1, limits.max_walltime_secs.unwrap_or(u64::MAX)),
        ];
        problems
            .extend(counts.into_iter().filter_map(|(field, asked, min, max)| check(field, asked, min, max)));
        if problems.is_empty() && cores > u64::from(limits.max_cpus_per_node) {
            let limit = limits.max_cpus_per_node;
            let detail = format!("tasks times cores of each is {cores}, at most {limit} fit on a node");
            let problem = FieldProblem::new("cpus_per_task", "cores_over_limit", detail);
            problems.push(problem.with("asked", cores).with("limit", limit));
        }
        problems
    }

    fn size(&self, queue: &Queue) -> JobSize {
        let cores = u64::from(self.tasks_per_node) * u64::from(self.cpus_per_task);
        let default_memory = queue.defaults.memory_bytes.map(|each| each.saturating_mul(cores));
        JobSize {
            nodes: self.nodes,
            tasks_per_node: self.tasks_per_node,
            cpus_per_task: self.cpus_per_task,
            gpus_per_node: self.gpus_per_node,
            memory_bytes: self
                .memory_bytes
                .or(default_memory.map(|all| all.min(queue.limits.max_memory_bytes))),
            walltime_secs: self.walltime_secs.or(queue.defaults.walltime_secs),
        }
    }
}

impl Draft {
    /// Checks a submission as far as the portal can by itself.
    pub(super) fn new(
        id: JobId,
        script: &str,
        work_dir: &str,
        queues: &[Queue],
        words: Words<'_>,
        roots: &Roots,
    ) -> Result<Self, Vec<FieldProblem>> {
        let parsed = script::parse(script, words, roots);
        let mut problems: Vec<_> =
            parsed.problems.into_iter().filter(|problem| !script::is_hint(problem)).collect();
        let said = parsed.directives;
        let script = format!("{}{}", parsed.head, parsed.body);
        if script.trim().is_empty() {
            problems.push(FieldProblem::new("script", "required", "the script is empty"));
        }
        let asked = Asked::of_script(&said);
        problems.extend(asked.problems(queues));
        let work_dir =
            check_work_dir(work_dir, roots, words.rules).map_err(|problem| problems.push(problem)).ok();
        // A queue that is not there is among the problems.
        let (Some(work_dir), Some(queue), true) = (work_dir, asked.queue(queues), problems.is_empty()) else {
            return Err(problems);
        };
        let array = said.array.as_deref().map(array_of).transpose().map_err(|problem| vec![problem])?;
        let outputs = Outputs::of(&said, &work_dir, roots, words.dialect).map_err(|problem| vec![problem])?;
        let name = said.name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        let (queue, size) = (queue.name.clone(), asked.size(queue));
        Ok(Self { script, id, name, queue, size, work_dir, outputs, array })
    }

    /// The job on record, not yet handed over.
    pub(super) fn job(&self, who: &Identity, system: &str) -> Result<Job, FieldProblem> {
        let (stdout_path, stderr_path) = self.outputs.paths(self.outputs.ids(self.id.as_str(), None))?;
        Ok(Job {
            id: self.id.clone(),
            owner: who.user.clone(),
            system: system.to_owned(),
            scheduler_id: None,
            queue: self.queue.clone(),
            name: self.name.clone(),
            phase: JobPhase::Submitting,
            phase_raw: None,
            outcome: None,
            exit_code: None,
            reason: None,
            size: self.size.clone(),
            work_dir: self.work_dir.to_string(),
            stdout_path,
            stderr_path,
            submitted_at: Timestamp::now(),
            started_at: None,
            ended_at: None,
            expected_start_at: None,
            usage: None,
            array: self.array.clone(),
            refusal: None,
            elsewhere: false,
            revision: 0,
        })
    }
}

/// What speaks against another walltime of a job.
pub(super) fn walltime_problem(
    job: &Job,
    walltime_secs: u64,
    queues: &[Queue],
    can: Capabilities,
) -> Option<FieldProblem> {
    let queue = queues.iter().find(|queue| queue.name == job.queue);
    let max = queue.and_then(|queue| queue.limits.max_walltime_secs).unwrap_or(u64::MAX);
    let is_waiting = matches!(job.phase, JobPhase::Queued | JobPhase::Held);
    let now = job.size.walltime_secs.unwrap_or(u64::MAX);
    if walltime_secs > now && !(can.lengthen && is_waiting) {
        let detail = format!("it can only be made shorter than {}", value::format_walltime(now));
        let problem = FieldProblem::new("walltime_secs", "walltime_only_shorter", detail);
        return Some(problem.with("limit_secs", now));
    }
    check("walltime_secs", walltime_secs, 1, max)
}

/// The tasks that a script asks for, none of which has begun.
fn array_of(text: &str) -> Result<JobArray, FieldProblem> {
    let detail = "the tasks of an array are numbers and ranges such as 1-100";
    let problem = || FieldProblem::new("script", "array_invalid", detail).with("value", text);
    let total =
        Indexes::parse(text).and_then(|indexes| indexes.total().try_into().ok()).ok_or_else(problem)?;
    Ok(JobArray { indexes: text.to_owned(), total, waiting: total, running: 0, succeeded: 0, failed: 0 })
}

fn check(field: &str, asked: u64, min: u64, max: u64) -> Option<FieldProblem> {
    if asked < min {
        let problem = FieldProblem::new(field, "below_min", format!("at least {min}"));
        return Some(problem.with("min", min));
    }
    if asked <= max {
        return None;
    }
    let (code, limit, detail) = match field {
        "nodes" => ("nodes_over_limit", "limit", format!("the queue allows {max} nodes")),
        "tasks_per_node" => {
            ("tasks_per_node_over_limit", "limit", format!("the queue allows {max} tasks on each node"))
        }
        "cpus_per_task" => {
            ("cpus_per_task_over_limit", "limit", format!("the queue allows {max} cores for each task"))
        }
        "gpus_per_node" => {
            ("gpus_per_node_over_limit", "limit", format!("the queue allows {max} GPUs on each node"))
        }
        "memory_bytes" => {
            let detail = format!("the queue allows {} on each node", value::format_size(max));
            ("memory_over_limit", "limit_bytes", detail)
        }
        _ => {
            let detail = format!("the queue allows {}", value::format_walltime(max));
            ("walltime_over_limit", "limit_secs", detail)
        }
    };
    Some(FieldProblem::new(field, code, detail).with(limit, max))
}

fn check_work_dir(text: &str, roots: &Roots, rules: &SiteRules) -> Result<UserPath, FieldProblem> {
    let path = UserPath::parse_field("work_dir", text)?;
    rules.check_work_dir(&path)?;
    let unknown =
        || FieldProblem::new("work_dir", "root_unknown", "there is no such root").with("root", path.root());
    let absolute = roots.resolve(&path).ok_or_else(unknown)?;
    if absolute.to_str().is_none_or(value::has_control) {
        let detail = "its name holds characters that can't stand in orders; rename the folder";
        return Err(FieldProblem::new("work_dir", "work_dir_name_unfit", detail));
    }
    Ok(path)
}
