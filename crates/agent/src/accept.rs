//! What every listener here has to know about accepting.

use std::io;

use rustix::io::Errno;

/// Whether the next connection may do: out of descriptors for the moment, or the peer has gone.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    let passing = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::CONNABORTED, Errno::INTR];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}
