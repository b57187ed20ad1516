//! Gives memory back after much went through: an agent lives long and is idle mostly.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether blocks for bytes of files were used since memory was last given back.
static USED: AtomicBool = AtomicBool::new(false);

/// Says that bytes of a file go through.
pub(crate) fn note_use() {
    USED.store(true, Ordering::Relaxed);
}

/// Gives free blocks back to the system where bytes of files went through; at a moment without work.
pub(crate) fn give_back() {
    if USED.swap(false, Ordering::Relaxed) {
        trim();
    }
}

/// malloc_trim(3): what is free in the middle of the heap goes back too.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "a function of the C library")]
fn trim() {
    unsafe extern "C" {
        fn malloc_trim(pad_bytes: usize) -> std::ffi::c_int;
    }
    // SAFETY: takes a number, touches nothing but the allocator's own free blocks, and locks by itself.
    unsafe {
        malloc_trim(0);
    }
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}
