//! What the runtime on a cluster needs to know.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::image::ImageRules;
use crate::site::SiteSettings;

/// How apps run on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// How to reach the cluster; the service account of the portal's own pod when absent.
    pub kubeconfig: Option<PathBuf>,
    /// What people's namespaces begin with.
    pub namespace_prefix: String,
    /// Registry and path that images of the catalogue without a registry are below.
    pub registry: String,
    /// Images that people may name themselves.
    pub images: ImageRules,
    /// The image of `myksc-agent`, which has the guard.
    pub agent_image: String,
    /// Folders that every app of a person sees, under the same paths as the HPC systems.
    pub mounts: Vec<Mount>,
    /// How those folders get into pods.
    pub storage: Storage,
    /// The cluster's DNS servers; the pods of `kube-system` at port 53 when empty.
    pub dns_servers: Vec<SocketAddr>,
    /// Networks that apps may reach, besides DNS; everywhere but `closed_networks` when it holds `0.0.0.0/0`.
    pub open_networks: Vec<String>,
    /// Networks that apps never reach: of nodes, API server, kubelets, schedulers, databases, metadata.
    pub closed_networks: Vec<String>,
    /// Addresses that the gateway's requests come from.
    pub gateway_networks: Vec<String>,
    /// The gateway's pods, where it runs in the cluster.
    pub gateway_pods: Option<Pods>,
    /// The resource that stands for a GPU.
    pub gpu_resource: String,
    /// What every app gets.
    pub site: SiteSettings,
    /// Binds the portal's own account to the rights it needs in each person's namespace; none where the kubeconfig
    /// has them by itself.
    pub grant: Option<Grant>,
}

/// A folder that apps see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// 1 to 20 characters of `a-z`, `0-9` and `-`.
    pub id: String,
    /// Absolute path; `{home}` and `{name}` stand for the person's.
    pub path: String,
    /// Whether nothing can be changed there.
    pub read_only: bool,
}

/// Pods of one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pods {
    /// Where they are.
    pub namespace: String,
    /// Labels that they all have; none for all pods of the namespace.
    pub labels: BTreeMap<String, String>,
}

/// How folders get into pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// By volumes that the portal binds beforehand to claims in the person's namespace.
    PersistentVolumes,
    /// Straight from the node.
    HostPath,
}

/// What the portal grants itself in a person's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// A ClusterRole.
    pub role: String,
    /// Namespace and name of the portal's service account.
    pub account: (String, String),
}

impl Mount {
    /// The path for one person.
    pub(super) fn path_of(&self, who: &myksc_core::Identity) -> String {
        self.path.replace("{home}", &who.home.to_string_lossy()).replace("{name}", &who.name)
    }
}
