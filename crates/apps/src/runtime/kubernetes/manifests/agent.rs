//! A person's agent in her namespace: her files, as her, behind a guard.
//!
//! What it asks for is the portal's and small; the quota has room for it on top of the contract, so that a full quota
//! locks nobody out of her files.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Container, PodSpec, PodTemplateSpec, Secret, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use myksc_core::guard::GuardKey;
use myksc_core::{Identity, Resources};

use super::super::config::KubernetesConfig;
use super::super::names::AGENT_LABEL;
use super::app::{
    GUARD_PORT, RUN_DIR, SECRET_GUARD_KEY, container_security, empty_folder, guard, mount, pod_security,
    secret_items,
};
use super::limits::requirements;
use super::{meta, storage, text_map};

/// Name of all of its objects.
const AGENT: &str = "myksc-agent";

const SOCKET: &str = "/run/myksc/files.sock";
const ASKED: Resources = Resources { cpu_millis: 10, memory_bytes: 32 << 20, gpus: 0 };
const LIMIT: Resources = Resources { cpu_millis: 1000, memory_bytes: 256 << 20, gpus: 0 };
/// It ends when its pod does.
const IDLE_SECS: u32 = u32::MAX;
/// Below the home folder: where it notes uploads that are under way.
const STATE_DIR: &str = ".local/state/myksc-agent";

/// The objects of an agent.
#[derive(Debug)]
pub(in super::super) struct AgentObjects {
    pub(in super::super) secret: Secret,
    pub(in super::super) deployment: Deployment,
    pub(in super::super) service: Service,
}

/// The agent of a person.
pub(in super::super) fn agent(
    namespace: &str,
    who: &Identity,
    config: &KubernetesConfig,
    key: &GuardKey,
) -> AgentObjects {
    let label = || [(AGENT_LABEL, "files".to_owned())];
    let metadata = || meta(namespace, AGENT, label());
    let secret = Secret {
        metadata: metadata(),
        string_data: Some(text_map([(SECRET_GUARD_KEY, key.to_hex())])),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    let service = Service {
        metadata: metadata(),
        spec: Some(ServiceSpec {
            selector: Some(text_map(label())),
            ports: Some(vec![ServicePort {
                port: GUARD_PORT.into(),
                target_port: Some(IntOrString::Int(GUARD_PORT.into())),
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    };
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(text_map(label())), ..ObjectMeta::default() }),
        spec: Some(pod(who, config)),
    };
    let deployment = Deployment {
        metadata: metadata(),
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            // One at a time holds its state folder.
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            revision_history_limit: Some(0),
            selector: LabelSelector { match_labels: Some(text_map(label())), ..LabelSelector::default() },
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    };
    AgentObjects { secret, deployment, service }
}

fn pod(who: &Identity, config: &KubernetesConfig) -> PodSpec {
    let mounts = storage::of_pod(who, config);
    let own =
        [empty_folder("run", Some("Memory"), Some("16Mi")), secret_items("key", AGENT, [SECRET_GUARD_KEY])];
    let volumes = mounts.iter().map(|(volume, _)| volume.clone()).chain(own).collect();
    let home = who.home.to_string_lossy();
    let roots = config.mounts.iter().map(|mount| format!("{}={}", mount.id, mount.path_of(who)));
    let command = ["myksc-agent", "files", "--socket", SOCKET, "--state"].map(str::to_owned).into_iter();
    let command = command
        .chain([format!("{home}/{STATE_DIR}"), "--idle-secs".to_owned(), IDLE_SECS.to_string()])
        .chain(roots.flat_map(|root| ["--root".to_owned(), root]));
    let files = Container {
        name: "files".to_owned(),
        image: Some(config.agent_image.clone()),
        command: Some(command.map(|argument| super::app::literal(&argument)).collect()),
        resources: Some(requirements(ASKED, LIMIT, &config.gpu_resource)),
        security_context: Some(container_security(true)),
        volume_mounts: Some(
            mounts.into_iter().map(|(_, mount)| mount).chain([mount("run", RUN_DIR)]).collect(),
        ),
        ..Container::default()
    };
    PodSpec {
        security_context: Some(pod_security(who)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(10),
        volumes: Some(volumes),
        init_containers: Some(vec![guard(config, &format!("unix:{SOCKET}"))]),
        containers: vec![files],
        ..PodSpec::default()
    }
}
