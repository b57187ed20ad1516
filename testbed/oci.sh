# Sourced by image.sh and by the part `images`: the images that the recipes in images/ have made, and the programs that
# move them.
# shellcheck shell=bash

images=$root/testbed/images

# contained COMMAND…: for programs that keep what they know of images in one folder of the machine, whatever else they
# are told: for them that folder is one in the cache.
contained() {
    local had=yes status=0
    [ -e /var/lib/containers ] || had=
    mkdir -p /var/lib/containers "$MYKSC_CACHE/containers"
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c 'mount --bind "$1" /var/lib/containers && shift && exec "$@"' sh \
        "$MYKSC_CACHE/containers" "$@" || status=$?
    [ -n "$had" ] || rmdir --ignore-fail-on-non-empty /var/lib/containers
    return $status
}

# image_source NAME: where the image of a recipe is, as `FOLDER:TAG`; built first where that has not been done.
image_source() {
    local folder
    folder=$("$images/$1")
    printf '%s:%s\n' "$folder" "$(sed 's/.*"org.opencontainers.image.ref.name":"\([^"]*\)".*/\1/' "$folder/index.json")"
}

# image_tag NAME: the version that it has in every registry.
image_tag() {
    local source
    source=$(image_source "$1")
    printf '%s\n' "${source##*:}"
}

# image_digest NAME: the digest of its manifest, by which every registry that holds it knows it.
image_digest() { sed 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/' "$("$images/$1")/index.json"; }
