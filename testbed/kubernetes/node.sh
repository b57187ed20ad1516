# The node: containerd, Calico, the kubelet, kube-proxy, and the cluster's DNS, which runs beside them.
# shellcheck shell=bash

containerd_socket=$run/containerd.sock
pause_image=127.0.0.1:$registry_port/myksc-testbed/pause:1

start_containerd() {
    install -d -m 0700 "$k8s/containerd" "$run"
    # After a restart of the machine there are folders of containers, but no containers.
    [ -n "$(daemon_pid containerd)$(shims)" ] || forget_containers
    containerd_config | write_file "$k8s/containerd.toml" || true
    registry_hosts "http://127.0.0.1:$registry_port" </dev/null
    registry_hosts "https://127.0.0.1:$private_registry_port" <<<"ca = \"$pki/ca.crt\""
    cni_config | write_file "$k8s/cni/10-calico.conflist" || true
    install -d "$k8s/cni-bin"
    ln -sf /usr/lib/cni/* "$calico/calico" "$k8s/cni-bin/"
    stop_outdated containerd "$k8s/containerd.toml"
    start_daemon containerd PATH="$containerd:$PATH:/usr/sbin:/sbin" "$containerd/containerd" --config "$k8s/containerd.toml"
}

# The score adjustment is refused in some containers of CI; what is off is of no use here or would write elsewhere.
containerd_config() {
    cat <<CONFIG
version = 3
root = "$k8s/containerd"
state = "$run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.blockfile"]

[grpc]
address = "$containerd_socket"

[ttrpc]
address = "$containerd_socket.ttrpc"

[debug]
level = "warn"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "$pause_image"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "$k8s/registries"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
enable_cdi = false
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["$k8s/cni-bin"]
conf_dir = "$k8s/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
Root = "$run/runc"
BinaryName = "$(command -v runc || echo /usr/sbin/runc)"
CONFIG
}

# registry_hosts URL: how containerd reaches that registry; further settings are standard input.
registry_hosts() {
    {
        printf 'server = "%s"\ncapabilities = ["pull", "resolve"]\n' "$1"
        cat
    } | write_file "$k8s/registries/${1#*://}/hosts.toml" || true
}

cni_config() {
    cat <<CONFIG
{
  "name": "myksc-testbed",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "calico",
      "datastore_type": "kubernetes",
      "nodename": "$node_name",
      "nodename_file_optional": true,
      "log_level": "error",
      "log_file_path": "$logs/calico-cni.log",
      "ipam": {"type": "host-local", "subnet": "usePodCidr", "dataDir": "$k8s/pod-addresses"},
      "policy": {"type": "k8s"},
      "kubernetes": {"kubeconfig": "$k8s/calico.conf"}
    },
    {"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}
  ]
}
CONFIG
}

start_node() {
    kubelet_config | write_file "$k8s/kubelet.yaml" || true
    proxy_config | write_file "$k8s/kube-proxy.yaml" || true
    dns_config | write_file "$k8s/Corefile" || true
    stop_outdated kubelet "$k8s/kubelet.yaml"
    stop_outdated kube-proxy "$k8s/kube-proxy.yaml"
    stop_outdated coredns "$k8s/Corefile"
    start_daemon kubelet PATH="$PATH:/usr/sbin:/sbin" "$kubernetes/kubelet" --config="$k8s/kubelet.yaml" \
        --kubeconfig="$k8s/kubelet.conf" --root-dir="$k8s/kubelet" --cert-dir="$run" \
        --hostname-override="$node_name" --node-ip="$node_address"
    start_daemon kube-proxy PATH="$PATH:/usr/sbin:/sbin" "$kubernetes/kube-proxy" --config="$k8s/kube-proxy.yaml"
    start_daemon coredns "$coredns/coredns" -conf "$k8s/Corefile"
    # Felix ends with 129 to be started anew, for example when the node's address changes.
    start_daemon felix PATH="$PATH:/usr/sbin:/sbin" KUBECONFIG="$k8s/calico.conf" FELIX_DATASTORETYPE=kubernetes \
        FELIX_FELIXHOSTNAME="$node_name" FELIX_DEVICEROUTESOURCEADDRESS="$node_address" \
        FELIX_IPTABLESBACKEND=NFT FELIX_IPV6SUPPORT=false FELIX_BPFENABLED=false \
        FELIX_XDPENABLED=false FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT FELIX_LOGSEVERITYSYS=none \
        FELIX_LOGFILEPATH=none FELIX_LOGSEVERITYSCREEN=WARNING FELIX_USAGEREPORTINGENABLED=false \
        FELIX_HEALTHENABLED=true FELIX_HEALTHHOST=127.0.0.1 FELIX_HEALTHPORT="$felix_health_port" \
        bash -c 'while "$0"; [ $? = 129 ]; do :; done' "$calico/calico-felix"
}

# policies_are_enforced: Felix has seen all that is in the cluster, and the kernel has its rules.
policies_are_enforced() { curl -fsS --max-time 5 -o /dev/null "http://127.0.0.1:$felix_health_port/readiness"; }

# Images are never collected and disks never too full: this is no machine of its own.
kubelet_config() {
    cat <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_address
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true, cacheTTL: 10s}
  x509: {clientCAFile: $pki/ca.crt}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$containerd_socket
podLogsDir: $logs/pods
volumePluginDir: $k8s/volume-plugins
resolvConf: /etc/resolv.conf
clusterDNS: [$dns_address]
clusterDomain: cluster.local
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
nodeStatusUpdateFrequency: 5s
CONFIG
}

proxy_config() {
    cat <<CONFIG
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $k8s/kube-proxy.conf}
hostnameOverride: $node_name
bindAddress: $node_address
healthzBindAddress: ""
metricsBindAddress: 127.0.0.1:10249
mode: iptables
iptables: {localhostNodePorts: false}
clusterCIDR: $pod_network
nodePortAddresses: [$node_address/32]
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
CONFIG
}

# Other names go to the machine's own resolver, where it has one.
dns_config() {
    cat <<CONFIG
.:$dns_port {
    bind $node_address
    errors
    health 127.0.0.1:$dns_health_port
    kubernetes cluster.local in-addr.arpa {
        kubeconfig $k8s/coredns.conf
        pods verified
        ttl 5
    }
$(! grep -q '^nameserver' /etc/resolv.conf || echo '    forward . /etc/resolv.conf')
    cache 5
}
CONFIG
}

# Felix looks for the node's address, and GPUs are advertised as the vendors' plugins do, without the devices.
set_up_node() {
    eventually 30 kubectl get node "$node_name"
    kubectl annotate node "$node_name" --overwrite "projectcalico.org/IPv4Address=$node_address/24" >>"$logs/cluster.log"
    kubectl patch node "$node_name" --subresource=status --type=merge >>"$logs/cluster.log" \
        -p '{"status": {"capacity": {"nvidia.com/gpu": "2"}, "allocatable": {"nvidia.com/gpu": "2"}}}'
}

node_is_ready() {
    local ready
    ready=$(kubectl get node "$node_name" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status} {.status.allocatable.nvidia\.com/gpu}')
    [ "$ready" = 'True 2' ] || {
        say "the node is not ready, or without its GPUs: $ready"
        return 1
    }
}

# Asks the cluster's DNS by its Service's address for that of the API server, as RFC 1035, 4.1 has it.
dns_answers() {
    local answer
    exec 7<>"/dev/udp/$dns_address/53"
    # All in one datagram: printf itself would send what comes before a line feed by itself.
    printf '\0\1\1\0\0\1\0\0\0\0\0\0\12kubernetes\7default\3svc\7cluster\5local\0\0\1\0\1' |
        dd bs=512 iflag=fullblock status=none >&7
    answer=$(timeout 3 dd bs=512 count=1 status=none <&7 | od -An -v -t u1 | xargs)
    exec 7>&-
    [[ $answer == *" ${kubernetes_address//./ }" ]] || {
        say "DNS does not know the API server: it answered '$answer'"
        return 1
    }
}

stop_node() {
    stop_daemon kubelet
    stop_daemon kube-proxy
    stop_daemon felix
    stop_daemon coredns
    end_containers
    stop_daemon containerd
}
