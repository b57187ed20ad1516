//! `owner.json`: all that is needed to go on with an app after everything else is lost.

use serde::{Deserialize, Serialize};

use myksc_core::app::StepRecord;
use myksc_core::grant::Endpoint;
use myksc_core::{App, Identity};

use crate::catalogue::{Pattern, Surroundings};
use crate::runtime::probe::ProbeOrders;
use crate::secret::SecretKey;

/// One app of this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// The app as it was when its present generation was launched, or renamed since.
    pub(super) app: App,
    /// Its owner.
    pub(super) identity: Identity,
    /// Where it listens.
    pub(super) endpoint: Endpoint,
    /// The `Authorization` it expects, with the secret's place open.
    pub(super) authorization: Option<Pattern>,
    /// When and as what the program was found.
    pub(super) image_ready: StepRecord,
    /// How to see that it answers.
    pub(super) probe: ProbeOrders,
}

impl Record {
    /// Value of the `Authorization` header that the app expects.
    pub(super) fn authorization(&self, key: &SecretKey) -> Option<String> {
        let secret = key.of_app(&self.app.id, self.app.generation);
        let surroundings = Surroundings { secret, ..Surroundings::default() };
        self.authorization.as_ref().map(|pattern| pattern.fill(&surroundings))
    }
}
