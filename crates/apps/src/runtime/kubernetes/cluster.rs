//! Calls to the API server, each with a deadline, and its refusals as errors of ours.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::{DeleteParams, LogParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolume, Pod, ResourceQuota, Secret, Service};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};

use myksc_core::Error;

use super::config::KubernetesConfig;
use super::manifests::LIMITS;
use super::names::FIELD_MANAGER;
use super::words;
use crate::runtime::PLACE_GOING;

/// The code of what the API server refuses.
const REFUSED: &str = "cluster_refused";
/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// The API server, as the portal's account.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) client: Client,
}

impl Cluster {
    /// Reads how to reach the API server; nothing is asked yet.
    ///
    /// # Errors
    /// A kubeconfig, or a service account's folder, that can't be used.
    pub(super) async fn open(config: &KubernetesConfig) -> Result<Self, Error> {
        let settings = match &config.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(Error::internal)?;
                let options = KubeConfigOptions::default();
                kube::Config::from_custom_kubeconfig(file, &options).await.map_err(Error::internal)?
            }
            None => kube::Config::incluster().map_err(Error::internal)?,
        };
        let client = Client::try_from(settings).map_err(Error::internal)?;
        Ok(Self { client })
    }

    /// Makes an object of the cluster, or brings our fields of it to this.
    pub(super) async fn apply_global<K>(&self, object: &K) -> Result<K, Error>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Serialize,
    {
        self.apply_at(&Api::all(self.client.clone()), object).await
    }

    /// Makes an object in a namespace, or brings our fields of it to this.
    pub(super) async fn apply<K>(&self, object: &K) -> Result<K, Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Serialize,
    {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        self.apply_at(&Api::namespaced(self.client.clone(), &namespace), object).await
    }

    async fn apply_at<K>(&self, api: &Api<K>, object: &K) -> Result<K, Error>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Serialize,
    {
        let name = object.meta().name.clone().unwrap_or_default();
        let params = PatchParams::apply(FIELD_MANAGER).force();
        within(api.patch(&name, &params, &Patch::Apply(object))).await
    }

    /// Lets an app have no pod; one that is gone is no error.
    pub(super) async fn scale_down(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.change(namespace, name, &json!({ "spec": { "replicas": 0 } })).await
    }

    /// Changes annotations of an app; one that is gone is no error.
    pub(super) async fn annotate(
        &self,
        namespace: &str,
        name: &str,
        annotations: &serde_json::Value,
    ) -> Result<(), Error> {
        self.change(namespace, name, &json!({ "metadata": { "annotations": annotations } })).await
    }

    async fn change(&self, namespace: &str, name: &str, patch: &serde_json::Value) -> Result<(), Error> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        unless_gone(within(api.patch(name, &merging(), &Patch::Merge(patch))).await.map(drop))
    }

    /// Lets a volume be bound again by the claim that it is for, where the one that it was bound to was deleted with its
    /// namespace.
    pub(super) async fn give_back(&self, volume: &PersistentVolume) -> Result<(), Error> {
        let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase != Some("Released") {
            return Ok(());
        }
        let api: Api<PersistentVolume> = Api::all(self.client.clone());
        let patch = json!({
            "metadata": { "resourceVersion": volume.metadata.resource_version },
            "spec": { "claimRef": { "uid": null, "resourceVersion": null } },
        });
        let name = volume.metadata.name.as_deref().unwrap_or_default();
        within(api.patch(name, &merging(), &Patch::Merge(patch))).await.map(drop)
    }

    /// Lifts a person's limits; none is no error.
    pub(super) async fn remove_quota(&self, namespace: &str) -> Result<(), Error> {
        let api: Api<ResourceQuota> = Api::namespaced(self.client.clone(), namespace);
        unless_gone(within(api.delete(LIMITS, &DeleteParams::default())).await.map(drop))
    }

    /// Removes an app's objects; those that are gone are no error.
    pub(super) async fn remove(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let at_once = DeleteParams::default();
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        unless_gone(within(deployments.delete(name, &at_once)).await.map(drop))?;
        let services: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        unless_gone(within(services.delete(name, &at_once)).await.map(drop))?;
        self.remove_secret(namespace, name).await
    }

    /// Removes a secret; one that is gone is no error.
    pub(super) async fn remove_secret(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        unless_gone(within(secrets.delete(name, &DeleteParams::default())).await.map(drop))
    }

    /// The beginning of a container's log, as far as the kubelet keeps it.
    pub(super) async fn log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        of_former: bool,
        limit_bytes: i64,
    ) -> Result<String, Error> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let params = LogParams {
            container: Some(container.to_owned()),
            previous: of_former,
            limit_bytes: Some(limit_bytes),
            ..LogParams::default()
        };
        within(api.logs(pod, &params)).await
    }
}

/// A change of some fields, under our name.
fn merging() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer.map_err(translate),
        Err(_) => Err(away("the cluster did not answer in time")),
    }
}

/// A refusal is one that trying again does not change; all else may be another time.
fn translate(error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.code == 404 => Error::not_found("object", &status.message),
        kube::Error::Api(status) if has_cause(&status, "NamespaceTerminating") => {
            place_going(&status.message)
        }
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422) => {
            let message = words::said(&status.message).to_owned();
            Error::Conflict {
                code: REFUSED,
                params: [("message".to_owned(), message.clone().into())].into(),
                detail: message,
            }
        }
        kube::Error::Api(status) => away(&status.message),
        error => {
            tracing::debug!(%error, "a call to the cluster failed");
            away("the cluster can't be reached")
        }
    }
}

fn has_cause(status: &Status, reason: &str) -> bool {
    status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason)
}

/// Whether it was refused for good, as far as the API server that was asked knows.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Conflict { code: REFUSED, .. })
}

/// Whether it was refused because our account has no right to it, whatever it is.
pub(super) fn is_want_of_right(error: &Error) -> bool {
    matches!(error, Error::Conflict { code: REFUSED, detail, .. } if words::is_want_of_right(detail))
}

pub(super) fn away(detail: &str) -> Error {
    Error::Unavailable { code: "cluster_away", detail: detail.to_owned() }
}

pub(super) fn place_going(detail: &str) -> Error {
    Error::Unavailable { code: PLACE_GOING, detail: detail.to_owned() }
}

fn unless_gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::NotFound { .. }) => Ok(()),
        result => result,
    }
}

impl Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}
