# Kubernetes of one node, with containerd, Calico (network policies are enforced), CoreDNS and two image registries.
# Its parts follow one another in kubernetes/: who may speak to whom, registries, control plane, node, and the end.

NEEDS="network storage"
READY_SECS=90

k8s=$state/kubernetes
run=$k8s/run
pki=$k8s/pki
admin_config=$k8s/admin.conf
registry_data=$state/registry

. "$testbed/kubernetes/certificates.sh"
. "$testbed/kubernetes/registries.sh"
. "$testbed/kubernetes/control-plane.sh"
. "$testbed/kubernetes/node.sh"
. "$testbed/kubernetes/remains.sh"

part_build() {
    packages runc runc containernetworking-plugins /usr/lib/cni/loopback iptables iptables ipset ipset \
        conntrack conntrack iproute2 ip docker-registry docker-registry curl curl procps pgrep openssl openssl
    component kubernetes >/dev/null
    component containerd >/dev/null
    component calico >/dev/null
    component coredns >/dev/null
    component helm >/dev/null
}

part_up() {
    kubernetes=$(component kubernetes)
    containerd=$(component containerd)
    calico=$(component calico)
    coredns=$(component coredns)

    install -d -m 0700 "$k8s" "$run" "$pki"
    make_certificates
    keep_settings
    keep_folders
    sysctl -q -w net.ipv4.ip_forward=1
    start_registries
    start_control_plane
    start_containerd
    wait_for 60 "the API server" kube-apiserver api readyz
    start_controllers
    start_node
    set_up_cluster
    set_up_node
}

part_check() {
    local kubernetes
    kubernetes=$(component kubernetes)
    node_is_ready
    dns_answers
    policies_are_enforced
    registries_answer
    printf 'Kubernetes %s\n' "$(api version | sed -n 's/.*"gitVersion": "\(.*\)".*/\1/p')"
    kubectl get node "$node_name" -o jsonpath='{.status.nodeInfo.containerRuntimeVersion}{"\n"}' | sed 's#://# #'
    runc --version | head -n 1
    printf 'Calico %s\n' "$("$(component calico)/calico-felix" --version)"
    printf 'CoreDNS %s\n' "$("$(component coredns)/coredns" -version | sed -n 's/^CoreDNS-//p')"
}

part_env() {
    exports MYKSC_TESTBED_KUBECONFIG="$admin_config" \
        MYKSC_TESTBED_KUBECTL="$(component kubernetes)/kubectl" \
        MYKSC_TESTBED_HELM="$(component helm)/helm" \
        MYKSC_TESTBED_NODE_NAME="$node_name" \
        MYKSC_TESTBED_NODE_ADDRESS="$node_address" \
        MYKSC_TESTBED_DNS_SERVER="$node_address:$dns_port" \
        MYKSC_TESTBED_REGISTRY="127.0.0.1:$registry_port" \
        MYKSC_TESTBED_PRIVATE_REGISTRY="127.0.0.1:$private_registry_port" \
        MYKSC_TESTBED_PRIVATE_REGISTRY_CA="$pki/ca.crt" \
        MYKSC_TESTBED_PRIVATE_REGISTRY_USER=puller \
        MYKSC_TESTBED_PRIVATE_REGISTRY_PASSWORD="$(secret private-registry)"
}

part_down() {
    stop_node
    stop_control_plane
    stop_registries
    remove_remains
    restore_settings
    rm -rf --one-file-system "$k8s" "$registry_data"
}

# kubectl ARGUMENT…: as the administrator.
kubectl() { "$kubernetes/kubectl" --kubeconfig "$admin_config" "$@"; }

# api PATH: what the API server answers to the administrator.
api() {
    curl -sSf --max-time 5 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" \
        "https://$node_address:$kubernetes_port/$1"
}
