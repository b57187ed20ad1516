//! Apps: one launched template of one person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Params;
use crate::id::{AppId, UserId};
use crate::name::AppName;
use crate::time::Timestamp;

/// What an app asks for, or a contract allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Resources {
    /// Thousandths of a CPU core.
    pub cpu_millis: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Whole GPUs.
    pub gpus: u32,
}

/// The five steps of a launch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The launch is on record.
    Accepted,
    /// A place that can hold it was found.
    Placed,
    /// The program or image is there.
    ImageReady,
    /// Its process runs.
    Started,
    /// It answers its readiness probe.
    Answering,
}

/// When a step was reached, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepRecord {
    /// Which step.
    pub step: Step,
    /// When.
    pub at: Timestamp,
    /// The object it came from, for example `supervisor 4711` or `pod kim-x/app-0`.
    pub source: String,
}

/// Where an app is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppPhase {
    /// On the way; the last of `steps` says how far.
    Starting,
    /// It answers.
    Ready,
    /// Asked to end.
    Stopping,
    /// Ended because it was asked to; the definition is kept.
    Stopped,
    /// Ended or never came up, with a reason.
    Failed,
    /// Gone for good; sent once so that screens drop it.
    Deleted,
}

/// Why an app failed, for its card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Failure {
    /// A stable code, for example `exited`, `killed`, `out_of_memory`, `not_answering`, `program_missing`.
    pub code: String,
    /// Values for the text: `exit_code`, `signal`, `program`, …
    #[schema(value_type = Object)]
    pub params: Params,
    /// English text.
    pub detail: String,
    /// The last lines of its log.
    pub log_tail: Vec<String>,
}

/// What keeps an app from going on at present; it goes away by itself when that is mended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hold {
    /// A stable code, for example `quota_exceeded`, `no_node_fits`, `image_missing`, `restarting`.
    pub code: String,
    /// Values for the text: `resource`, `asked`, `used`, `limit`, …
    #[schema(value_type = Object)]
    pub params: Params,
    /// English text.
    pub detail: String,
}

/// An end that the portal brings about by itself: to come while the app runs, else the one that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AutoStop {
    /// Why.
    pub cause: AutoStopCause,
    /// When it is due.
    pub at: Timestamp,
    /// When the app was used last (`idle`) or launched (`max_life`).
    pub since: Timestamp,
}

/// Why the portal ends an app by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoStopCause {
    /// Nobody and nothing uses it.
    Idle,
    /// It has run as long as an app may.
    MaxLife,
}

/// One app as everybody but its runtime sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct App {
    /// Id and label of its origin.
    pub id: AppId,
    /// Whose it is.
    pub owner: UserId,
    /// The person's name for it.
    pub name: AppName,
    /// The template's id.
    pub template: String,
    /// `local` or `kubernetes`.
    pub runtime: String,
    /// Where it is in its life.
    pub phase: AppPhase,
    /// Steps of the present launch.
    pub steps: Vec<StepRecord>,
    /// Present when `phase` is `failed`.
    pub failure: Option<Failure>,
    /// What keeps it from going on, while something does.
    #[serde(default)]
    pub hold: Option<Hold>,
    /// When and why the portal ends it, or has ended it, by itself; absent while that is far off.
    #[serde(default)]
    pub auto_stop: Option<AutoStop>,
    /// What it asked for.
    pub resources: Resources,
    /// How limits are enforced, for example `cgroup v1` or `rlimit`; known once it started.
    pub limits_by: Option<String>,
    /// Form values of the template.
    #[schema(value_type = Object)]
    pub values: BTreeMap<String, String>,
    /// Counts launches; part of what the app's secret is derived from.
    pub generation: u32,
    /// When it was first asked for.
    pub created_at: Timestamp,
    /// When the present launch was asked for.
    pub launched_at: Timestamp,
    /// When the last launch ended.
    pub ended_at: Option<Timestamp>,
    /// Grows with every change; the event stream's id.
    pub revision: i64,
}
