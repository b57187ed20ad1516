# Sourced by testbed and by the parts: where the testbed lives, its addresses, daemons, waiting.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../tools/env.sh"
testbed=$root/testbed

# One testbed a machine: its accounts, its network and its ports are the machine's.
state=${MYKSC_TESTBED_STATE:-/var/lib/myksc-testbed}
daemons=$state/daemons
logs=$state/logs
# What the centre's storage shows on every node, jobs and pods alike.
storage=$state/storage

. "$testbed/addresses.sh"

# A proxy for the rest of the world must not come between.
export NO_PROXY=${NO_PROXY:+$NO_PROXY,}localhost,127.0.0.1,$node_address,$pod_network,$service_network
export no_proxy=$NO_PROXY

# daemon_pid NAME: the process of a daemon that runs, or nothing. The start time tells a process from a later one that
# got its number.
daemon_pid() {
    local pid start
    read -r pid start 2>/dev/null <"$daemons/$1" || return 1
    [ "$(process_start "$pid")" = "$start" ] && printf '%s\n' "$pid"
}

# process_start PID: when it started, in clock ticks since boot (proc(5), stat field 22); nothing for a zombie.
process_start() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The second field is the program's name in parentheses and may hold anything.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [ "$1" != Z ] && printf '%s\n' "${20}"
}

# start_daemon NAME [VAR=VALUE…] COMMAND…: starts it in a session of its own unless it runs, its output in the logs.
# To run it as somebody else, COMMAND starts with `$(as USER)`.
start_daemon() {
    local name=$1 pid
    shift
    daemon_pid "$name" >/dev/null && return

    # The lock of the testbed (descriptor 8) and of the cache (9) end with us, not with the daemon.
    env MYKSC_TESTBED_DAEMON="$name" setsid env "$@" >>"$logs/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    pid=$!
    disown "$pid"
    printf '%s %s\n' "$pid" "$(process_start "$pid")" >"$daemons/$name.new"
    mv "$daemons/$name.new" "$daemons/$name"
}

# as USER: the words before a command that make it run as that user, with no privilege kept.
as() { printf 'setpriv --reuid=%s --regid=%s --init-groups --inh-caps=-all --' "$1" "$(id -g "$1")"; }

# stop_daemon NAME [SECONDS]: asks it to end, and after that time makes it, with all of its session.
stop_daemon() {
    local pid
    if pid=$(daemon_pid "$1"); then
        kill -TERM -- "-$pid" 2>/dev/null
        eventually "${2:-15}" session_is_over "$pid" || kill -KILL -- "-$pid" 2>/dev/null
        eventually 5 session_is_over "$pid" || say "$1 (process $pid) does not end"
    fi
    rm -f "$daemons/$1"
}

# stop_outdated NAME FILE…: ends a daemon that started before one of its files was written.
stop_outdated() {
    local name=$1 file
    shift
    for file in "$@"; do
        if [ -e "$daemons/$name" ] && [ "$file" -nt "$daemons/$name" ]; then stop_daemon "$name"; fi
    done
}

session_is_over() { ! pgrep -s "$1" --runstates D,R,S,T >/dev/null; }

# eventually SECONDS COMMAND…: runs the command until it succeeds; fails after that time.
eventually() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.2
    done
}

# wait_for SECONDS WHAT DAEMON COMMAND…: like eventually, but says what did not come, and shows the daemon's last lines.
wait_for() {
    local seconds=$1 what=$2 daemon=$3
    shift 3
    eventually "$seconds" "$@" && return
    say "$what did not come within $seconds s. Last lines of $logs/$daemon.log:"
    tail -n 20 "$logs/$daemon.log" >&2
    return 1
}

# write_file PATH [MODE]: standard input becomes the file, at once; says by its status whether that changed it.
write_file() {
    mkdir -p "$(dirname "$1")"
    (umask 077 && cat >"$1.new")
    chmod "${2:-0644}" "$1.new"
    if cmp -s "$1.new" "$1"; then
        rm -f "$1.new"
        return 1
    fi
    mv "$1.new" "$1"
}

# filled FILE NAME=VALUE…: the file with each @NAME@ replaced by its value.
filled() {
    local text pair
    text=$(cat "$1")
    shift
    for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
    printf '%s\n' "$text"
}

# machine_settings: sysctl's settings, a line each, less what the kernel counts or adapts by itself.
machine_settings() {
    grep -rs '' /proc/sys/kernel /proc/sys/net /proc/sys/vm |
        grep -vE '/(random/|ns_last_pid|pty/nr|perf_|tainted|hung_task_|nf_conntrack_count)'
}

# secret NAME: a random word that is the same until the testbed is taken down.
secret() {
    local file=$state/secrets/$1
    if [ ! -s "$file" ]; then
        mkdir -p -m 0700 "$state/secrets"
        (umask 077 && openssl rand -hex 16 >"$file.new" && mv "$file.new" "$file")
    fi
    cat "$file"
}

# packages PACKAGE PROGRAM…: (pairs) sees that each program is there, and has Debian's package installed where not.
packages() {
    local missing=()
    while [ $# -gt 1 ]; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null || [ -e "$2" ] || missing+=("$1")
        shift 2
    done
    [ ${#missing[@]} -eq 0 ] || "$root/tools/install-packages" "${missing[@]}"
}

# component NAME: the folder of a third party's program, built first where that has not been done.
component() { "$testbed/components/$1"; }

# exports NAME=VALUE…: lines that a shell can evaluate.
exports() {
    local pair
    for pair in "$@"; do printf 'export %s=%q\n' "${pair%%=*}" "${pair#*=}"; done
}
