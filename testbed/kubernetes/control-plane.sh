# etcd, the API server, the controllers, the scheduler, and what the cluster holds from the start.
# shellcheck shell=bash

start_control_plane() {
    install -d -m 0700 "$k8s/etcd"
    start_daemon etcd "$kubernetes/etcd" --name="$node_name" --data-dir="$k8s/etcd" --unsafe-no-fsync \
        --log-level=warn --auto-compaction-retention=5m \
        --listen-client-urls="https://127.0.0.1:$etcd_port" --advertise-client-urls="https://127.0.0.1:$etcd_port" \
        --client-cert-auth --trusted-ca-file="$pki/ca.crt" --cert-file="$pki/etcd.crt" --key-file="$pki/etcd.key" \
        --listen-peer-urls="https://127.0.0.1:$etcd_peer_port" \
        --initial-advertise-peer-urls="https://127.0.0.1:$etcd_peer_port" \
        --initial-cluster="$node_name=https://127.0.0.1:$etcd_peer_port" \
        --peer-client-cert-auth --peer-trusted-ca-file="$pki/ca.crt" \
        --peer-cert-file="$pki/etcd.crt" --peer-key-file="$pki/etcd.key"

    start_daemon kube-apiserver "$kubernetes/kube-apiserver" \
        --bind-address="$node_address" --advertise-address="$node_address" --secure-port="$kubernetes_port" \
        --service-cluster-ip-range="$service_network" --cert-dir="$run" \
        --tls-cert-file="$pki/kube-apiserver.crt" --tls-private-key-file="$pki/kube-apiserver.key" \
        --client-ca-file="$pki/ca.crt" --anonymous-auth=false --allow-privileged \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
        --etcd-servers="https://127.0.0.1:$etcd_port" --etcd-cafile="$pki/ca.crt" \
        --etcd-certfile="$pki/kube-apiserver-client.crt" --etcd-keyfile="$pki/kube-apiserver-client.key" \
        --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$pki/ca.crt" \
        --kubelet-client-certificate="$pki/kube-apiserver-client.crt" \
        --kubelet-client-key="$pki/kube-apiserver-client.key" \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-signing-key-file="$pki/service-accounts.key" \
        --service-account-key-file="$pki/service-accounts.pub"
}

start_controllers() {
    start_daemon kube-controller-manager "$kubernetes/kube-controller-manager" --kubeconfig="$k8s/kube-controller-manager.conf" \
        --authentication-kubeconfig="$k8s/kube-controller-manager.conf" \
        --authorization-kubeconfig="$k8s/kube-controller-manager.conf" \
        --bind-address=127.0.0.1 --cert-dir="$run" --leader-elect=false --use-service-account-credentials \
        --pvclaimbinder-sync-period=1s \
        --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/service-accounts.key" \
        --allocate-node-cidrs --cluster-cidr="$pod_network" --node-cidr-mask-size="${pod_network#*/}" \
        --service-cluster-ip-range="$service_network" --flex-volume-plugin-dir="$k8s/volume-plugins"
    start_daemon kube-scheduler "$kubernetes/kube-scheduler" --kubeconfig="$k8s/kube-scheduler.conf" \
        --authentication-kubeconfig="$k8s/kube-scheduler.conf" --authorization-kubeconfig="$k8s/kube-scheduler.conf" \
        --bind-address=127.0.0.1 --cert-dir="$run" --leader-elect=false
}

# What a cluster's installation gives it: roles for DNS and network, Calico's kinds and its settings, the DNS Service.
set_up_cluster() {
    local made
    made=$(cat "$calico"/crd/*.yaml "$testbed/kubernetes/cluster.yaml" "$testbed/addresses.sh" | short_hash)
    [ "$(cat "$k8s/cluster-made" 2>/dev/null)" = "$made" ] && return

    kubectl apply --server-side -f "$calico/crd" >>"$logs/cluster.log"
    kubectl wait --for=condition=Established --timeout=30s -f "$calico/crd" >>"$logs/cluster.log"
    eventually 30 apply_cluster
    printf '%s\n' "$made" >"$k8s/cluster-made"
}

apply_cluster() {
    sed -e "s#{node_address}#$node_address#; s#{pod_network}#$pod_network#; s#{dns_address}#$dns_address#" \
        -e "s#{dns_port}#$dns_port#g" "$testbed/kubernetes/cluster.yaml" |
        kubectl apply --server-side --force-conflicts -f - >>"$logs/cluster.log" 2>&1
}

stop_control_plane() {
    stop_daemon kube-scheduler
    stop_daemon kube-controller-manager
    stop_daemon kube-apiserver 3
    stop_daemon etcd
}
