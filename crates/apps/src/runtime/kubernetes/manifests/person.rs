//! A person's namespace and who she is in it.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};

use myksc_core::Identity;

use super::super::config::{Grant, KubernetesConfig, Storage};
use super::super::names::{
    GID_ANNOTATION, GROUPS_ANNOTATION, NAMESPACE_LABEL, NAMESPACE_OF_USER, PATHS_ANNOTATION, UID_ANNOTATION,
    USER_ANNOTATION,
};
use super::{meta, text_map};

/// Name of the map with the lines of passwd(5) and group(5).
pub(super) const IDENTITY_MAP: &str = "myksc-identity";

/// The namespace. Admission policies read from its annotations who may run in it.
pub(in super::super) fn namespace(config: &KubernetesConfig, name: &str, who: &Identity) -> Namespace {
    // Pod Security lets no folder of a node in below "privileged"; the admission policies say which.
    let level = match config.storage {
        Storage::PersistentVolumes => "restricted",
        Storage::HostPath => "privileged",
    };
    let mut metadata = meta(
        "",
        name,
        [
            (NAMESPACE_LABEL, NAMESPACE_OF_USER.to_owned()),
            ("pod-security.kubernetes.io/enforce", level.to_owned()),
        ],
    );
    let paths: Vec<_> = config.mounts.iter().map(|mount| mount.path_of(who)).collect();
    metadata.annotations = Some(text_map([
        (USER_ANNOTATION, who.name.clone()),
        (UID_ANNOTATION, who.uid.to_string()),
        (GID_ANNOTATION, who.gid.to_string()),
        (GROUPS_ANNOTATION, joined(&who.gids)),
        (PATHS_ANNOTATION, paths.join(":")),
    ]));
    Namespace { metadata, ..Namespace::default() }
}

/// Lines for tools that ask for names. The kernel asks for numbers, which no map can change.
pub(in super::super) fn identity_map(namespace: &str, who: &Identity) -> ConfigMap {
    let (name, uid, gid) = (&who.name, who.uid, who.gid);
    let (home, shell) = (who.home.display(), who.shell.display());
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
         {name}:x:{uid}:{gid}::{home}:{shell}\n"
    );
    let mut group = format!("root:x:0:\nnogroup:x:65534:\n{name}:x:{gid}:\n");
    for gid in who.gids.iter().filter(|other| **other != gid) {
        group += &format!("g{gid}:x:{gid}:{name}\n");
    }
    ConfigMap {
        metadata: meta(namespace, IDENTITY_MAP, []),
        data: Some(text_map([("passwd", passwd), ("group", group)])),
        ..ConfigMap::default()
    }
}

/// The portal's own rights in the namespace.
pub(in super::super) fn role_binding(namespace: &str, grant: &Grant) -> RoleBinding {
    let (account_namespace, account) = grant.account.clone();
    RoleBinding {
        metadata: meta(namespace, "myksc", []),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: grant.role.clone(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: account,
            namespace: Some(account_namespace),
            ..Subject::default()
        }]),
    }
}

fn joined(gids: &[u32]) -> String {
    gids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
