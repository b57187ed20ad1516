//! What holds a launch, told from the words of the API server, the scheduler and the kubelet.
//!
//! Their messages are for logs and change with their version: known parts of them become codes with values, and the
//! whole goes along as detail.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use myksc_core::app::Hold;
use myksc_core::error::Params;

use super::records::End;

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

/// Why a container does not run yet; `None` when that is as it should be.
pub(super) fn waiting(reason: &str, message: &str) -> Option<Hold> {
    let code = match reason {
        "" | "ContainerCreating" | "PodInitializing" => return None,
        "InvalidImageName" => "image_name_invalid",
        "ErrImagePull" | "ImagePullBackOff" => image_fault(message),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => "container_refused",
        _ => "waiting",
    };
    Some(hold(code, Params::from([("reason".to_owned(), reason.into())]), message))
}

/// It ended and is started once more.
pub(super) fn restarting(end: &End, restarts: u32) -> Hold {
    let code = if end.is_out_of_memory { "restarting_out_of_memory" } else { "restarting" };
    let params = Params::from([
        ("exit_code".to_owned(), end.exit_code.into()),
        ("restarts".to_owned(), restarts.into()),
    ]);
    hold(code, params, &format!("it ended with exit code {} and is started again", end.exit_code))
}

fn image_fault(message: &str) -> &'static str {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["not found", "manifest unknown"]) {
        "image_missing"
    } else if says(&["unauthorized", "authorization failed", "denied", "forbidden", "401", "403"]) {
        "image_forbidden"
    } else {
        "image_unreachable"
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
            assert_eq!(waiting(reason, message).unwrap().code, code, "{reason} {message}");
        }
        assert_eq!(waiting("ContainerCreating", ""), None);
    }

    #[test]
    fn a_message_is_cut_and_shown_without_control_characters() {
        let hold = refused(&format!("\u{1b}[31m{}", "x".repeat(5000)));
        assert_eq!(hold.detail.chars().count(), MAX_DETAIL_CHARS);
        assert!(!hold.detail.contains('\u{1b}'));
    }
}
