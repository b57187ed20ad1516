//! What the kubelet tells of a pod on its way by events alone: that it fetches the image, and what keeps it from mounting.

use k8s_openapi::api::core::v1::Event;

use myksc_core::app::Hold;

use super::manifests::APP_CONTAINER;
use super::words;

/// What was told last of one pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct News {
    /// The image is being fetched.
    is_fetching: bool,
    /// Why a folder can't be mounted, in the kubelet's words.
    mount_fault: Option<String>,
}

impl News {
    /// Takes note of an event; true when it says something new. Events of one pod come in the order of their making.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        let before = self.clone();
        let message = event.message.clone().unwrap_or_default();
        match event.reason.as_deref().unwrap_or_default() {
            "FailedMount" => self.mount_fault = Some(message),
            "Pulling" if is_of_app(event) => *self = Self { is_fetching: true, mount_fault: None },
            "Pulled" | "Failed" | "BackOff" if is_of_app(event) => self.is_fetching = false,
            // A container is made once everything is mounted.
            "Created" | "Started" => self.mount_fault = None,
            _ => {}
        }
        *self != before
    }

    /// What holds the pod, as far as it has been told.
    pub(super) fn hold(&self) -> Option<Hold> {
        let fault = self.mount_fault.as_deref().map(words::mount_failed);
        fault.or_else(|| self.is_fetching.then(words::fetching))
    }
}

/// Whether an event is about the container of the app itself, and not about its guard.
fn is_of_app(event: &Event) -> bool {
    let path = event.involved_object.field_path.as_deref().unwrap_or_default();
    path.strip_prefix("spec.containers{").and_then(|rest| rest.strip_suffix('}')) == Some(APP_CONTAINER)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(reason: &str, path: &str, message: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": { "name": "x" }, "reason": reason, "message": message,
            "involvedObject": { "kind": "Pod", "uid": "u", "fieldPath": path },
        }))
        .unwrap()
    }

    fn code(news: &News) -> Option<String> {
        news.hold().map(|hold| hold.code)
    }

    #[test]
    fn an_image_on_its_way_is_told_until_it_is_there() {
        let mut news = News::default();
        assert!(!news.take(&event("Scheduled", "", "")));
        assert!(!news.take(&event("Pulling", "spec.initContainers{guard}", "")));
        assert_eq!(code(&news), None);
        assert!(news.take(&event("Pulling", "spec.containers{app}", "Pulling image \"x\"")));
        assert!(!news.take(&event("Pulling", "spec.containers{app}", "Pulling image \"x\"")));
        assert_eq!(code(&news).as_deref(), Some("image_fetching"));
        assert!(news.take(&event("Pulled", "spec.containers{app}", "")));
        assert_eq!(code(&news), None);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_by_its_path_until_something_is_mounted() {
        let mut news = News::default();
        let missing = "MountVolume.SetUp failed for volume \"m-home\" : hostPath type check failed: /home/kim is not a directory";
        assert!(news.take(&event("FailedMount", "", missing)));
        let hold = news.hold().unwrap();
        assert_eq!((hold.code.as_str(), &hold.params["path"]), ("folder_missing", &json!("/home/kim")));
        assert!(news.take(&event("Created", "spec.initContainers{guard}", "")));
        assert_eq!(code(&news), None);
        news.take(&event(
            "FailedMount",
            "",
            "MountVolume.SetUp failed for volume \"key\" : secret \"x\" not found",
        ));
        assert_eq!(code(&news).as_deref(), Some("mount_failed"));
    }
}
