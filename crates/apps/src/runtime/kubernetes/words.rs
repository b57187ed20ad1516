//! What holds a launch, told from the words of the API server, the scheduler and the kubelet.
//!
//! Their messages are for logs and change with their version: known parts of them become codes with values, and the
//! whole goes along as detail.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use myksc_core::app::Hold;
use myksc_core::error::Params;

use super::records::End;
use crate::image::ImageReference;

/// The longest message that is shown.
const MAX_DETAIL_CHARS: usize = 500;

/// What an admission policy says itself: what stands before that is made of names that nobody asked for.
pub(super) fn said(message: &str) -> &str {
    message.rsplit_once(" denied request: ").map_or(message, |(_, said)| said)
}

/// Whether RBAC refused it: `User "…" cannot VERB resource "…" in API group …`.
pub(super) fn is_want_of_right(message: &str) -> bool {
    message.split_once("User \"").is_some_and(|(_, rest)| {
        rest.split_once("\" cannot ").is_some_and(|(_, rest)| rest.contains(" resource \""))
    })
}

/// Why no pod is made: the quota, or an admission policy.
pub(super) fn refused(message: &str) -> Hold {
    let message = said(message);
    match quota_values(message) {
        Some(params) => hold("quota_exceeded", params, message),
        None => hold("refused", Params::new(), message),
    }
}

/// Why there is no node for a pod.
pub(super) fn unplaced(message: &str) -> Hold {
    let resource = message
        .split("Insufficient ")
        .nth(1)
        .map(|rest| rest.split([',', '.', ' ']).next().unwrap_or_default())
        // A resource's own name may hold dots, as nvidia.com/gpu does.
        .map(|first| if first == "nvidia" { "nvidia.com/gpu" } else { first });
    let params = resource.map(|resource| ("resource".to_owned(), resource.into())).into_iter().collect();
    hold("no_node_fits", params, message)
}

/// Why a pod as a whole failed; another is made.
pub(super) fn pod_failed(reason: &str) -> Hold {
    hold("pod_lost", Params::from([("reason".to_owned(), reason.into())]), reason)
}

/// Why a container does not run yet; `None` when that is as it should be. What is wrong with an image that the person
/// has named she can mend herself.
pub(super) fn waiting(reason: &str, message: &str, own: Option<&ImageReference>) -> Option<Hold> {
    let code = match reason {
        "" | "ContainerCreating" | "PodInitializing" => return None,
        "InvalidImageName" => "image_name_invalid",
        "ErrImagePull" | "ImagePullBackOff" => image_fault(message).code(own.is_some()),
        "CreateContainerConfigError" => "container_refused",
        "CreateContainerError" | "RunContainerError" => start_fault(message).unwrap_or("container_refused"),
        _ => "waiting",
    };
    let mut params = Params::from([("reason".to_owned(), reason.into())]);
    if let Some(image) = own {
        params.insert("image".to_owned(), image.to_string().into());
        params.insert("host".to_owned(), image.host().into());
    }
    Some(hold(code, params, message))
}

/// Why the program of an image can't be started at all, told from what the container runtime said (runc, crun) or the
/// program that was to start it.
pub(super) fn start_fault(message: &str) -> Option<&'static str> {
    let says = |word: &str| message.contains(word);
    if says("exec format error") {
        return Some("image_wrong_platform");
    }
    let is_of_start = says("exec: \"") && says("failed to create");
    (is_of_start && (says("executable file not found") || says("no such file or directory")))
        .then_some("image_command_missing")
}

/// The image is on its way to the node.
pub(super) fn fetching() -> Hold {
    hold("image_fetching", Params::new(), "the image is being fetched")
}

/// Why a folder can't be mounted, in the kubelet's words.
pub(super) fn mount_failed(message: &str) -> Hold {
    let rest = message.split_once("hostPath type check failed: ").map(|(_, rest)| rest);
    match rest.and_then(|rest| rest.split_once(" is not a directory")) {
        Some((path, _)) => hold("folder_missing", Params::from([("path".to_owned(), path.into())]), message),
        None => hold("mount_failed", Params::new(), message),
    }
}

/// It ended and is started once more.
pub(super) fn restarting(end: &End, restarts: u32) -> Hold {
    let code = match start_fault(&end.last_lines) {
        Some(code) => code,
        None if end.is_out_of_memory => "restarting_out_of_memory",
        None => "restarting",
    };
    let params = Params::from([
        ("exit_code".to_owned(), end.exit_code.into()),
        ("restarts".to_owned(), restarts.into()),
    ]);
    hold(code, params, &format!("it ended with exit code {} and is started again", end.exit_code))
}

/// What keeps an image from being fetched.
#[derive(Debug, Clone, Copy)]
enum ImageTrouble {
    WrongPlatform,
    Forbidden,
    Missing,
    Unreachable,
}

impl ImageTrouble {
    fn code(self, is_own: bool) -> &'static str {
        match (self, is_own) {
            (Self::WrongPlatform, _) => "image_wrong_platform",
            (Self::Forbidden, true) => "own_image_forbidden",
            (Self::Forbidden, false) => "image_forbidden",
            (Self::Missing, true) => "own_image_missing",
            (Self::Missing, false) => "image_missing",
            (Self::Unreachable, true) => "own_image_unreachable",
            (Self::Unreachable, false) => "image_unreachable",
        }
    }
}

fn image_fault(message: &str) -> ImageTrouble {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["no match for platform", "no image found in manifest list for architecture"]) {
        ImageTrouble::WrongPlatform
    } else if says(&[
        "unauthorized",
        "authorization failed",
        "authentication required",
        "denied",
        "403 forbidden",
    ]) {
        ImageTrouble::Forbidden
    } else if says(&["not found", "manifest unknown"]) {
        ImageTrouble::Missing
    } else {
        ImageTrouble::Unreachable
    }
}

/// `exceeded quota: NAME, requested: A=1,B=2, used: …, limited: …` of the resource quota's admission.
fn quota_values(message: &str) -> Option<Params> {
    let rest = message.split("exceeded quota: ").nth(1)?;
    let part = |name: &str| {
        let text = rest.split(&format!("{name}: ")).nth(1)?;
        Some(table(text.split(", ").next().unwrap_or_default()))
    };
    let (requested, used, limited) = (part("requested")?, part("used")?, part("limited")?);
    let resource = requested.keys().next()?.clone();
    let plain = resource.trim_start_matches("requests.").to_owned();
    let mut params = Params::from([("resource".to_owned(), plain.into())]);
    for (name, table) in [("asked", requested), ("used", used), ("limit", limited)] {
        params.insert(name.to_owned(), table.get(&resource)?.0.clone().into());
    }
    Some(params)
}

fn table(text: &str) -> BTreeMap<String, Quantity> {
    let entries = text.trim().split(',').filter_map(|entry| entry.split_once('='));
    entries.map(|(name, value)| (name.to_owned(), Quantity(value.trim().to_owned()))).collect()
}

fn hold(code: &str, params: Params, message: &str) -> Hold {
    let detail = message.chars().filter(|one| !one.is_control()).take(MAX_DETAIL_CHARS).collect();
    Hold { code: code.to_owned(), params, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_says_which_used_and_asked() {
        let message = "pods \"app-x-5d\" is forbidden: exceeded quota: myksc-limits, requested: \
            requests.cpu=2010m,requests.memory=1Gi, used: requests.cpu=1010m,requests.memory=2Gi, limited: \
            requests.cpu=2500m,requests.memory=8Gi";
        let hold = refused(message);
        assert_eq!(hold.code, "quota_exceeded");
        let values: Vec<_> = hold.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(values, ["asked=\"2010m\"", "limit=\"2500m\"", "resource=\"cpu\"", "used=\"1010m\""]);
        assert_eq!(refused("admission webhook says no").code, "refused");
    }

    #[test]
    fn a_policy_is_heard_without_the_names_around_it() {
        let message = "pods \"app-x-5d\" is forbidden: ValidatingAdmissionPolicy 'myksc-pods' with binding \
            'myksc-pods' denied request: runs as another UID";
        assert_eq!(refused(message).detail, "runs as another UID");
        assert_eq!(said("no room"), "no room");
    }

    #[test]
    fn a_missing_right_is_told_from_other_refusals() {
        let message = "secrets \"app-x\" is forbidden: User \"system:serviceaccount:myksc:myksc-control\" cannot \
            patch resource \"secrets\" in API group \"\" in the namespace \"myksc-20001-kim\"";
        assert!(is_want_of_right(message));
        assert!(!is_want_of_right("pods \"x\" is forbidden: exceeded quota: q"));
        assert!(!is_want_of_right("a person cannot run as another"));
    }

    #[test]
    fn the_scheduler_says_what_no_node_has() {
        let cases = [
            ("0/1 nodes are available: 1 Insufficient cpu. preemption: …", Some("cpu")),
            ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", Some("nvidia.com/gpu")),
            ("0/2 nodes are available: 1 Insufficient cpu, 2 Insufficient memory.", Some("cpu")),
            ("0/1 nodes are available: 1 node(s) had untolerated taint", None),
        ];
        for (message, expected) in cases {
            let hold = unplaced(message);
            let resource = hold.params.get("resource").and_then(|value| value.as_str());
            assert_eq!((hold.code.as_str(), resource), ("no_node_fits", expected), "{message}");
        }
    }

    #[test]
    fn an_image_that_does_not_come_says_why() {
        let cases = [
            ("ErrImagePull", "failed to resolve: r/x:1: not found", "image_missing"),
            (
                "ImagePullBackOff",
                "pull access denied, authorization failed: no basic auth",
                "image_forbidden",
            ),
            ("ErrImagePull", "dial tcp 10.0.0.1:5000: connect: connection refused", "image_unreachable"),
            ("InvalidImageName", "couldn't parse", "image_name_invalid"),
            ("CreateContainerConfigError", "secret not found", "container_refused"),
            ("Novelty", "what is that", "waiting"),
        ];
        for (reason, message, code) in cases {
            assert_eq!(waiting(reason, message, None).unwrap().code, code, "{reason} {message}");
        }
        assert_eq!(waiting("ContainerCreating", "", None), None);
    }

    #[test]
    fn what_is_wrong_with_an_image_of_hers_says_what_she_can_do() {
        let image = "r.example.org:5000/kim/app:1".parse().unwrap();
        let cases = [
            ("r/x:1: not found", "own_image_missing"),
            ("unexpected status from HEAD request: 401 Unauthorized", "own_image_forbidden"),
            (
                "pull access denied, repository does not exist or may require authorization",
                "own_image_forbidden",
            ),
            ("dial tcp: lookup r.example.org: no such host", "own_image_unreachable"),
            ("no match for platform in manifest: not found", "image_wrong_platform"),
        ];
        for (message, code) in cases {
            let hold = waiting("ErrImagePull", message, Some(&image)).unwrap();
            assert_eq!(
                (hold.code.as_str(), &hold.params["host"]),
                (code, &"r.example.org:5000".into()),
                "{message}"
            );
        }
    }

    #[test]
    fn a_program_that_can_t_be_started_is_told_from_one_that_ended() {
        let missing = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc \
            create failed: unable to start container process: error during container init: exec: \"nope\": executable \
            file not found in $PATH";
        assert_eq!(start_fault(missing), Some("image_command_missing"));
        assert_eq!(start_fault("exec /app/run: exec format error"), Some("image_wrong_platform"));
        assert_eq!(start_fault("FileNotFoundError: data.csv: no such file or directory"), None);
    }

    #[test]
    fn a_message_is_cut_and_shown_without_control_characters() {
        let hold = refused(&format!("\u{1b}[31m{}", "x".repeat(5000)));
        assert_eq!(hold.detail.chars().count(), MAX_DETAIL_CHARS);
        assert!(!hold.detail.contains('\u{1b}'));
    }
}
