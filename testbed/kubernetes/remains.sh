# What Kubernetes leaves outside of its folder, and how to end it: containers, mounts, rules, devices, settings.
# shellcheck shell=bash

# The kubelet and kube-proxy change these of the machine's settings.
changed_settings='net.ipv4.ip_forward net.ipv4.conf.all.route_localnet vm.overcommit_memory vm.panic_on_oom kernel.panic
    kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.bridge.bridge-nf-call-iptables
    net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_tcp_timeout_established'

# keep_settings: as they were before the first start; a restart of the machine sets them anew.
keep_settings() {
    # shellcheck disable=SC2086
    [ -e "$k8s/settings" ] || sysctl -e $changed_settings 2>/dev/null | write_file "$k8s/settings"
}

restore_settings() { [ ! -e "$k8s/settings" ] || sysctl -q -e -p "$k8s/settings" 2>/dev/null || true; }

# shims: containerd's processes that hold the containers.
shims() { pgrep -f "containerd-shim-runc-v2 .*-address $containerd_socket( |\$)" || true; }

# end_containers: their processes are found by their control group, for nobody may be left who could be asked.
end_containers() {
    local processes
    # shellcheck disable=SC2046
    kill -KILL $(shims) 2>/dev/null || true
    for _ in 1 2 3 4 5; do
        processes=$(pod_processes)
        [ -n "$processes" ] || break
        # shellcheck disable=SC2086
        kill -KILL $processes 2>/dev/null || true
        eventually 2 pods_are_over || true
    done
}

pods_are_over() { [ -z "$(pod_processes)" ]; }

pod_processes() { pod_cgroups | sed 's#$#/cgroup.procs#' | xargs -r cat 2>/dev/null | sort -u || true; }

# pod_cgroups: the control groups of all pods, inner ones first, in both kinds of hierarchies.
pod_cgroups() { find /sys/fs/cgroup -depth -type d -path '*/kubepods*' 2>/dev/null || true; }

# forget_containers: removes the mounts and folders of containers that do not run.
forget_containers() {
    unmount_below "$run"
    rm -rf --one-file-system "$run/containerd"
}

# unmount_below FOLDER: the last one mounted first. Spaces are written as \040 in that file (proc(5)).
unmount_below() {
    local point
    awk -v prefix="$1/" 'index($5, prefix) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r point; do
        point=$(printf '%b' "${point//\\/\\0}")
        umount "$point" 2>/dev/null || umount -l "$point" || true
    done
}

remove_remains() {
    unmount_below "$k8s"
    pod_cgroups | xargs -r rmdir 2>/dev/null || true
    remove_interfaces
    remove_rules iptables
    remove_rules ip6tables
    remove_ipsets
    rm -rf "$run/containerd"
    remove_folders
}

remove_interfaces() {
    local device
    for device in $(ls /sys/class/net | grep -E '^cali[0-9a-f]{11}$'); do ip link delete "$device" 2>/dev/null || true; done
}

# remove_rules iptables|ip6tables: all that have to do with the chains of kube-proxy, the kubelet, Calico or portmap.
remove_rules() {
    local rules
    rules=$("$1-save" 2>/dev/null) || return 0
    grep -qE "$our_chains" <<<"$rules" || return 0
    grep -vE "$our_chains" <<<"$rules" | "$1-restore"
}
our_chains='(:|-[Agj] |--comment "?)(KUBE-|cali-|cali:|CNI-)'

remove_ipsets() {
    local set
    for set in $(ipset list -n 2>/dev/null | grep '^cali'); do ipset destroy "$set" || true; done
}

# What no setting moves into the testbed's folder: the kubelet's socket for plugins and its links to logs, Felix's note of
# the network's MTU, the results of network plugins, and the sockets of containerd's shims.
stray_folders='/var/lib/kubelet /var/lib/calico /var/lib/cni /var/log/containers /run/containerd'

# keep_folders: notes which of them are not there before the first start.
keep_folders() {
    local folder
    [ -e "$k8s/made-folders" ] || for folder in $stray_folders; do
        [ -e "$folder" ] || printf '%s\n' "$folder"
    done | write_file "$k8s/made-folders"
}

remove_folders() {
    local folder socket sandbox
    while read -r folder; do rm -rf --one-file-system "$folder"; done 2>/dev/null <"$k8s/made-folders" || true

    # In those of somebody else:
    find /var/log/containers -lname "$logs/*" -delete 2>/dev/null || true
    for socket in /run/containerd/s/*; do
        [ ! -S "$socket" ] || grep -qF "$socket" /proc/net/unix || rm -f "$socket"
    done
    for sandbox in "$k8s"/containerd/io.containerd.grpc.v1.cri/sandboxes/*; do
        rm -f /var/lib/cni/results/*-"${sandbox##*/}"-*
    done
}
