# Istio's control plane and one ingress gateway, both as processes of the node, with Istio's API and the Gateway API.

NEEDS="kubernetes images"
READY_SECS=60

istio=$state/istio
pki=$istio/pki

. "$testbed/kubernetes/certificates.sh"
. "$testbed/kubernetes/administrator.sh"

part_build() {
    packages curl curl openssl openssl
    component istio >/dev/null
    component gateway-api >/dev/null
    component envoy >/dev/null
}

part_up() {
    install -d -m 0700 "$istio" "$pki"
    make_authority
    certificate istiod /CN=istiod DNS:istiod.istio-system.svc
    certificate gateway /CN=istio-ingressgateway URI:spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway
    certificate ingress /CN=portal.testbed.localhost \
        'DNS:portal.testbed.localhost,DNS:*.apps.testbed.localhost,DNS:*.routes.testbed.localhost'

    eventually 30 make_namespace
    define_kinds
    write_file "$istio/mesh.yaml" <"$testbed/istio/mesh.yaml" || true
    start_istiod
    wait_for 60 istiod istiod istiod_is_ready
    set_gateways_up
    start_envoy
}

part_check() {
    istiod_is_ready
    gateway_is_connected
    gateways_are_programmed
    printf 'Istio %s\n' "$(curl -sf --max-time 5 "http://127.0.0.1:$istiod_monitoring_port/version" | sed -E 's/^([^-]*-[0-9]*-[0-9a-f]*)-.*/\1/')"
    printf 'Envoy %s\n' "$(admin server_info | sed -n 's|.*"version": "[^/]*/\([^/]*\)/.*|\1|p')"
    printf 'Gateway API %s\n' "$(kubectl get crd httproutes.gateway.networking.k8s.io \
        -o jsonpath='{.metadata.annotations.gateway\.networking\.k8s\.io/bundle-version}')"
}

part_env() {
    exports MYKSC_TESTBED_INGRESS_HTTP="127.0.0.1:$istio_http_port" \
        MYKSC_TESTBED_INGRESS_HTTPS="127.0.0.1:$istio_https_port" \
        MYKSC_TESTBED_INGRESS_CA="$pki/ca.crt" \
        MYKSC_TESTBED_PORTAL_HOST=portal.testbed.localhost \
        MYKSC_TESTBED_APPS_DOMAIN=apps.testbed.localhost \
        MYKSC_TESTBED_ROUTES_DOMAIN=routes.testbed.localhost \
        MYKSC_TESTBED_ISTIO_GATEWAY=istio-system/ingress \
        MYKSC_TESTBED_API_GATEWAY=istio-system/routes
}

part_down() {
    stop_daemon envoy
    stop_daemon istiod
    if [ -e "$istio/kinds-defined" ]; then undefine_kinds || say "the cluster does not answer: Istio's objects stay in it"; fi
    rm -rf "$istio"
}

admin() { curl -sf --max-time 5 "http://127.0.0.1:$istio_admin_port/$1"; }

kinds() { printf '%s\n' "-f $(component istio)/crds -f $(component gateway-api)/crds"; }

# It may be on its way out still.
make_namespace() {
    kubectl create namespace istio-system --dry-run=client -o yaml | kubectl apply --server-side -f - &&
        [ "$(kubectl get namespace istio-system -o jsonpath='{.status.phase}')" = Active ]
}

# Istio's kinds and the Gateway API's, once for each version of them and each cluster.
define_kinds() {
    local wanted
    wanted="$(kinds) $(kubectl get namespace kube-system -o jsonpath='{.metadata.uid}')"
    [ "$(cat "$istio/kinds-defined" 2>/dev/null)" != "$wanted" ] || return 0

    # shellcheck disable=SC2046
    kubectl apply --server-side --force-conflicts $(kinds) >>"$logs/istio.log"
    kubectl wait --for=condition=Established --timeout=30s crd/virtualservices.networking.istio.io \
        crd/gateways.networking.istio.io crd/httproutes.gateway.networking.k8s.io >>"$logs/istio.log"
    printf '%s\n' "$wanted" | write_file "$istio/kinds-defined" || true
}

undefine_kinds() {
    # shellcheck disable=SC2046
    kubectl delete --ignore-not-found namespace istio-system >>"$logs/istio.log" &&
        kubectl delete --ignore-not-found $(kinds) >>"$logs/istio.log" &&
        kubectl delete configmap -A -l istio.io/config=true >>"$logs/istio.log"
}

# There are no sidecars, so no webhook that injects them, and no pods to be deployed for gateways. What the two
# settings of Envoy's filters leave out is in Istio's own build of Envoy alone.
start_istiod() {
    stop_outdated istiod "$istio/mesh.yaml"
    start_daemon istiod -C "$istio" POD_NAME=istiod POD_NAMESPACE=istio-system CLUSTER_ID=Kubernetes REVISION=default \
        ENABLE_CA_SERVER=false INJECTION_WEBHOOK_CONFIG_NAME= VALIDATION_WEBHOOK_CONFIG_NAME= \
        PILOT_ENABLE_METADATA_EXCHANGE=false PILOT_ENABLE_ALPN_FILTER=false \
        PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER=false \
        "$(component istio)/pilot-discovery" discovery --kubeconfig="$state/kubernetes/admin.conf" \
        --meshConfig="$istio/mesh.yaml" --domain=cluster.local \
        --httpAddr="127.0.0.1:$istiod_http_port" --httpsAddr= --grpcAddr= \
        --secureGRPCAddr="127.0.0.1:$istiod_port" --monitoringAddr="127.0.0.1:$istiod_monitoring_port" \
        --ctrlz_port="$istiod_introspection_port" --profile=false --keepaliveMaxServerConnectionAge=24h \
        --caCertFile="$pki/ca.crt" --tlsCertFile="$pki/istiod.crt" --tlsKeyFile="$pki/istiod.key"
}

istiod_is_ready() { curl -sf --max-time 5 -o /dev/null "http://127.0.0.1:$istiod_http_port/ready"; }

set_gateways_up() {
    kubectl create secret tls ingress-certificate --namespace istio-system --dry-run=client -o yaml \
        --cert="$pki/ingress.crt" --key="$pki/ingress.key" | kubectl apply --server-side -f - >>"$logs/istio.log"
    filled "$testbed/istio/gateways.yaml" node_address="$node_address" istio_http_port="$istio_http_port" \
        istio_https_port="$istio_https_port" | kubectl apply --server-side -f - >>"$logs/istio.log"
}

start_envoy() {
    filled "$testbed/istio/envoy.yaml" node_address="$node_address" istio_admin_port="$istio_admin_port" \
        istiod_port="$istiod_port" pki="$pki" | write_file "$istio/envoy.yaml" || true
    stop_outdated envoy "$istio/envoy.yaml"
    start_daemon envoy "$(component envoy)/envoy" --config-path "$istio/envoy.yaml" --disable-hot-restart \
        --concurrency 1 --log-level warning --drain-time-s 1
}

gateway_is_connected() {
    [ "$(admin ready)" = LIVE ]
    admin 'stats?filter=^control_plane.connected_state$' | grep -q ': 1$'
}

gateways_are_programmed() {
    [ "$(kubectl get gateways.gateway.networking.k8s.io routes --namespace istio-system \
        -o jsonpath='{.status.conditions[?(@.type=="Programmed")].status}')" = True ]
    local port
    for port in "$istio_http_port" "$istio_https_port"; do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { say "the gateway does not listen on port $port" && return 1; }
    done
}
