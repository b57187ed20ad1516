//! Systems, queues, scripts and jobs, and the schedulers that run them.

mod form;
mod roots;
pub mod script;

pub use form::JobForm;
pub use roots::Roots;
