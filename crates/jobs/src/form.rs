//! The batch form: what a person fills in, before it becomes a script.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values of the batch form; absent fields take the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct JobForm {
    /// Name of the job.
    pub name: String,
    /// Queue it goes to.
    pub queue: String,
    /// Nodes.
    pub nodes: u32,
    /// Tasks on each node.
    pub tasks_per_node: u32,
    /// CPU cores of each task.
    pub cpus_per_task: u32,
    /// GPUs on each node.
    pub gpus_per_node: u32,
    /// Bytes of memory on each node; the queue's default when absent.
    pub memory_bytes: Option<u64>,
    /// How long it may run.
    pub walltime_secs: u64,
    /// Folder it runs in, a [`myksc_core::UserPath`] as text. No directive says it: it goes with the submission.
    pub work_dir: String,
    /// Input files, each a [`myksc_core::UserPath`] as text; the script finds them in `$INPUT_1`, `$INPUT_2`, …
    pub inputs: Vec<String>,
    /// The person's own part of the script, as it stands.
    pub command: String,
    /// Name of the file for standard output, in the work folder; `%x` is the job's name, `%j` its id, `%%` a
    /// per cent sign. The system's default when empty.
    pub stdout_name: String,
    /// The same for standard error; joined to standard output when empty.
    pub stderr_name: String,
    /// Values of the fields that the site adds for this system, by their ids; absent ones take their default.
    pub options: BTreeMap<String, String>,
    /// First line of the script, without its line end; none when empty.
    pub shebang: String,
    /// The head of the script that the form was filled from, as it stands; none for a new script. Fields that say
    /// something else than it change it, and every other byte of it stays.
    pub head: Option<String>,
}

impl Default for JobForm {
    fn default() -> Self {
        Self {
            name: "job".to_owned(),
            queue: String::new(),
            nodes: 1,
            tasks_per_node: 1,
            cpus_per_task: 1,
            gpus_per_node: 0,
            memory_bytes: None,
            walltime_secs: 3600,
            work_dir: "home".to_owned(),
            inputs: Vec::new(),
            command: String::new(),
            stdout_name: String::new(),
            stderr_name: String::new(),
            options: BTreeMap::new(),
            shebang: "#!/bin/bash".to_owned(),
            head: None,
        }
    }
}
