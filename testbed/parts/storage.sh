# The centre's file systems, under the same path on every node, for jobs and pods alike. The homes are made with the
# people.

part_up() {
    # Folders above a home that others than root may write are refused by the portal, as they should be.
    install -d -m 0755 "$state" "$storage" "$storage/home"
    install -d -m 1777 "$storage/scratch"
}

part_check() {
    [ -d "$storage/home" ] && [ -d "$storage/scratch" ] && df -h --output=fstype,avail "$storage" | tail -n 1 | xargs
}

part_env() {
    exports MYKSC_TESTBED_HOME_ROOT="$storage/home" MYKSC_TESTBED_SCRATCH_ROOT="$storage/scratch"
}

part_down() { rm -rf --one-file-system "$storage"; }
