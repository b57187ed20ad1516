//! Where local apps listen, and what the machine has.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use myksc_core::grant::Endpoint;
use myksc_core::{AppId, Error, Resources};

use crate::catalogue::Listen;

/// `sun_path` of unix(7) less its NUL, and less `/<app-id>.sock`.
const MAX_RUN_DIR_BYTES: usize = 107 - 22;

/// Makes the folder of the sockets if it is not there.
///
/// # Errors
/// When it can't be made, or a socket in it has no address.
pub(super) fn check_run_dir(run_dir: &Path) -> io::Result<()> {
    if run_dir.as_os_str().len() > MAX_RUN_DIR_BYTES {
        return Err(io::Error::other(format!("{} is too long for a socket's address", run_dir.display())));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(run_dir)
}

/// A place for an app to listen.
///
/// # Errors
/// When the machine has no free port.
pub(super) fn endpoint(listen: Listen, run_dir: &Path, app: &AppId) -> Result<Endpoint, Error> {
    match listen {
        Listen::Unix => Ok(Endpoint::Unix(socket(run_dir, app))),
        Listen::Tcp => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::internal)?;
            Ok(Endpoint::Tcp(listener.local_addr().map_err(Error::internal)?))
        }
    }
}

/// Removes an app's socket; one that is gone is no error.
pub(super) fn remove_socket(run_dir: &Path, app: &AppId) {
    let _ = fs::remove_file(socket(run_dir, app));
}

/// Whether this user has a listener at a loopback port. Before the app listens, anybody of the machine could
/// take its port and the secret with it.
pub(in super::super) fn is_own_listener(address: &SocketAddr) -> bool {
    let uid = rustix::process::getuid().as_raw();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let owners: Vec<u32> = tables.iter().flat_map(|table| listeners(table, address.port())).collect();
    !owners.is_empty() && owners.iter().all(|owner| *owner == uid)
}

/// Cores this process may run on and memory of the machine. Apps of one machine get no GPUs.
pub(super) fn machine() -> Resources {
    static MACHINE: OnceLock<Resources> = OnceLock::new();
    *MACHINE.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Resources {
            cpu_millis: u32::try_from(cores.saturating_mul(1000)).unwrap_or(u32::MAX),
            memory_bytes: total_memory_bytes(&meminfo).unwrap_or_default(),
            gpus: 0,
        }
    })
}

fn socket(run_dir: &Path, app: &AppId) -> PathBuf {
    run_dir.join(format!("{app}.sock"))
}

/// User ids of the listeners at a port: proc_pid_net(5), state `0A` is TCP_LISTEN.
fn listeners(table: &str, port: u16) -> Vec<u32> {
    let owner = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(local_port, 16) == Ok(port) && *fields.get(3)? == "0A";
        is_it.then(|| fields.get(7)?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(owner).collect()
}

/// `MemTotal` of proc_meminfo(5), which counts in KiB.
fn total_memory_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_sockets_have_no_address_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_run_dir(&folder.path().join("run")).is_ok());
        assert!(check_run_dir(&folder.path().join("x".repeat(MAX_RUN_DIR_BYTES))).is_err());
        let longest = PathBuf::from("/".repeat(MAX_RUN_DIR_BYTES));
        assert!(socket(&longest, &AppId::random()).as_os_str().len() <= 107);
    }

    #[test]
    fn only_a_listener_of_this_user_counts() {
        let table =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 0100007F:1F91 00000000:0000 01 00000000:00000000 00:00000000 00000000  1000        0 1 1\n";
        assert_eq!(listeners(table, 8080), [1000]);
        assert_eq!(listeners(table, 8081), [0u32; 0], "connected, not listening");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_own_listener(&address));
        drop(listener);
        assert!(!is_own_listener(&address));
    }
}
