//! A person's folders in her pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    HostPathVolumeSource, ObjectReference, PersistentVolume, PersistentVolumeClaim,
    PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource, PersistentVolumeSpec, Volume, VolumeMount,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use myksc_core::Identity;

use super::super::config::{KubernetesConfig, Mount, Storage};
use super::super::names;
use super::meta;

/// Volumes have a size for the sake of form: the file system keeps its own quotas.
const SIZE: &str = "1Gi";

/// The volumes of the cluster that are bound beforehand to the person's claims; none with folders straight from nodes.
pub(in super::super) fn volumes(
    namespace: &str,
    who: &Identity,
    config: &KubernetesConfig,
) -> Vec<PersistentVolume> {
    bound(config)
        .map(|mount| PersistentVolume {
            metadata: meta("", &names::volume(namespace, &mount.id), []),
            spec: Some(PersistentVolumeSpec {
                access_modes: Some(vec![access_mode(mount)]),
                capacity: Some(size()),
                claim_ref: Some(ObjectReference {
                    kind: Some("PersistentVolumeClaim".to_owned()),
                    api_version: Some("v1".to_owned()),
                    namespace: Some(namespace.to_owned()),
                    name: Some(names::claim(&mount.id)),
                    ..ObjectReference::default()
                }),
                host_path: Some(folder(mount, who)),
                persistent_volume_reclaim_policy: Some("Retain".to_owned()),
                storage_class_name: Some(String::new()),
                ..PersistentVolumeSpec::default()
            }),
            ..PersistentVolume::default()
        })
        .collect()
}

/// The claims that pods name.
pub(in super::super) fn claims(namespace: &str, config: &KubernetesConfig) -> Vec<PersistentVolumeClaim> {
    bound(config)
        .map(|mount| PersistentVolumeClaim {
            metadata: meta(namespace, &names::claim(&mount.id), []),
            spec: Some(PersistentVolumeClaimSpec {
                access_modes: Some(vec![access_mode(mount)]),
                resources: Some(VolumeResourceRequirements {
                    requests: Some(size()),
                    ..VolumeResourceRequirements::default()
                }),
                storage_class_name: Some(String::new()),
                volume_name: Some(names::volume(namespace, &mount.id)),
                ..PersistentVolumeClaimSpec::default()
            }),
            ..PersistentVolumeClaim::default()
        })
        .collect()
}

/// The volumes of a pod and where its container sees them: under the paths that the HPC systems use.
pub(super) fn of_pod(who: &Identity, config: &KubernetesConfig) -> Vec<(Volume, VolumeMount)> {
    let of = |mount: &Mount| {
        let name = format!("mount-{}", mount.id);
        let mut volume = Volume { name: name.clone(), ..Volume::default() };
        match config.storage {
            Storage::HostPath => volume.host_path = Some(folder(mount, who)),
            Storage::PersistentVolumes => {
                volume.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                    claim_name: names::claim(&mount.id),
                    read_only: mount.read_only.then_some(true),
                });
            }
        }
        let mount = VolumeMount {
            name,
            mount_path: mount.path_of(who),
            read_only: mount.read_only.then_some(true),
            ..VolumeMount::default()
        };
        (volume, mount)
    };
    config.mounts.iter().map(of).collect()
}

fn bound(config: &KubernetesConfig) -> impl Iterator<Item = &Mount> {
    config.mounts.iter().filter(|_| config.storage == Storage::PersistentVolumes)
}

/// A folder that is there already: nothing of a node is made by a launch.
fn folder(mount: &Mount, who: &Identity) -> HostPathVolumeSource {
    HostPathVolumeSource { path: mount.path_of(who), type_: Some("Directory".to_owned()) }
}

fn access_mode(mount: &Mount) -> String {
    if mount.read_only { "ReadOnlyMany" } else { "ReadWriteMany" }.to_owned()
}

fn size() -> BTreeMap<String, Quantity> {
    [("storage".to_owned(), Quantity(SIZE.to_owned()))].into()
}
