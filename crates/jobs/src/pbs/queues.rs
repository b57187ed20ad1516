//! Queues with their limits by qstat(1B), and the nodes behind them by pbsnodes(8B).

use myksc_core::Translated;

use super::records::{self, Record};
use crate::scheduler::{Queue, QueueDefaults, QueueLimits, QueueLoad};
use crate::script::{pbs_size, pbs_time};

/// What the largest nodes have, and how much there is of them.
#[derive(Debug, Default)]
struct Nodes {
    count: u32,
    cpus: u32,
    memory_bytes: u64,
    gpus: u32,
    cpus_total: u32,
    free: u32,
    used: u32,
    down: u32,
    gpus_total: u32,
    gpus_used: u32,
}

/// States in which a node takes no jobs, pbs_node_attributes(7B).
const DOWN: [&str; 6] = ["down", "offline", "unknown", "stale", "provisioning", "sleep"];

/// The queues that take jobs from people, in the order in which PBS gives them.
pub(super) fn queues(queues: &str, server: &str, nodes: &str) -> Vec<Queue> {
    let servers = records::read(server, "Server: ");
    let default = servers.first().map_or("", |server| server.get("default_queue"));
    let nodes = read_nodes(nodes);
    let queues = records::read(queues, "Queue: ");
    let takes_people = |queue: &&Record| queue.get("from_route_only") != "True";
    queues.iter().filter(takes_people).map(|found| queue(found, default, &nodes)).collect()
}

fn queue(queue: &Record, default: &str, nodes: &Nodes) -> Queue {
    let max = |resource: &str| queue.get(&format!("resources_max.{resource}"));
    let count = |resource: &str, all: u32| max(resource).parse().unwrap_or(all).min(all);
    let max_walltime_secs = pbs_time(max("walltime"));
    let cpus = count("ncpus", nodes.cpus);
    let is_true = |attribute: &str| queue.get(attribute) == "True";
    Queue {
        name: queue.name.clone(),
        title: Translated::same(&queue.name),
        is_default: queue.name == default,
        open: is_true("enabled") && is_true("started"),
        limits: QueueLimits {
            max_nodes: count("nodect", nodes.count),
            max_tasks_per_node: cpus,
            max_cpus_per_task: cpus,
            max_cpus_per_node: cpus,
            max_gpus_per_node: count("ngpus", nodes.gpus),
            max_memory_bytes: pbs_size(max("mem")).unwrap_or(u64::MAX).min(nodes.memory_bytes),
            max_walltime_secs,
        },
        defaults: QueueDefaults {
            walltime_secs: pbs_time(queue.get("resources_default.walltime")).or(max_walltime_secs),
            memory_bytes: None,
        },
        load: load(queue, nodes),
        priority: queue.get("Priority").parse().ok(),
    }
}

fn load(queue: &Record, nodes: &Nodes) -> QueueLoad {
    let counts = queue.get("state_count");
    let count = |states: &[&str]| {
        let counts = counts.split_whitespace().filter_map(|count| count.split_once(':'));
        let counts = counts.filter(|(state, _)| states.contains(state));
        counts.filter_map(|(_, count)| count.parse::<u32>().ok()).fold(0, u32::saturating_add)
    };
    QueueLoad {
        slots_total: nodes.cpus_total,
        slots_used: queue.get("resources_assigned.ncpus").parse().unwrap_or(0),
        jobs_running: count(&["Running", "Begun", "Exiting"]),
        jobs_queued: count(&["Queued", "Held", "Waiting", "Transit"]),
        nodes_free: nodes.free,
        nodes_used: nodes.used,
        nodes_down: nodes.down,
        gpus_total: nodes.gpus_total,
        gpus_used: nodes.gpus_used,
    }
}

fn read_nodes(text: &str) -> Nodes {
    let mut all = Nodes::default();
    for node in records::read(text, "Name=") {
        let available = |resource: &str| node.get(&format!("resources_available.{resource}"));
        let cpus = available("ncpus").parse().unwrap_or(0);
        all.count = all.count.saturating_add(1);
        all.cpus = all.cpus.max(cpus);
        all.memory_bytes = all.memory_bytes.max(pbs_size(available("mem")).unwrap_or(0));
        all.gpus = all.gpus.max(available("ngpus").parse().unwrap_or(0));
        all.cpus_total = all.cpus_total.saturating_add(cpus);
        let assigned =
            |resource: &str| node.get(&format!("resources_assigned.{resource}")).parse().unwrap_or(0);
        all.gpus_total = all.gpus_total.saturating_add(available("ngpus").parse().unwrap_or(0));
        all.gpus_used = all.gpus_used.saturating_add(assigned("ngpus"));
        let counted = match node.get("state") {
            state if DOWN.iter().any(|down| state.contains(down)) => &mut all.down,
            state if state.starts_with("job-") || assigned("ncpus") > 0 => &mut all.used,
            _ => &mut all.free,
        };
        *counted = counted.saturating_add(1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_have_the_limits_that_they_say_and_else_those_of_the_nodes() {
        let fields = |text: &str| text.replace(';', "\u{1f}");
        let shown = fields(
            "Queue: workq;queue_type=Execution;Priority=5;total_jobs=3;state_count=Transit:0 Queued:0 Held:1 Waiting:0 Running:2 Exiting:0 Begun:0 ;resources_assigned.ncpus=2;enabled=True;started=True\n\
             Queue: debug;queue_type=Execution;state_count=Transit:0;resources_max.walltime=00:30:00;resources_max.ncpus=1;resources_max.mem=1gb;resources_default.walltime=00:10:00;enabled=True;started=False\n\
             Queue: inner;queue_type=Execution;from_route_only=True;enabled=True;started=True\n",
        );
        let nodes = fields(
            "Name=n1;Mom=n1;state=job-busy;resources_available.mem=24682416kb;resources_available.ncpus=2\n\
             Name=n2;Mom=n2;state=free;resources_available.mem=8gb;resources_available.ncpus=4;resources_available.ngpus=2;resources_assigned.ncpus=1;resources_assigned.ngpus=1\n\
             Name=n3;Mom=n3;state=offline,down;resources_available.mem=8gb\n",
        );
        let server = fields("Server: vm;server_state=Active;default_queue=workq;pbs_version=23.06.06\n");
        let queues = queues(&shown, &server, &nodes);
        let [workq, debug] = queues.as_slice() else { panic!("{queues:?}") };
        assert_eq!((workq.is_default, workq.open, debug.is_default, debug.open), (true, true, false, false));
        assert_eq!(
            workq.limits,
            QueueLimits {
                max_nodes: 3,
                max_tasks_per_node: 4,
                max_cpus_per_task: 4,
                max_cpus_per_node: 4,
                max_gpus_per_node: 2,
                max_memory_bytes: 24_682_416 << 10,
                max_walltime_secs: None,
            }
        );
        assert_eq!(
            (debug.limits.max_walltime_secs, debug.limits.max_cpus_per_node, debug.limits.max_memory_bytes),
            (Some(1800), 1, 1 << 30)
        );
        assert_eq!((debug.defaults.walltime_secs, workq.defaults.walltime_secs), (Some(600), None));
        let load = QueueLoad {
            slots_total: 6,
            slots_used: 2,
            jobs_running: 2,
            jobs_queued: 1,
            nodes_free: 0,
            nodes_used: 2,
            nodes_down: 1,
            gpus_total: 2,
            gpus_used: 1,
        };
        assert_eq!((workq.priority, debug.priority), (Some(5), None));
        assert_eq!(workq.load, load);
    }
}
