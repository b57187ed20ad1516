# Sourced by the scripts in this folder: where things are, and a few words they share.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
MYKSC_CACHE=${MYKSC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/myksc}
export MYKSC_CACHE
export npm_config_cache=$MYKSC_CACHE/npm
export PIP_CACHE_DIR=$MYKSC_CACHE/pip
# `target` in the checkout is a link into the cache (tools/target), so one name serves cargo and the tests.
unset CARGO_TARGET_DIR

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# short_hash < bytes: twelve hex digits that name an input.
short_hash() { sha256sum | cut -c1-12; }

# with_lock NAME: holds $MYKSC_CACHE/NAME.lock until this process ends.
with_lock() {
    mkdir -p "$MYKSC_CACHE"
    exec 9>"$MYKSC_CACHE/$1.lock"
    if ! flock -n 9; then
        say "Waiting for another setup of $1 to end"
        flock 9
    fi
}
