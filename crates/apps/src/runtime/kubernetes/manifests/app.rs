//! The objects of one app: what it runs, where it is reached, and its secrets.
//!
//! One Deployment with one pod. The app listens on loopback or a socket in the pod; the guard beside it owns the pod's
//! only port and lets in the portal's gateway alone.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar,
    EnvVarSource, KeyToPath, LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec,
    SeccompProfile, Secret, SecretKeySelector, SecretVolumeSource, SecurityContext, Service, ServicePort,
    ServiceSpec, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use myksc_core::Identity;
use myksc_core::guard::GuardKey;

use super::super::config::KubernetesConfig;
use super::super::definition::Definition;
use super::super::names::{
    APP_LABEL, DEFINITION_ANNOTATION, GENERATION_ANNOTATION, app as app_name, registry as registry_name,
};
use super::limits::{GUARD, GUARD_LIMIT, requirements};
use super::person::IDENTITY_MAP;
use super::{meta, storage, text_map};

/// The port of a pod that guards own.
pub(in super::super) const GUARD_PORT: u16 = 7443;
/// The loopback port of an app that listens on the one that it is given.
pub(in super::super) const APP_PORT: u16 = 8000;
/// The folder of an app's socket and run-time files, in memory.
pub(in super::super) const RUN_DIR: &str = "/run/myksc";
/// The app's own folder in the pod.
pub(in super::super) const APP_DIR: &str = "/run/myksc/app";
/// The socket of an app that listens on one.
pub(in super::super) const SOCKET: &str = "/run/myksc/app.sock";
/// Key of the guard's key, in hexadecimal digits.
pub(in super::super) const SECRET_GUARD_KEY: &str = "guard-key";
/// The name of the container of the app itself.
pub(in super::super) const APP_CONTAINER: &str = "app";

const GUARD_CONTAINER: &str = "guard";
const KEY_DIR: &str = "/etc/myksc-guard";
/// How long the guard may take after the app has ended.
const GUARD_GRACE_SECS: u64 = 5;

/// All that a launch comes to.
#[derive(Debug)]
pub(in super::super) struct Launch<'a> {
    pub(in super::super) config: &'a KubernetesConfig,
    pub(in super::super) namespace: &'a str,
    pub(in super::super) definition: Definition,
    pub(in super::super) image: String,
    /// Program and arguments; the image's own when empty.
    pub(in super::super) command: Vec<String>,
    /// Variables that may hold the app's secret.
    pub(in super::super) environment: BTreeMap<String, String>,
    /// Variables that the site gives every app; the two have no names in common.
    pub(in super::super) site: BTreeMap<String, String>,
    /// Files below [`APP_DIR`], by relative path.
    pub(in super::super) files: BTreeMap<String, String>,
    pub(in super::super) listens: Listens,
    pub(in super::super) guard_key: GuardKey,
    pub(in super::super) grace_secs: u64,
}

/// Where an app listens in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Listens {
    /// On [`SOCKET`].
    Socket,
    /// On this port of loopback.
    Port(u16),
}

/// The objects of one app.
#[derive(Debug)]
pub(in super::super) struct AppObjects {
    pub(in super::super) secret: Secret,
    pub(in super::super) deployment: Deployment,
    pub(in super::super) service: Service,
}

/// The objects of a launch.
pub(in super::super) fn objects(launch: &Launch<'_>) -> AppObjects {
    AppObjects { secret: secret(launch), deployment: deployment(launch), service: service(launch) }
}

impl AppObjects {
    /// Makes secret and service go with the Deployment when somebody deletes that.
    pub(in super::super) fn belong_to(&mut self, deployment_uid: &str) {
        let owner = OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: self.deployment.metadata.name.clone().unwrap_or_default(),
            uid: deployment_uid.to_owned(),
            ..OwnerReference::default()
        };
        self.secret.metadata.owner_references = Some(vec![owner.clone()]);
        self.service.metadata.owner_references = Some(vec![owner]);
    }
}

fn metadata(launch: &Launch<'_>) -> ObjectMeta {
    let id = &launch.definition.app.id;
    meta(launch.namespace, &app_name(id), [(APP_LABEL, id.to_string())])
}

fn secret(launch: &Launch<'_>) -> Secret {
    let guard = (SECRET_GUARD_KEY.to_owned(), launch.guard_key.to_hex());
    let environment = launch.environment.iter().map(|(name, value)| (environment_key(name), value.clone()));
    let files = launch.files.values().enumerate().map(|(index, text)| (file_key(index), text.clone()));
    Secret {
        metadata: metadata(launch),
        type_: Some("Opaque".to_owned()),
        string_data: Some(std::iter::once(guard).chain(environment).chain(files).collect()),
        ..Secret::default()
    }
}

fn service(launch: &Launch<'_>) -> Service {
    let id = launch.definition.app.id.to_string();
    Service {
        metadata: metadata(launch),
        spec: Some(ServiceSpec {
            selector: Some(text_map([(APP_LABEL, id)])),
            ports: Some(vec![ServicePort {
                name: Some("guard".to_owned()),
                port: GUARD_PORT.into(),
                target_port: Some(IntOrString::Int(GUARD_PORT.into())),
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn deployment(launch: &Launch<'_>) -> Deployment {
    let id = launch.definition.app.id.to_string();
    let mut metadata = metadata(launch);
    metadata.annotations = Some(text_map([
        (DEFINITION_ANNOTATION, launch.definition.to_json()),
        (GENERATION_ANNOTATION, launch.definition.app.generation.to_string()),
    ]));
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(text_map([(APP_LABEL, id.clone())])),
            annotations: Some(text_map([(
                GENERATION_ANNOTATION,
                launch.definition.app.generation.to_string(),
            )])),
            ..ObjectMeta::default()
        }),
        spec: Some(pod(launch)),
    };
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            // Two pods of one app would write the same files.
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            revision_history_limit: Some(0),
            selector: LabelSelector {
                match_labels: Some(text_map([(APP_LABEL, id)])),
                ..LabelSelector::default()
            },
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn pod(launch: &Launch<'_>) -> PodSpec {
    let mounts = storage::of_pod(&launch.definition.owner, launch.config);
    let volumes = mounts.iter().map(|(volume, _)| volume.clone()).chain(own_volumes(launch)).collect();
    let grace = launch.grace_secs + GUARD_GRACE_SECS;
    let to = match launch.listens {
        Listens::Socket => format!("unix:{SOCKET}"),
        Listens::Port(port) => format!("tcp:127.0.0.1:{port}"),
    };
    PodSpec {
        security_context: Some(pod_security(&launch.definition.owner)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(i64::try_from(grace).unwrap_or(i64::MAX)),
        volumes: Some(volumes),
        init_containers: Some(vec![guard(launch.config, &to)]),
        // It need not be there; it is looked for at every try to fetch the image.
        image_pull_secrets: launch
            .definition
            .own_image
            .as_ref()
            .map(|image| vec![LocalObjectReference { name: registry_name(image.host()) }]),
        containers: vec![app(launch, mounts.into_iter().map(|(_, mount)| mount))],
        ..PodSpec::default()
    }
}

/// Exactly her, and no group that an image's `/etc/group` claims. No `fsGroup`: it would change the owner of her home.
pub(super) fn pod_security(who: &Identity) -> PodSecurityContext {
    PodSecurityContext {
        run_as_user: Some(who.uid.into()),
        run_as_group: Some(who.gid.into()),
        run_as_non_root: Some(true),
        supplemental_groups: Some(
            who.gids.iter().filter(|gid| **gid != who.gid).map(|&gid| gid.into()).collect(),
        ),
        supplemental_groups_policy: Some("Strict".to_owned()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

pub(super) fn container_security(read_only_root: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        read_only_root_filesystem: read_only_root.then_some(true),
        ..SecurityContext::default()
    }
}

fn app(launch: &Launch<'_>, mounts: impl Iterator<Item = VolumeMount>) -> Container {
    let files = launch.files.keys().enumerate().map(|(index, path)| VolumeMount {
        name: "files".to_owned(),
        mount_path: format!("{APP_DIR}/{path}"),
        sub_path: Some(file_key(index)),
        read_only: Some(true),
        ..VolumeMount::default()
    });
    let names = ["passwd", "group"].map(|file| VolumeMount {
        name: "identity".to_owned(),
        mount_path: format!("/etc/{file}"),
        sub_path: Some(file.to_owned()),
        read_only: Some(true),
        ..VolumeMount::default()
    });
    let own = [mount("run", RUN_DIR), mount("app", APP_DIR), mount("tmp", "/tmp"), mount("shm", "/dev/shm")];
    let resources = launch.definition.app.resources;
    Container {
        name: APP_CONTAINER.to_owned(),
        image: Some(launch.image.clone()),
        // A node that has the image would start it for people who may not fetch it.
        image_pull_policy: launch.definition.own_image.is_some().then(|| "Always".to_owned()),
        command: (!launch.command.is_empty())
            .then(|| launch.command.iter().map(|argument| literal(argument)).collect()),
        // What an image of hers runs by itself counts on the folder that it was made for.
        working_dir: (launch.definition.own_image.is_none())
            .then(|| launch.definition.owner.home.to_string_lossy().into_owned()),
        env: Some(environment(launch)),
        resources: Some(requirements(resources, resources, &launch.config.gpu_resource)),
        security_context: Some(container_security(false)),
        volume_mounts: Some(mounts.chain(own).chain(names).chain(files).collect()),
        // The pod's status tells the end of a log as the reason of a crash.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// The guard of a pod; `to` is where it leads whoever holds the key.
pub(super) fn guard(config: &KubernetesConfig, to: &str) -> Container {
    let command = [
        "myksc-agent",
        "guard",
        "--listen",
        &format!("0.0.0.0:{GUARD_PORT}"),
        "--key-file",
        &format!("{KEY_DIR}/{SECRET_GUARD_KEY}"),
        "--to",
        to,
    ];
    let key = VolumeMount { read_only: Some(true), ..mount("key", KEY_DIR) };
    Container {
        name: GUARD_CONTAINER.to_owned(),
        image: Some(config.agent_image.clone()),
        command: Some(command.map(str::to_owned).into()),
        ports: Some(vec![ContainerPort {
            name: Some("guard".to_owned()),
            container_port: GUARD_PORT.into(),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        resources: Some(requirements(GUARD, GUARD_LIMIT, &config.gpu_resource)),
        // A container that starts before the others and ends after them (KEP-753).
        restart_policy: Some("Always".to_owned()),
        security_context: Some(container_security(true)),
        volume_mounts: Some(vec![key, mount("run", RUN_DIR)]),
        ..Container::default()
    }
}

/// Volumes that live and end with the pod.
fn own_volumes(launch: &Launch<'_>) -> Vec<Volume> {
    let secret = app_name(&launch.definition.app.id);
    let identity = Volume {
        name: "identity".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: IDENTITY_MAP.to_owned(),
            default_mode: Some(0o444),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let mut volumes = vec![
        empty_folder("run", Some("Memory"), Some("64Mi")),
        // A volume of its own: the folders above files in it are made by root.
        empty_folder("app", Some("Memory"), Some("64Mi")),
        empty_folder("tmp", None, None),
        empty_folder("shm", Some("Memory"), None),
        identity,
        secret_items("key", &secret, [SECRET_GUARD_KEY]),
    ];
    if !launch.files.is_empty() {
        volumes.push(secret_items("files", &secret, (0..launch.files.len()).map(file_key)));
    }
    volumes
}

/// A folder that is empty at first; with `Memory` as its medium it counts as memory of whoever writes there.
pub(super) fn empty_folder(name: &str, medium: Option<&str>, size: Option<&str>) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: medium.map(str::to_owned),
            size_limit: size.map(|size| Quantity(size.to_owned())),
        }),
        ..Volume::default()
    }
}

/// Some items of a secret as files.
pub(super) fn secret_items(
    name: &str,
    secret: &str,
    items: impl IntoIterator<Item = impl Into<String>>,
) -> Volume {
    let item = |key: String| KeyToPath { path: key.clone(), key, mode: None };
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(0o444),
            items: Some(items.into_iter().map(|key| item(key.into())).collect()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// What a login gives a process, what the site gives every app, and the template's own, which come from the secret. Of one
/// name the last of these counts.
fn environment(launch: &Launch<'_>) -> Vec<EnvVar> {
    let who = &launch.definition.owner;
    let login = [
        ("HOME", who.home.to_string_lossy().into_owned()),
        ("USER", who.name.clone()),
        ("LOGNAME", who.name.clone()),
        ("SHELL", who.shell.to_string_lossy().into_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("XDG_RUNTIME_DIR", APP_DIR.to_owned()),
        ("MYKSC_APP", launch.definition.app.id.to_string()),
    ];
    let plain = |name: String, value: String| EnvVar { name, value: Some(literal(&value)), value_from: None };
    let site = launch.site.iter().map(|(name, value)| plain(name.clone(), value.clone()));
    let is_said = |name: &str| launch.site.contains_key(name) || launch.environment.contains_key(name);
    // The API server takes each name once.
    let login = login.into_iter().filter(|(name, _)| !is_said(name));
    let own = launch.environment.keys().map(|name| EnvVar {
        name: name.clone(),
        value: None,
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: app_name(&launch.definition.app.id),
                key: environment_key(name),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
    });
    login.map(|(name, value)| plain(name.to_owned(), value)).chain(site).chain(own).collect()
}

/// The kubelet replaces `$(NAME)` in variables and commands; `$$` is a dollar.
pub(in super::super) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn environment_key(name: &str) -> String {
    format!("env.{name}")
}

fn file_key(index: usize) -> String {
    format!("file.{index}")
}

pub(super) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}
