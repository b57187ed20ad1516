//! From what is known to the objects of the cluster; pure.

mod agent;
mod app;
mod limits;
mod network;
mod person;
mod registry;
mod storage;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(super) use agent::agent;
pub(super) use app::{APP_CONTAINER, APP_DIR, APP_PORT, GUARD_PORT, Launch, Listens, SOCKET, objects};
#[cfg(test)]
pub(super) use app::{AppObjects, literal};
pub(super) use limits::{LIMITS, limit_range, quota, resources_of};
pub(super) use network::network_policies;
pub(super) use person::{identity_map, namespace, role_binding};
pub(super) use registry::registry;
pub(super) use storage::{claims, volumes};

/// Name, namespace and labels of an object.
fn meta(namespace: &str, name: &str, labels: impl IntoIterator<Item = (&'static str, String)>) -> ObjectMeta {
    let managed = ("app.kubernetes.io/managed-by", "myksc".to_owned());
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
        labels: Some(text_map(std::iter::once(managed).chain(labels))),
        ..ObjectMeta::default()
    }
}

fn text_map(entries: impl IntoIterator<Item = (&'static str, String)>) -> BTreeMap<String, String> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
