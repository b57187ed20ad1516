//! What is kept of the cluster's objects: of each no more than the portal shows.

use std::net::IpAddr;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use myksc_core::{AppId, Timestamp};

use super::definition::Definition;
use super::manifests::APP_CONTAINER;
use super::names::{APP_LABEL, DEFINITION_ANNOTATION, GENERATION_ANNOTATION};

/// An app's Deployment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeploymentRecord {
    pub(super) namespace: String,
    pub(super) definition: Definition,
    /// The launch it was last applied for.
    pub(super) generation: u32,
    /// Pods it is to have: 0 or 1.
    pub(super) replicas: i32,
    /// Pods it has.
    pub(super) pods: i32,
    /// It is being deleted.
    pub(super) is_going: bool,
    /// What keeps its pod from being made, in the API server's words.
    pub(super) refused: Option<String>,
}

/// An app's pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PodRecord {
    pub(super) uid: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) app: AppId,
    pub(super) generation: u32,
    pub(super) address: Option<IpAddr>,
    pub(super) node: Option<String>,
    pub(super) made_at: Timestamp,
    /// When a node was found for it.
    pub(super) placed_at: Option<Timestamp>,
    /// Why none was found, in the scheduler's words.
    pub(super) unplaced: Option<String>,
    /// Why the pod as a whole failed, for example `Evicted`.
    pub(super) failed: Option<String>,
    pub(super) is_going: bool,
    pub(super) container: ContainerRecord,
}

/// The container of the app itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ContainerRecord {
    /// The image, with its digest, once it is on the node.
    pub(super) image: Option<String>,
    pub(super) state: Option<Container>,
    /// How it ended the last time.
    pub(super) last_end: Option<End>,
    pub(super) restarts: u32,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Container {
    /// It does not run: a reason of the kubelet and its text.
    Waiting { reason: String, message: String },
    /// Since when it runs.
    Running(Timestamp),
    /// It ended.
    Ended(End),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct End {
    pub(super) at: Timestamp,
    pub(super) exit_code: i32,
    pub(super) is_out_of_memory: bool,
    /// The end of its log.
    pub(super) last_lines: String,
}

impl DeploymentRecord {
    /// `None` for a Deployment that has our label and not our annotations.
    pub(super) fn of(deployment: &Deployment) -> Option<Self> {
        let annotations = deployment.annotations();
        let definition: Definition = serde_json::from_str(annotations.get(DEFINITION_ANNOTATION)?).ok()?;
        if deployment.labels().get(APP_LABEL).map(String::as_str) != Some(definition.app.id.as_str()) {
            return None;
        }
        let status = deployment.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let refused = conditions
            .iter()
            .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")
            .and_then(|condition| condition.message.clone());
        Some(Self {
            namespace: deployment.namespace().unwrap_or_default(),
            generation: annotations.get(GENERATION_ANNOTATION)?.parse().ok()?,
            replicas: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            pods: status.and_then(|status| status.replicas).unwrap_or(0),
            is_going: deployment.metadata.deletion_timestamp.is_some(),
            refused,
            definition,
        })
    }
}

impl PodRecord {
    /// `None` for a pod that is of no app's.
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
        let is_scheduled = |condition: &&PodCondition| condition.status == "True";
        let containers = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
        let container = containers.iter().find(|status| status.name == APP_CONTAINER);
        let has_failed = status.and_then(|status| status.phase.as_deref()) == Some("Failed");
        let reason = status.and_then(|status| status.reason.clone());
        Some(Self {
            uid: pod.metadata.uid.clone()?,
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            app: pod.labels().get(APP_LABEL)?.parse().ok()?,
            generation: pod.annotations().get(GENERATION_ANNOTATION)?.parse().ok()?,
            address: status.and_then(|status| status.pod_ip.as_deref()?.parse().ok()),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            made_at: pod.metadata.creation_timestamp.as_ref().map_or(Timestamp::from_millis(0), moment),
            placed_at: scheduled
                .filter(is_scheduled)
                .and_then(|condition| condition.last_transition_time.as_ref().map(moment)),
            unplaced: scheduled
                .filter(|condition| !is_scheduled(condition))
                .and_then(|condition| condition.message.clone()),
            failed: has_failed.then(|| reason.unwrap_or_else(|| "Failed".to_owned())),
            is_going: pod.metadata.deletion_timestamp.is_some(),
            container: container.map(ContainerRecord::of).unwrap_or_default(),
        })
    }
}

impl ContainerRecord {
    fn of(status: &k8s_openapi::api::core::v1::ContainerStatus) -> Self {
        Self {
            image: (!status.image_id.is_empty()).then(|| status.image_id.clone()),
            state: status.state.as_ref().and_then(Container::of),
            last_end: status.last_state.as_ref().and_then(|state| state.terminated.as_ref()).map(End::of),
            restarts: u32::try_from(status.restart_count).unwrap_or_default(),
        }
    }

    /// Whether it ran, now or before.
    pub(super) fn was_started(&self) -> bool {
        self.last_end.is_some() || matches!(self.state, Some(Container::Running(_) | Container::Ended(_)))
    }
}

impl Container {
    fn of(state: &ContainerState) -> Option<Self> {
        if let Some(running) = &state.running {
            return Some(Self::Running(running.started_at.as_ref().map_or_else(Timestamp::now, moment)));
        }
        if let Some(ended) = &state.terminated {
            return Some(Self::Ended(End::of(ended)));
        }
        let waiting = state.waiting.as_ref()?;
        Some(Self::Waiting {
            reason: waiting.reason.clone().unwrap_or_default(),
            message: waiting.message.clone().unwrap_or_default(),
        })
    }
}

impl End {
    fn of(ended: &ContainerStateTerminated) -> Self {
        Self {
            at: ended.finished_at.as_ref().map_or_else(Timestamp::now, moment),
            exit_code: ended.exit_code,
            is_out_of_memory: ended.reason.as_deref() == Some("OOMKilled"),
            last_lines: ended.message.clone().unwrap_or_default(),
        }
    }
}

fn moment(time: &Time) -> Timestamp {
    Timestamp::from_millis(time.0.as_millisecond())
}
