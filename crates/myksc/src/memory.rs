//! Gives memory back to the system when it is no longer needed.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// glibc raises its own threshold to the largest block that was ever freed (mallopt(3), M_TRIM_THRESHOLD), which
/// is that of a password's check: 19 MiB, kept several times over. A fixed threshold keeps it from that.
const VARIABLE: &str = "MALLOC_TRIM_THRESHOLD_";
const THRESHOLD_BYTES: &str = "1048576";

/// Starts this very process again with the allocator's settings, which are read only once, before `main`.
/// What an operator has set stays.
pub(crate) fn keep_small() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    let error = Command::new(program).arg0(name).args(arguments).env(VARIABLE, THRESHOLD_BYTES).exec();
    // It was not replaced, then; it goes on as it is, only larger.
    tracing::debug!(%error, "the allocator's settings could not be changed");
}
