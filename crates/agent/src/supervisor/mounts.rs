//! Where this process's control groups lie in the file system.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of this process's own group in the v1 hierarchy of `controller`, if there is one.
pub(super) fn own_v1(controller: &str) -> Option<PathBuf> {
    let own = find_group(&read("/proc/self/cgroup").ok()?, Some(controller))?;
    find_folder(&read("/proc/self/mountinfo").ok()?, Some(controller), &own)
}

/// The folder of this process's own group in the v2 hierarchy, if there is one.
pub(super) fn own_v2() -> Option<PathBuf> {
    let own = find_group(&read("/proc/self/cgroup").ok()?, None)?;
    find_folder(&read("/proc/self/mountinfo").ok()?, None, &own)
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Lines are `id:controllers:path`, v2 has no controllers: cgroups(7).
fn find_group(groups: &str, controller: Option<&str>) -> Option<String> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let fits = match controller {
            Some(controller) => controllers.split(',').any(|one| one == controller),
            None => controllers.is_empty(),
        };
        fits.then(|| path.to_owned())
    })
}

/// Lines are `id parent device root mountpoint options … - type source super-options`:
/// proc_pid_mountinfo(5). In a container `root` is the part of the path that the mount leaves out.
fn find_folder(mounts: &str, controller: Option<&str>, group: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, mountpoint) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let fits = match controller {
            Some(controller) => kind == "cgroup" && options.split(',').any(|one| one == controller),
            None => kind == "cgroup2",
        };
        let below = Path::new(group).strip_prefix(root).ok().filter(|_| fits)?;
        Some(Path::new(mountpoint).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str =
        "4:memory:/slice/one\n2:cpu,cpuacct:/slice/one\n1:name=systemd:/x\n0::/user/app.scope\n";
    const MOUNTS: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /slice /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn the_own_group_is_found_in_each_hierarchy() {
        let find = |controller| find_folder(MOUNTS, controller, &find_group(GROUPS, controller)?);
        assert_eq!(find(Some("memory")), Some("/sys/fs/cgroup/memory/one".into()));
        assert_eq!(find(Some("cpu")), Some("/sys/fs/cgroup/cpu,cpuacct/slice/one".into()));
        assert_eq!(find(None), Some("/sys/fs/cgroup/unified/user/app.scope".into()));
        assert_eq!(find(Some("pids")), None);
    }

    #[test]
    fn a_group_outside_of_the_mount_is_not_reachable() {
        assert_eq!(find_folder(MOUNTS, Some("memory"), "/elsewhere"), None);
    }
}
