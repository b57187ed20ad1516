//! What our objects on the cluster are called, and what is written on them.

use sha2::{Digest as _, Sha256};

use myksc_core::{AppId, Identity};

/// Who applies our fields (server-side apply).
pub(super) const FIELD_MANAGER: &str = "myksc";

/// Label of the namespaces that are people's.
pub(super) const NAMESPACE_LABEL: &str = "myksc.io/namespace";
/// Its value.
pub(super) const NAMESPACE_OF_USER: &str = "user";
/// Label of everything that belongs to an app: the app's id.
pub(super) const APP_LABEL: &str = "myksc.io/app";
/// Label of what belongs to a person's agent.
pub(super) const AGENT_LABEL: &str = "myksc.io/agent";
/// Annotation: all of the app's definition as JSON, so that nothing is lost with the portal's database.
pub(super) const DEFINITION_ANNOTATION: &str = "myksc.io/definition";
/// Annotation of pods: which launch of the app they belong to.
pub(super) const GENERATION_ANNOTATION: &str = "myksc.io/generation";
/// Annotations of a person's namespace: who may run there, as admission policies read it.
pub(super) const UID_ANNOTATION: &str = "myksc.io/uid";
pub(super) const GID_ANNOTATION: &str = "myksc.io/gid";
/// Numeric ids, separated by commas.
pub(super) const GROUPS_ANNOTATION: &str = "myksc.io/groups";
pub(super) const USER_ANNOTATION: &str = "myksc.io/user";
/// Absolute paths that may be mounted from the nodes, separated by colons.
pub(super) const PATHS_ANNOTATION: &str = "myksc.io/paths";

/// The longest name of a namespace (RFC 1123 label).
const MAX_NAME_BYTES: usize = 63;
/// Room for a host in the name of a secret of 253 bytes (RFC 1123 subdomain).
const MAX_SLUG_CHARS: usize = 200;

/// The namespace of a person. Her UID alone makes it hers: no two people share one, and the rest of the name is for
/// whoever reads it.
pub(super) fn namespace(prefix: &str, who: &Identity) -> String {
    let slug: String = who
        .name
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' })
        .collect();
    let mut name = format!("{prefix}{}-{slug}", who.uid);
    name.truncate(MAX_NAME_BYTES);
    name.trim_end_matches('-').to_owned()
}

/// The name of an app's Deployment, Service and Secret.
pub(super) fn app(id: &AppId) -> String {
    format!("app-{id}")
}

/// The name of the secret for an image registry. The end tells hosts apart whose letters are the same otherwise.
pub(super) fn registry(host: &str) -> String {
    let slug = host.to_ascii_lowercase().replace(':', "-");
    let digest = hex::encode(Sha256::digest(host));
    format!(
        "registry-{}-{}",
        slug.chars().take(MAX_SLUG_CHARS).collect::<String>().trim_end_matches(['.', '-']),
        &digest[..8]
    )
}

/// The claim and the volume of a mount of a person; volumes are known to the whole cluster.
pub(super) fn claim(mount: &str) -> String {
    format!("myksc-{mount}")
}

pub(super) fn volume(namespace: &str, mount: &str) -> String {
    format!("{namespace}-{mount}")
}

#[cfg(test)]
mod tests {
    use myksc_core::UserId;

    use super::*;

    fn who(name: &str, uid: u32) -> Identity {
        Identity {
            user: UserId::random(),
            name: name.to_owned(),
            uid,
            gid: uid,
            gids: vec![uid],
            home: "/home/x".into(),
            shell: "/bin/sh".into(),
        }
    }

    #[test]
    fn a_registry_has_a_name_of_its_own_that_a_secret_can_have() {
        let names =
            ["r.example.org", "r.example.org:5000", "r.example.org-5000", "R.example.org"].map(registry);
        assert!(names[1].starts_with("registry-r.example.org-5000-"), "{names:?}");
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        let long = registry(&format!("{}.org", "a-".repeat(120)));
        assert!(long.len() <= 253 && !long.contains(".-") && !long.contains("--"), "{long}");
    }

    #[test]
    fn a_namespace_is_a_label_that_nobody_else_has() {
        let cases = [
            ("kim", 20001, "myksc-20001-kim"),
            ("Kim.Minji", 20001, "myksc-20001-kim-minji"),
            ("kim_minji", 20002, "myksc-20002-kim-minji"),
            ("a.", 1000, "myksc-1000-a"),
            ("김민지", 20003, "myksc-20003"),
        ];
        for (name, uid, expected) in cases {
            assert_eq!(namespace("myksc-", &who(name, uid)), expected);
        }
        let long = namespace("myksc-", &who(&"k".repeat(200), u32::MAX));
        assert_eq!(long.len(), MAX_NAME_BYTES);
        // What another person calls herself never makes her namespace that of the first.
        assert_ne!(namespace("myksc-", &who("1-kim", 2000)), namespace("myksc-", &who("kim", 20001)));
    }
}
