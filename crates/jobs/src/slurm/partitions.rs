//! Partitions as queues: their limits by scontrol(1), their nodes by sinfo(1).

use std::collections::HashMap;

use myksc_core::{JobPhase, Translated};

use super::listing::{Listed, SEPARATOR};
use crate::follow::UNLIMITED_SECS;
use crate::scheduler::{Queue, QueueDefaults, QueueLimits, QueueLoad};
use crate::script::slurm_time;

/// Partition, CPUs, memory in MiB, generic resources, and CPUs by state, of a group of nodes.
pub(super) const NODE_FIELDS: [&str; 5] = ["%R", "%c", "%m", "%G", "%C"];
const MIB: u64 = 1 << 20;

/// What the nodes of a partition have.
#[derive(Debug, Default)]
struct Nodes {
    cpus: u32,
    memory_bytes: u64,
    gpus: u32,
    cpus_used: u32,
    cpus_total: u32,
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
    let max_walltime_secs = slurm_time(field("MaxTime")).unwrap_or(UNLIMITED_SECS);
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
            walltime_secs: slurm_time(field("DefaultTime")).unwrap_or(max_walltime_secs),
            memory_bytes: mebibytes(field("DefMemPerCPU")),
        },
        load: load(name, nodes, listed),
    })
}

fn load(name: &str, nodes: &Nodes, listed: &[Listed]) -> QueueLoad {
    let here = || listed.iter().filter(|one| one.partition == name).map(|one| one.observation.phase);
    let count = |phases: &[JobPhase]| here().filter(|phase| phases.contains(phase)).count();
    QueueLoad {
        slots_total: nodes.cpus_total,
        slots_used: nodes.cpus_used,
        jobs_running: u32::try_from(count(&[JobPhase::Running])).unwrap_or(u32::MAX),
        jobs_queued: u32::try_from(count(&[JobPhase::Queued, JobPhase::Held])).unwrap_or(u32::MAX),
    }
}

/// sinfo gives a line for each kind of node in a partition.
fn read_nodes(text: &str) -> HashMap<String, Nodes> {
    let mut all: HashMap<String, Nodes> = HashMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(SEPARATOR).collect();
        let [partition, cpus, memory, resources, states] = fields.as_slice() else { continue };
        let nodes = all.entry((*partition).to_owned()).or_default();
        nodes.cpus = nodes.cpus.max(at_least(cpus).try_into().unwrap_or(u32::MAX));
        nodes.memory_bytes = nodes.memory_bytes.max(at_least(memory).saturating_mul(MIB));
        nodes.gpus = nodes.gpus.max(gpus(resources));
        // Allocated, idle, other and total.
        let counts: Vec<u32> = states.split('/').filter_map(|count| count.parse().ok()).collect();
        if let [used, _, _, total] = counts.as_slice() {
            nodes.cpus_used = nodes.cpus_used.saturating_add(*used);
            nodes.cpus_total = nodes.cpus_total.saturating_add(*total);
        }
    }
    all
}

/// A number behind which `+` says that other nodes have more.
fn at_least(text: &str) -> u64 {
    text.trim_end_matches('+').parse().unwrap_or(0)
}

fn mebibytes(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|mebibytes| *mebibytes > 0)?.checked_mul(MIB)
}

/// GPUs among generic resources: `gpu:2`, `gpu:a100:4(S:0-1),shard:8`.
fn gpus(text: &str) -> u32 {
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
        let shown = "PartitionName=normal AllowGroups=ALL Default=YES DefaultTime=00:30:00 MaxNodes=2 MaxTime=02:00:00 State=UP TotalCPUs=16 TotalNodes=4 DefMemPerCPU=256 MaxMemPerNode=UNLIMITED\nPartitionName=long Default=NO DefaultTime=NONE MaxNodes=UNLIMITED MaxTime=UNLIMITED State=DOWN TotalNodes=3 DefMemPerNode=UNLIMITED MaxCPUsPerNode=2\n";
        let line = |fields: [&str; 5]| fields.join(SEPARATOR);
        let nodes = [
            line(["normal", "4", "2048", "(null)", "4/8/0/12"]),
            line(["normal", "4+", "2048", "gpu:a100:2(S:0-1),shard:8", "0/4/0/4"]),
            line(["long", "8", "1024", "(null)", "0/24/0/24"]),
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
                max_walltime_secs: 7200,
            }
        );
        assert_eq!(normal.defaults, QueueDefaults { walltime_secs: 1800, memory_bytes: Some(256 * MIB) });
        assert_eq!((normal.load.slots_used, normal.load.slots_total), (4, 16));
        assert_eq!((long.limits.max_nodes, long.limits.max_cpus_per_node), (3, 2));
        assert_eq!(
            (long.limits.max_walltime_secs, long.defaults.walltime_secs),
            (UNLIMITED_SECS, UNLIMITED_SECS)
        );
    }
}
