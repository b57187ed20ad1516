//! A person's sign-in at an image registry, as kubelets take it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::names;
use super::meta;
use crate::registry::RegistryLogin;

/// Docker's registry goes by this name in files of this kind (docker-config.json).
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// The secret of one registry.
pub(in super::super) fn registry(namespace: &str, login: &RegistryLogin) -> Secret {
    let password = login.password.expose_secret();
    let auth = STANDARD.encode(format!("{}:{password}", login.account));
    let key = if login.host == "docker.io" { DOCKER_KEY } else { &login.host };
    let config = json!({ "auths": { key: { "auth": auth } } });
    Secret {
        metadata: meta(namespace, &names::registry(&login.host), []),
        type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
        string_data: Some([(".dockerconfigjson".to_owned(), config.to_string())].into()),
        ..Secret::default()
    }
}
