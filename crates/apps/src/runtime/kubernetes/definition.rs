//! What an app's Deployment tells of it: all that is needed to go on after everything else is lost.

use serde::{Deserialize, Serialize};

use myksc_core::{App, Identity};

use crate::catalogue::{Pattern, Surroundings};
use crate::image::ImageReference;
use crate::runtime::probe::ProbeOrders;
use crate::secret::SecretKey;

/// One app of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Definition {
    /// The app as it was when its present generation was launched, or renamed since.
    pub(super) app: App,
    /// Its owner.
    pub(super) owner: Identity,
    /// Its image, where the person has named it and not the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) own_image: Option<ImageReference>,
    /// The `Authorization` it expects, with the secret's place open.
    pub(super) authorization: Option<Pattern>,
    /// How to see that it answers.
    pub(super) probe: ProbeOrders,
}

impl Definition {
    /// Value of the `Authorization` header that the app expects.
    pub(super) fn authorization(&self, key: &SecretKey) -> Option<String> {
        let secret = key.of_app(&self.app.id, self.app.generation);
        let surroundings = Surroundings { secret, ..Surroundings::default() };
        self.authorization.as_ref().map(|pattern| pattern.fill(&surroundings))
    }

    /// For an annotation.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
