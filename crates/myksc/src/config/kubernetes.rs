//! `[kubernetes]`: the cluster that apps run on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use myksc_apps::{Grant, ImageRules, KubernetesConfig, SiteSettings};
use myksc_core::Translated;
use serde::{Deserialize, Serialize};

use super::broken;
use crate::exit::Failure;

/// Room for a UID of ten digits and something of the name in a label of 63 bytes (RFC 1123).
const MAX_PREFIX_BYTES: usize = 30;
const MAX_MOUNT_ID_BYTES: usize = 20;

/// The cluster that apps run on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kubernetes {
    /// Its name on the sign-in page.
    #[serde(default = "title")]
    pub(crate) title: Translated,
    /// How to reach it; the service account of the portal's own pod when absent.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// What people's namespaces begin with.
    #[serde(default = "namespace_prefix")]
    pub(crate) namespace_prefix: String,
    /// Where images of the catalogue are that name no registry.
    pub(crate) registry: String,
    /// Patterns of images that people may name themselves; all of `registry` when absent.
    pub(crate) images: Option<Vec<String>>,
    /// The whole name of the image of `myksc-agent`.
    pub(crate) agent_image: String,
    /// How folders get into pods.
    #[serde(default)]
    pub(crate) storage: Storage,
    /// Folders that every app sees beside the home folder.
    #[serde(default)]
    pub(crate) mounts: Vec<Mount>,
    /// The cluster's DNS servers; the pods of `kube-system` at port 53 when empty.
    #[serde(default)]
    pub(crate) dns_servers: Vec<SocketAddr>,
    /// Networks that apps may reach.
    #[serde(default)]
    pub(crate) open_networks: Vec<String>,
    /// Parts of those that they may not.
    #[serde(default)]
    pub(crate) closed_networks: Vec<String>,
    /// Where the gateway's requests come from.
    #[serde(default)]
    pub(crate) gateway_networks: Vec<String>,
    /// The gateway's pods, where it runs in the cluster.
    pub(crate) gateway_pods: Option<Pods>,
    /// The resource that stands for a GPU.
    #[serde(default = "gpu_resource")]
    pub(crate) gpu_resource: String,
    /// The rights that the portal gives its own account in people's namespaces.
    pub(crate) grant: Option<GrantTable>,
}

/// How folders get into pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Storage {
    /// By volumes that are bound beforehand.
    #[default]
    PersistentVolumes,
    /// Straight from the node.
    HostPath,
}

/// Pods of one namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pods {
    /// Where they are.
    pub(crate) namespace: String,
    /// Labels that they all have; none for all pods of the namespace.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

/// A folder that every app sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    /// Its name among the volumes.
    pub(crate) id: String,
    /// Absolute; `{home}` and `{name}` stand for the person's.
    pub(crate) path: String,
    /// Whether nothing can be changed there.
    #[serde(default)]
    pub(crate) read_only: bool,
}

/// A role and who gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantTable {
    /// A ClusterRole.
    pub(crate) role: String,
    /// Namespace of the portal's service account.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) account: String,
}

impl Kubernetes {
    /// What the apps need to know of it, and what the site gives every one.
    ///
    /// # Errors
    /// As [`Kubernetes::check`].
    pub(crate) fn runtime(&self, site: SiteSettings) -> Result<KubernetesConfig, Failure> {
        let home = Mount { id: "home".to_owned(), path: "{home}".to_owned(), read_only: false };
        let mount = |mount: &Mount| myksc_apps::Mount {
            id: mount.id.clone(),
            path: mount.path.clone(),
            read_only: mount.read_only,
        };
        Ok(KubernetesConfig {
            kubeconfig: self.kubeconfig.clone(),
            namespace_prefix: self.namespace_prefix.clone(),
            registry: self.registry.clone(),
            images: self.images()?,
            agent_image: self.agent_image.clone(),
            mounts: std::iter::once(&home).chain(&self.mounts).map(mount).collect(),
            storage: match self.storage {
                Storage::PersistentVolumes => myksc_apps::Storage::PersistentVolumes,
                Storage::HostPath => myksc_apps::Storage::HostPath,
            },
            dns_servers: self.dns_servers.clone(),
            open_networks: self.open_networks.clone(),
            closed_networks: self.closed_networks.clone(),
            gateway_networks: self.gateway_networks.clone(),
            gateway_pods: self.gateway_pods.as_ref().map(|pods| myksc_apps::Pods {
                namespace: pods.namespace.clone(),
                labels: pods.labels.clone(),
            }),
            gpu_resource: self.gpu_resource.clone(),
            site,
            grant: self.grant.as_ref().map(|grant| Grant {
                role: grant.role.clone(),
                account: (grant.namespace.clone(), grant.account.clone()),
            }),
        })
    }

    /// The images that people may name themselves.
    fn images(&self) -> Result<ImageRules, Failure> {
        match &self.images {
            Some(images) => {
                ImageRules::parse(images).map_err(|error| broken(format!("kubernetes.images: {error}")))
            }
            // Where the site has no registry of its own, nothing is allowed that nobody allowed.
            None if self.registry.is_empty() => Ok(ImageRules::default()),
            None => {
                ImageRules::parse(&[format!("{}/**", self.registry.trim_end_matches('/'))]).map_err(|_| {
                    let message = "is no registry such as registry.example.org/myksc";
                    broken(format!(
                        "kubernetes.registry: {:?} {message}; or say kubernetes.images",
                        self.registry
                    ))
                })
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.namespace_prefix.len() > MAX_PREFIX_BYTES || !is_label(&self.namespace_prefix) {
            let message = format!("1 to {MAX_PREFIX_BYTES} characters of a-z, 0-9 and -, the first a letter");
            return Err(broken(format!("kubernetes.namespace_prefix: {message}")));
        }
        let networks = [
            ("open_networks", &self.open_networks),
            ("closed_networks", &self.closed_networks),
            ("gateway_networks", &self.gateway_networks),
        ];
        for (key, networks) in networks {
            if let Some(wrong) = networks.iter().find(|network| network.parse::<ipnet::IpNet>().is_err()) {
                return Err(broken(format!("kubernetes.{key}: {wrong:?} is no network such as 10.0.0.0/8")));
            }
        }
        if self.gateway_networks.is_empty() && self.gateway_pods.is_none() {
            let message = "say where the gateway's requests come from, or nobody reaches an app";
            return Err(broken(format!("kubernetes.gateway_networks or gateway_pods: {message}")));
        }
        self.images()?;
        self.check_mounts()
    }

    fn check_mounts(&self) -> Result<(), Failure> {
        let mut ids = vec!["home"];
        for mount in &self.mounts {
            let id = &mount.id;
            if id.len() > MAX_MOUNT_ID_BYTES || !is_label(id) || ids.contains(&id.as_str()) {
                let message =
                    format!("an id of its own, 1 to {MAX_MOUNT_ID_BYTES} characters of a-z, 0-9, -");
                return Err(broken(format!("kubernetes.mounts: {id:?}: {message}")));
            }
            ids.push(id);
            if !mount.path.starts_with('/') || mount.path.contains("..") || mount.path.contains(':') {
                let message = "an absolute path without .. and :";
                return Err(broken(format!("kubernetes.mounts: {:?}: {message}", mount.path)));
            }
        }
        Ok(())
    }
}

fn title() -> Translated {
    Translated { en: "Cluster for apps".to_owned(), ko: "앱 클러스터".to_owned() }
}

fn namespace_prefix() -> String {
    "myksc-".to_owned()
}

fn gpu_resource() -> String {
    "nvidia.com/gpu".to_owned()
}

fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Kubernetes {
        let fixed = "registry = \"r.example.org\"\nagent_image = \"agent:1\"\n";
        toml::from_str(&format!("{fixed}{text}")).unwrap()
    }

    #[test]
    fn what_does_not_hold_is_told_by_its_key() {
        let gateway = "gateway_networks = [\"10.0.0.1/32\"]\n";
        parse(gateway).check().unwrap();
        parse("gateway_pods = { namespace = \"myksc\" }").check().unwrap();
        let cases = [
            ("gateway_networks = []", "gateway_networks"),
            ("gateway_networks = [\"here\"]", "gateway_networks"),
            ("gateway_networks = [\"10.0.0.1/32\"]\nclosed_networks = [\"10.0.0.1/33\"]", "closed_networks"),
            ("gateway_networks = [\"10.0.0.1/32\"]\nnamespace_prefix = \"9\"", "namespace_prefix"),
            ("gateway_networks = [\"10.0.0.1/32\"]\nimages = [\"python:*\"]", "images"),
            ("gateway_networks = [\"10.0.0.1/32\"]\n[[mounts]]\nid = \"home\"\npath = \"/x\"", "mounts"),
            ("gateway_networks = [\"10.0.0.1/32\"]\n[[mounts]]\nid = \"x\"\npath = \"x\"", "mounts"),
            ("gateway_networks = [\"10.0.0.1/32\"]\n[[mounts]]\nid = \"x\"\npath = \"/x/../y\"", "mounts"),
        ];
        for (text, key) in cases {
            let error = parse(text).check().unwrap_err().to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
    }

    #[test]
    fn people_run_images_of_the_sites_registry_unless_it_says_otherwise() {
        let gateway = "gateway_networks = [\"10.0.0.1/32\"]\n";
        let images = |text: &str| {
            parse(&format!("{gateway}{text}")).runtime(SiteSettings::default()).unwrap().images.texts()
        };
        assert_eq!(images(""), ["r.example.org/**"]);
        assert_eq!(images("images = []"), [""; 0]);
        assert_eq!(images("images = [\"ghcr.io/lab/*:1.*\"]"), ["ghcr.io/lab/*:1.*"]);
        let nowhere = Kubernetes { registry: "nowhere".to_owned(), ..parse(gateway) };
        assert!(nowhere.check().unwrap_err().to_string().contains("kubernetes.registry"));
    }

    #[test]
    fn every_app_sees_the_home_folder() {
        let config =
            parse("gateway_networks = [\"10.0.0.1/32\"]\n[[mounts]]\nid = \"s\"\npath = \"/scratch/{name}\"");
        let mounts: Vec<_> = config
            .runtime(SiteSettings::default())
            .unwrap()
            .mounts
            .into_iter()
            .map(|mount| mount.path)
            .collect();
        assert_eq!(mounts, ["{home}", "/scratch/{name}"]);
    }
}
