# The portal itself, in the cluster, as its chart installs it: behind Istio's gateway, with the centre's people, its PostgreSQL,
# and its Slurm, reached over ssh. All that a person does is done at MYKSC_TESTBED_PORTAL_ORIGIN.

. "$testbed/oci.sh"
. "$testbed/kubernetes/administrator.sh"
. "$testbed/parts/people.sh"
# What the other part says of itself is not said of this one.
NEEDS="database people images istio slurm"
READY_SECS=90

origin=https://portal.testbed.localhost:$istio_https_port
namespace=myksc
folder=$state/portal
# As the chart has it.
portal_uid=64321

part_build() { :; }

part_up() {
    # A place for its state that outlives its pod, as a centre's storage would give it.
    install -d -m 0700 -o "$portal_uid" -g "$portal_uid" "$folder"
    kubectl create namespace "$namespace" --dry-run=client -o yaml | applied
    secret_of portal-database url "postgres://myksc:$(secret postgres)@$node_address:$postgres_port/myksc"
    secret_of portal-directory password "$(secret password-portal)"
    object secret generic portal-ssh --from-file="$state/ssh/user_ca" | applied
    # The centre's accounts settle whose a UID is that the directory gives twice.
    getent passwd root kim lee seo |
        object configmap centre --from-file=ca.pem="$ldap/ca.pem" --from-file=passwd=/dev/stdin | applied
    filled "$testbed/portal/state.yaml" folder="$folder" namespace="$namespace" | applied
    portal_values | helm upgrade --install myksc "$root/deploy/chart/myksc" --namespace "$namespace" --values - \
        >>"$logs/portal.log"
    kubectl -n "$namespace" rollout status deployment/myksc --timeout=90s >>"$logs/portal.log"
}

portal_values() {
    filled "$testbed/portal/values.yaml" origin="$origin" registry="127.0.0.1:$registry_port/myksc-testbed" \
        portal_tag="$(image_tag portal)" agent_tag="$(image_tag agent)" home_root="$storage/home" \
        ldap_url="ldaps://$node_address:$ldaps_port" ldap_base="$ldap_base" ldap_bind="$ldap_bind" \
        dns_server="$node_address:$dns_port" node_address="$node_address" \
        slurm_conf="$state/slurm/slurm.conf" sshd_port="$sshd_port" host_key="$(cut -d' ' -f1,2 "$state/ssh/host_key.pub")" \
        build="$(image_digest portal)$(image_digest agent)"
}

# secret_of NAME KEY VALUE: no value is among arguments.
secret_of() {
    printf %s "$3" | object secret generic "$1" --from-file="$2=/dev/stdin" | applied
}

# object ARGUMENT…: what kubectl-create(1) would make in the portal's namespace, as a manifest.
object() { kubectl -n "$namespace" create "$@" --dry-run=client -o yaml; }

applied() { kubectl apply --server-side -f - >>"$logs/portal.log"; }

part_check() {
    local version
    version=$(curl -sSf --max-time 5 --cacert "$state/istio/pki/ca.crt" \
        --resolve "portal.testbed.localhost:$istio_https_port:127.0.0.1" "$origin/api/v1/site" |
        sed -n 's/.*"version":"\([^"]*\)".*/\1/p')
    [ -n "$version" ] || { say "the portal does not answer at $origin" && return 1; }
    printf 'MyKSC %s\n' "$version"
}

part_env() {
    exports MYKSC_TESTBED_PORTAL_ORIGIN="$origin" MYKSC_TESTBED_PORTAL_CERTIFICATE="$state/istio/pki/ingress.crt" \
        MYKSC_TESTBED_PORTAL_NAMESPACE="$namespace"
}

part_down() {
    kubectl delete namespace --ignore-not-found -l myksc.io/namespace=user >>"$logs/portal.log" 2>&1
    helm uninstall myksc --ignore-not-found --namespace "$namespace" >>"$logs/portal.log" 2>&1
    kubectl delete namespace --ignore-not-found "$namespace" >>"$logs/portal.log" 2>&1
    kubectl delete persistentvolume --ignore-not-found myksc-state >>"$logs/portal.log" 2>&1
    rm -rf "$folder"
}
