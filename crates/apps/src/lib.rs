//! The catalogue, launches, and the runtimes apps run on.
//!
//! Start reading at [`Apps`], the service behind the API. What it is asked to do it writes down as an intent; the
//! control loop (`control.rs`) brings the [`Runtime`] there, and merges what that sees into the record.

mod adopt;
mod apps;
mod catalogue;
mod control;
mod idle;
mod image;
mod merge;
mod registry;
mod resources;
mod routes;
mod runtime;
mod secret;
mod site;

pub use apps::{
    Apps, AppsConfig, DEFAULT_LOG_LIMIT_BYTES, LaunchRequest, LogChunk, StartError, TemplateView,
};
pub use catalogue::{
    Catalogue, CatalogueError, CatalogueProblem, Choice, Field, FieldKind, Missing, Template,
};
pub use idle::IdleRules;
pub use image::{ImageFault, ImageReference, ImageRules};
pub use registry::RegistryLogin;
pub use routes::RouteChange;
pub use runtime::kubernetes::{Grant, KubernetesConfig, Mount, Pods, Storage};
pub use runtime::{Answer, Availability, Found, Launch, Observation, Observed, Place, Runtime, RuntimeEvent};
pub use secret::SecretKey;
pub use site::SiteSettings;
