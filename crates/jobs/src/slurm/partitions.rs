//! Partitions as queues: their limits by scontrol(1), their nodes by sinfo(1).

use std::collections::HashMap;

use myksc_core::{JobPhase, Translated};

use super::listing::{Listed, SEPARATOR};
use crate::scheduler::{Queue, QueueDefaults, QueueLimits, QueueLoad};
use crate::script::slurm_time;

/// Of a group of nodes: partition, CPUs and memory in MiB of each, CPUs by state, nodes by state, generic resources of
/// each and those that jobs hold.
pub(super) const NODE_FIELDS: [&str; 7] =
    ["PartitionName", "CPUs", "Memory", "CPUsState", "NodeAIOT", "Gres", "GresUsed"];
pub(super) const MIB: u64 = 1 << 20;

/// What the nodes of a partition have.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) cpus: u32,
    pub(super) memory_bytes: u64,
    pub(super) gpus: u32,
    pub(super) cpus_used: u32,
    pub(super) cpus_total: u32,
    pub(super) free: u32,
    pub(super) used: u32,
    pub(super) down: u32,
    pub(super) gpus_total: u32,
    pub(super) gpus_used: u32,
}

/// The partitions that the observer may see; each in the order in which Slurm gives them.
pub(super) fn queues(partitions: &str, nodes: &str, listed: &[Listed]) -> Vec<Queue> {
    let nodes = read_nodes(nodes);
    partitions.lines().filter_map(|line| queue(line, &nodes, listed)).collect()
}

fn queue(line: &str, nodes: &HashMap<String, Nodes>, listed: &[Listed]) -> Option<Queue> {
    let fields: HashMap<&str, &str> =
        line.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let name = fields.get("PartitionName")?;
    let nothing = Nodes::default();
    let nodes = nodes.get(*name).unwrap_or(&nothing);
    let node_count: u32 = field("TotalNodes").parse().unwrap_or(1);
    let max_walltime_secs = slurm_time(field("MaxTime"));
    let max_cpus = field("MaxCPUsPerNode").parse().unwrap_or(nodes.cpus).min(nodes.cpus);
    let max_memory = mebibytes(field("MaxMemPerNode")).unwrap_or(nodes.memory_bytes).min(nodes.memory_bytes);
    Some(Queue {
        name: (*name).to_owned(),
        title: Translated::same(name),
        is_default: field("Default") == "YES",
        open: field("State") == "UP",
        limits: QueueLimits {
            max_nodes: field("MaxNodes").parse().unwrap_or(node_count).min(node_count),
            max_tasks_per_node: max_cpus,
            max_cpus_per_task: max_cpus,
            max_cpus_per_node: max_cpus,
            max_gpus_per_node: nodes.gpus,
            max_memory_bytes: max_memory,
            max_walltime_secs,
        },
        defaults: QueueDefaults {
            walltime_secs: slurm_time(field("DefaultTime")).or(max_walltime_secs),
            memory_bytes: mebibytes(field("DefMemPerCPU")),
        },
        load: load(name, nodes, listed),
        priority: field("PriorityTier").parse().ok(),
    })
}

pub(super) fn load(name: &str, nodes: &Nodes, listed: &[Listed]) -> QueueLoad {
    let here = || listed.iter().filter(|one| one.partition == name).map(|one| one.observation.phase);
    let count = |phases: &[JobPhase]| here().filter(|phase| phases.contains(phase)).count();
    QueueLoad {
        slots_total: nodes.cpus_total,
        slots_used: nodes.cpus_used,
        jobs_running: u32::try_from(count(&[JobPhase::Running])).unwrap_or(u32::MAX),
        jobs_queued: u32::try_from(count(&[JobPhase::Queued, JobPhase::Held])).unwrap_or(u32::MAX),
        nodes_free: nodes.free,
        nodes_used: nodes.used,
        nodes_down: nodes.down,
        gpus_total: nodes.gpus_total,
        gpus_used: nodes.gpus_used,
    }
}

/// sinfo gives a line for each kind of node in a partition.
fn read_nodes(text: &str) -> HashMap<String, Nodes> {
    let mut all: HashMap<String, Nodes> = HashMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(SEPARATOR).collect();
        // A separator stands behind the last field, too.
        let [partition, cpus, memory, states, counts, resources, resources_used, _] = fields.as_slice()
        else {
            continue;
        };
        let nodes = all.entry((*partition).to_owned()).or_default();
        nodes.cpus = nodes.cpus.max(at_least(cpus).try_into().unwrap_or(u32::MAX));
        nodes.memory_bytes = nodes.memory_bytes.max(at_least(memory).saturating_mul(MIB));
        nodes.gpus = nodes.gpus.max(gpus(resources));
        let [cpus_used, _, _, cpus_total] = by_state(states);
        nodes.cpus_used = nodes.cpus_used.saturating_add(cpus_used);
        nodes.cpus_total = nodes.cpus_total.saturating_add(cpus_total);
        let [used, free, other, total] = by_state(counts);
        nodes.used = nodes.used.saturating_add(used);
        nodes.free = nodes.free.saturating_add(free);
        nodes.down = nodes.down.saturating_add(other);
        nodes.gpus_total = nodes.gpus_total.saturating_add(gpus(resources).saturating_mul(total));
        nodes.gpus_used = nodes.gpus_used.saturating_add(gpus(resources_used).saturating_mul(total));
    }
    all
}

/// Allocated, idle, other and total.
fn by_state(text: &str) -> [u32; 4] {
    let counts: Vec<u32> = text.split('/').filter_map(|count| count.trim().parse().ok()).collect();
    counts.try_into().unwrap_or_default()
}

/// A number behind which `+` says that other nodes have more.
fn at_least(text: &str) -> u64 {
    text.trim_end_matches('+').parse().unwrap_or(0)
}

fn mebibytes(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|mebibytes| *mebibytes > 0)?.checked_mul(MIB)
}

/// GPUs among generic resources: `gpu:2`, `gpu:a100:4(S:0-1),shard:8`.
pub(super) fn gpus(text: &str) -> u32 {
    let count = |resource: &str| {
        let plain = resource.split('(').next()?;
        let (kind, rest) = plain.split_once(':')?;
        let number = rest.rsplit(':').next()?.parse::<u32>().ok()?;
        (kind == "gpu").then_some(number)
    };
    text.split(',').filter_map(count).fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_becomes_a_queue_with_the_limits_of_its_nodes() {
        let shown = "PartitionName=normal AllowGroups=ALL Default=YES DefaultTime=00:30:00 MaxNodes=2 MaxTime=02:00:00 State=UP PriorityTier=10 TotalCPUs=16 TotalNodes=4 DefMemPerCPU=256 MaxMemPerNode=UNLIMITED\nPartitionName=long Default=NO DefaultTime=NONE MaxNodes=UNLIMITED MaxTime=UNLIMITED State=DOWN TotalNodes=3 DefMemPerNode=UNLIMITED MaxCPUsPerNode=2\n";
        let line = |fields: [&str; 7]| fields.map(|field| format!("{field}{SEPARATOR}")).concat();
        let nodes = [
            line(["normal", "4", "2048", "4/8/0/12", "1/1/1/3", "(null)", "(null)"]),
            line([
                "normal",
                "4+",
                "2048",
                "0/4/0/4",
                "1/0/0/1",
                "gpu:a100:2(S:0-1),shard:8",
                "gpu:a100:1(IDX:0),shard:0",
            ]),
            line(["long", "8", "1024", "0/24/0/24", "0/3/0/3", "(null)", "gpu:0"]),
        ];
        let queues = queues(shown, &nodes.join("\n"), &[]);
        let [normal, long] = queues.as_slice() else { panic!("{queues:?}") };
        assert_eq!((normal.is_default, normal.open, long.is_default, long.open), (true, true, false, false));
        assert_eq!(
            normal.limits,
            QueueLimits {
                max_nodes: 2,
                max_tasks_per_node: 4,
                max_cpus_per_task: 4,
                max_cpus_per_node: 4,
                max_gpus_per_node: 2,
                max_memory_bytes: 2048 * MIB,
                max_walltime_secs: Some(7200),
            }
        );
        assert_eq!(
            normal.defaults,
            QueueDefaults { walltime_secs: Some(1800), memory_bytes: Some(256 * MIB) }
        );
        assert_eq!((normal.load.slots_used, normal.load.slots_total), (4, 16));
        assert_eq!((normal.load.nodes_used, normal.load.nodes_free, normal.load.nodes_down), (2, 1, 1));
        assert_eq!((normal.load.gpus_used, normal.load.gpus_total, long.load.gpus_total), (1, 2, 0));
        assert_eq!((normal.priority, long.priority), (Some(10), None));
        assert_eq!((long.limits.max_nodes, long.limits.max_cpus_per_node), (3, 2));
        assert_eq!((long.limits.max_walltime_secs, long.defaults.walltime_secs), (None, None));
    }
}
