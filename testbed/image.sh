# Sourced by the recipes in images/: a component (component.sh) whose folder is an OCI image layout with one image, its
# tag the version.
#
# `build FOLDER` starts with `image_from`, changes the image with `in_image` and `into_image`, and ends with
# `image_commit FOLDER SETTING…`.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/component.sh"
. "$(dirname "${BASH_SOURCE[0]}")/oci.sh"

# image_from FOLDER [IMAGE]: begins with nothing, or with another recipe's image.
image_from() {
    local parent=scratch
    store=$1.store
    rm -rf "$store"
    [ $# -lt 2 ] || parent=oci:$(image_source "$2")
    # buildah takes the path for a name, in which no folder may begin with a dot.
    parent=${parent/"$MYKSC_CACHE/"/}
    container=$(cd "$MYKSC_CACHE" && image_tool from --quiet "$parent")
}

# in_image COMMAND…: runs it as root in the image.
in_image() { image_tool run --isolation chroot "$container" -- "$@"; }

# into_image SOURCE… DESTINATION: copies files; a tar archive is unpacked.
into_image() { image_tool add --quiet "$container" "$@"; }

# image_commit FOLDER OPTION…: settings are options of buildah-config(1).
image_commit() {
    local folder=$1
    shift
    image_tool config "$@" "$container"
    image_tool commit --quiet --disable-compression=false "$container" "oci:$folder:$version"
    rm -rf "$store"
}

image_tool() { contained buildah --root "$store/root" --runroot "$store/run" --storage-driver overlay "$@"; }

# own_program PACKAGE TO: the program of this checkout, built as MYKSC_PROFILE says (dev or release). Both programs are
# built together: alone, each would have others' crates compiled anew with fewer features.
own_program() {
    (cd "$root" && tools/target && cargo build --locked --quiet --profile "$profile" --package myksc --package myksc-agent)
    local folder=$profile
    [ "$profile" != dev ] || folder=debug
    # Only what is debugged on the machine needs the symbols.
    strip -o "$2" "$root/target/$folder/$1"
}
profile=${MYKSC_PROFILE:-dev}

# own_version: of the programs of this checkout.
own_version() { sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1; }

# forget_former FOLDER: what was built of other sources of ours is of no use once there is FOLDER.
forget_former() {
    find "$MYKSC_CACHE" -maxdepth 1 -regex "$MYKSC_CACHE/$name-[0-9.]*-[0-9a-f]*\(\.log\|\.part\)?" ! -path "${1%.part}*" -exec rm -rf {} +
}
