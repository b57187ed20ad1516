# One authority for the whole cluster, a certificate for each component, and the kubeconfigs that go with them.
# shellcheck shell=bash

make_certificates() {
    make_authority
    certificate etcd /CN=etcd "IP:127.0.0.1"
    certificate kube-apiserver /CN=kube-apiserver \
        "IP:$node_address,IP:$kubernetes_address,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    certificate kube-apiserver-client /O=system:masters/CN=kube-apiserver
    certificate kubelet "/O=system:nodes/CN=system:node:$node_name" "IP:$node_address,DNS:$node_name"
    certificate kube-controller-manager /CN=system:kube-controller-manager
    certificate kube-scheduler /CN=system:kube-scheduler
    certificate kube-proxy /CN=system:kube-proxy
    certificate coredns /CN=coredns
    certificate calico /CN=calico
    certificate admin /O=system:masters/CN=admin
    certificate registry /CN=registry "IP:127.0.0.1"
    if [ ! -s "$pki/service-accounts.pub" ]; then
        new_key "$pki/service-accounts.key"
        openssl pkey -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub"
    fi

    local name
    for name in kubelet kube-controller-manager kube-scheduler kube-proxy coredns calico; do
        kubeconfig "$name" "$k8s/$name.conf"
    done
    kubeconfig admin "$admin_config"
}

make_authority() {
    [ -s "$pki/ca.crt" ] && return
    new_key "$pki/ca.key"
    openssl req -x509 -new -key "$pki/ca.key" -subj '/CN=MyKSC testbed' -days 3650 -out "$pki/ca.crt.new" \
        -addext keyUsage=critical,keyCertSign,cRLSign
    mv "$pki/ca.crt.new" "$pki/ca.crt"
}

# certificate NAME SUBJECT [ALTERNATIVE-NAMES]: NAME.crt and NAME.key, for a server too where it has such names.
certificate() {
    local name=$1 subject=$2 names=${3:-} usage=clientAuth
    [ -s "$pki/$name.crt" ] && return
    [ -z "$names" ] || usage=serverAuth,clientAuth
    new_key "$pki/$name.key"
    openssl req -new -key "$pki/$name.key" -subj "$subject" |
        openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 3650 -out "$pki/$name.crt.new" -extfile <(
            printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$usage"
            [ -z "$names" ] || printf 'subjectAltName=%s\n' "$names"
        ) 2>>"$logs/certificates.log"
    mv "$pki/$name.crt.new" "$pki/$name.crt"
}

new_key() { (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"); }

# kubeconfig NAME FILE: signs in with that certificate.
kubeconfig() {
    write_file "$2" 0600 <<CONFIG || true
apiVersion: v1
kind: Config
clusters:
- name: testbed
  cluster:
    server: https://$node_address:$kubernetes_port
    certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$pki/$1.crt")
    client-key-data: $(base64 -w0 "$pki/$1.key")
contexts:
- name: testbed
  context: {cluster: testbed, user: $1}
current-context: testbed
CONFIG
}
