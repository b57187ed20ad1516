//! Partitions as queues, from the tables of partitions and nodes.

use std::collections::HashMap;

use myksc_core::Translated;
use serde::Deserialize;
use serde_json::Value;

use super::super::listing::Listed;
use super::super::partitions::{MIB, Nodes, gpus, load};
use super::value::{Number, State, at, number_at, words};
use crate::scheduler::{Queue, QueueDefaults, QueueLimits};
use crate::transport::{Answer, ApiError, List};

/// `/partitions`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Partitions {
    partitions: List<Value>,
    errors: List<ApiError>,
}

/// `/nodes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeTable {
    nodes: List<Value>,
    errors: List<ApiError>,
}

impl Answer for Partitions {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

impl Answer for NodeTable {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

/// The partitions in the order in which Slurm gives them. Hidden ones are left out: a person who may use one writes it
/// into her script.
pub(super) fn queues(partitions: &Partitions, nodes: &NodeTable, listed: &[Listed]) -> Vec<Queue> {
    let nodes = by_partition(nodes);
    partitions.partitions.0.iter().filter_map(|one| queue(one, &nodes, listed)).collect()
}

fn queue(partition: &Value, nodes: &HashMap<String, Nodes>, listed: &[Listed]) -> Option<Queue> {
    let name = partition["name"].as_str().filter(|name| !name.is_empty())?;
    let flags = words(&partition["flags"]);
    let has_flag = |named: &str| flags.iter().any(|flag| flag.eq_ignore_ascii_case(named));
    if has_flag("hidden") {
        return None;
    }
    let nothing = Nodes::default();
    let nodes = nodes.get(name).unwrap_or(&nothing);
    let number = |paths: &[&str]| number_at(partition, paths);
    let small = |paths: &[&str]| number(paths).get().and_then(|number| u32::try_from(number).ok());
    let node_count = small(&["/total_nodes", "/nodes/total"]).unwrap_or(1);
    let max_cpus =
        small(&["/maximum_cpus_per_node", "/maximums/cpus_per_node"]).unwrap_or(nodes.cpus).min(nodes.cpus);
    let max_walltime_secs = minutes(number(&["/max_time_limit", "/maximums/time"]));
    let memory = |paths: &[&str]| number(paths).get().filter(|mebibytes| *mebibytes > 0)?.checked_mul(MIB);
    let max_memory = memory(&["/maximum_memory_per_node", "/maximums/partition_memory_per_node"]);
    Some(Queue {
        name: name.to_owned(),
        title: Translated::same(name),
        is_default: has_flag("default"),
        open: is_open(partition),
        limits: QueueLimits {
            max_nodes: small(&["/maximum_nodes_per_job", "/maximums/nodes"])
                .unwrap_or(node_count)
                .min(node_count),
            max_tasks_per_node: max_cpus,
            max_cpus_per_task: max_cpus,
            max_cpus_per_node: max_cpus,
            max_gpus_per_node: nodes.gpus,
            max_memory_bytes: max_memory.unwrap_or(nodes.memory_bytes).min(nodes.memory_bytes),
            max_walltime_secs,
        },
        defaults: QueueDefaults {
            walltime_secs: minutes(number(&["/default_time_limit", "/defaults/time"])).or(max_walltime_secs),
            memory_bytes: memory(&["/default_memory_per_cpu", "/defaults/partition_memory_per_cpu"]),
        },
        load: load(name, nodes, listed),
        priority: number(&["/priority_tier", "/priority/tier"]).get().and_then(|tier| tier.try_into().ok()),
    })
}

fn minutes(number: Number) -> Option<u64> {
    number.get()?.checked_mul(60)
}

/// v0.0.39 does not tell: the scheduler will.
fn is_open(partition: &Value) -> bool {
    match State::deserialize(at(partition, &["/state", "/partition/state"])) {
        Ok(State(state)) => state.is_empty() || state == "UP",
        Err(_) => true,
    }
}

fn by_partition(table: &NodeTable) -> HashMap<String, Nodes> {
    let mut all: HashMap<String, Nodes> = HashMap::new();
    for node in &table.nodes.0 {
        let number = |name: &str| Number::read(&node[name]).get().unwrap_or(0);
        let small = |name: &str| u32::try_from(number(name)).unwrap_or(u32::MAX);
        for partition in words(&node["partitions"]) {
            let nodes = all.entry(partition).or_default();
            nodes.cpus = nodes.cpus.max(small("cpus"));
            nodes.memory_bytes = nodes.memory_bytes.max(number("real_memory").saturating_mul(MIB));
            nodes.gpus = nodes.gpus.max(gpus(node["gres"].as_str().unwrap_or_default()));
            nodes.cpus_used = nodes.cpus_used.saturating_add(small("alloc_cpus"));
            nodes.cpus_total = nodes.cpus_total.saturating_add(small("cpus"));
            let own_gpus = |field: &str| gpus(node[field].as_str().unwrap_or_default());
            nodes.gpus_total = nodes.gpus_total.saturating_add(own_gpus("gres"));
            nodes.gpus_used = nodes.gpus_used.saturating_add(own_gpus("gres_used"));
            let count = match standing(node) {
                Standing::Free => &mut nodes.free,
                Standing::Used => &mut nodes.used,
                Standing::Down => &mut nodes.down,
            };
            *count = count.saturating_add(1);
        }
    }
    all
}

/// How a node stands, as sinfo(1) counts nodes by state.
enum Standing {
    Free,
    Used,
    Down,
}

/// v0.0.38 has a state in small letters and a list of flags, later versions have one list in capitals.
fn standing(node: &Value) -> Standing {
    let all = words(&node["state"]).into_iter().chain(words(&node["state_flags"]));
    let all: Vec<String> = all.map(|word| word.to_ascii_uppercase()).collect();
    let has = |names: &[&str]| all.iter().any(|word| names.contains(&word.as_str()));
    match () {
        () if has(&["DOWN", "DRAIN", "FAIL", "NOT_RESPONDING", "POWERED_DOWN", "UNKNOWN", "ERROR"]) => {
            Standing::Down
        }
        () if has(&["ALLOCATED", "MIXED", "COMPLETING"]) => Standing::Used,
        () => Standing::Free,
    }
}
