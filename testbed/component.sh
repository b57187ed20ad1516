# Sourced by the scripts in components/: builds a third party's program once, into a folder of the cache that is named
# by name, version and recipe, and prints that folder.
#
# A recipe sets `name` and `version`, defines `build FOLDER`, and ends with `component [FILE…]`; the files named are
# part of the recipe besides the script itself.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../tools/env.sh"
recipe=$(readlink -f "$0")

go_environment() {
    command -v go >/dev/null || die "Go 1.26 or later is missing (https://go.dev)"
    export GOCACHE=$MYKSC_CACHE/go/build GOMODCACHE=$MYKSC_CACHE/go/mod
    export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0
    [ "${GOPROXY:-}" != "" ] || unset GOPROXY
}

# go_build ARGUMENT…: two at a time and below other work: a build takes minutes, and a core has to stay for the rest.
go_build() { nice -n 10 go build -p 2 "$@"; }

# module_folder MODULE@VERSION: downloads a Go module and prints where its files are.
module_folder() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

logged_build() { (set -e; build "$1.part") >"$1.log" 2>&1; }

component() {
    local folder times status
    folder=$MYKSC_CACHE/$name-$version-$(cat "$recipe" "$@" | short_hash)
    if [ ! -e "$folder" ]; then
        with_lock "$name"
        if [ ! -e "$folder" ]; then
            say "Building $name $version (once)"
            go_environment
            rm -rf "$folder.part"
            mkdir -p "$folder.part"
            TIMEFORMAT='%R %U %S'
            # No `||` here: it would take the effect of `set -e` from the recipe.
            set +e
            times=$({ time logged_build "$folder"; } 2>&1)
            status=$?
            set -e
            if [ "$status" != 0 ]; then
                tail -n 20 "$folder.log" >&2
                die "$name could not be built (all of its output: $folder.log)"
            fi
            mv "$folder.part" "$folder"
            awk -v n="$name" '{ printf "built %s %s wall=%.1fs cpu=%.1fs\n", n, v, $1, $2 + $3 }' v="$version" <<<"$times" >&2
        fi
    fi
    printf '%s\n' "$folder"
}
