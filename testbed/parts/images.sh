# The container images of testbed/images/, in the registries of the part `kubernetes`.

NEEDS=kubernetes

. "$testbed/oci.sh"

names=(pause base probe forged agent portal jupyterlab vscode desktop terminal)
credentials=$state/images

part_build() {
    local name
    packages mmdebstrap mmdebstrap buildah buildah skopeo skopeo curl curl
    for name in "${names[@]}"; do image_source "$name" >/dev/null; done
}

part_up() {
    local name
    for name in "${names[@]}"; do
        is_published "$name" || publish "$name" "127.0.0.1:$registry_port" --dest-tls-verify=false
    done
    keep_credentials
    publish probe "127.0.0.1:$private_registry_port" --dest-authfile "$credentials/auth.json" --dest-cert-dir "$credentials"
}

part_check() {
    local name
    for name in "${names[@]}"; do
        is_published "$name" || { say "the registry does not have $name as it was built" && return 1; }
        reference "$name"
    done
}

part_env() {
    local name source
    for name in "${names[@]}"; do
        exports "MYKSC_TESTBED_IMAGE_${name^^}=127.0.0.1:$registry_port/$(reference "$name")"
    done
    exports MYKSC_TESTBED_PRIVATE_IMAGE="127.0.0.1:$private_registry_port/$(reference probe)"
}

# The registry's own folder goes with the part `kubernetes`.
part_down() { rm -rf "$credentials"; }

# reference NAME: the image's name and tag in any of the registries.
reference() { printf 'myksc-testbed/%s:%s\n' "$1" "$(image_tag "$1")"; }

is_published() {
    local path
    path=$(reference "$1")
    [ "$(curl -sf --max-time 5 -o /dev/null -w '%header{docker-content-digest}' -I \
        -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://127.0.0.1:$registry_port/v2/${path%:*}/manifests/${path##*:}")" = "$(image_digest "$1")" ]
}

# publish NAME REGISTRY OPTION…
publish() {
    local name=$1 registry=$2
    shift 2
    contained skopeo copy --quiet --preserve-digests "$@" "oci:$(image_source "$name")" \
        "docker://$registry/$(reference "$name")" >>"$logs/images.log" 2>&1
}

# Passwords are no arguments; the folder has also the authority of the private registry, and no key.
keep_credentials() {
    install -d -m 0700 "$credentials"
    install -m 0644 "$state/kubernetes/pki/ca.crt" "$credentials/ca.crt"
    printf '{"auths": {"127.0.0.1:%s": {"auth": "%s"}}}\n' "$private_registry_port" \
        "$(printf 'puller:%s' "$(secret private-registry)" | base64 -w0)" | write_file "$credentials/auth.json" 0600 || true
}
