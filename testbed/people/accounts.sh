# Sourced by parts: accounts and groups on the machine, which go again when the part is taken down.
# shellcheck shell=bash

# An account is ours when every field of it is, the home in the testbed's storage included; a group, when it is noted.
groups_made=$state/groups

# add_group NAME GID
add_group() {
    local name=$1 gid=$2 found
    if found=$(getent group "$name"); then
        [ "$(cut -d: -f3 <<<"$found")" = "$gid" ] || die "the group $name is on this machine with another GID: $found"
        return
    fi
    ! found=$(getent group "$gid") || die "the GID $gid, needed for the group $name, is taken on this machine: $found"
    mkdir -p "$groups_made"
    touch "$groups_made/$name"
    groupadd --gid "$gid" "$name"
}

# remove_group NAME
remove_group() {
    [ -e "$groups_made/$1" ] || return 0
    ! getent group "$1" >/dev/null || groupdel "$1"
    rm -f "$groups_made/$1"
}

# add_account NAME UID HOME SHELL FULL-NAME [GROUP,…]: with a group of its own, and a password that nothing fits
# (one that is locked would keep sshd from letting in certificates).
add_account() {
    local name=$1 uid=$2 home=$3 shell=$4 full_name=$5 found line
    line="$name:x:$uid:$uid:$full_name:$home:$shell"
    add_group "$name" "$uid"
    if found=$(getent passwd "$name"); then
        [ "$found" = "$line" ] || die "the account $name is on this machine and is not the testbed's: $found"
    else
        ! found=$(getent passwd "$uid") || die "the UID $uid, needed for $name, is taken on this machine: $found"
        useradd --uid "$uid" --gid "$uid" --comment "$full_name" --home-dir "$home" --no-create-home --shell "$shell" \
            --no-log-init "$name" 2>/dev/null
    fi
    usermod --password '*' --groups "${6:-}" "$name"
}

# remove_account NAME HOME: with all that runs as it.
remove_account() {
    local name=$1 found
    if found=$(getent passwd "$name") && [ "$(cut -d: -f6 <<<"$found")" = "$2" ]; then
        eventually 10 end_processes "$(id -u "$name")" || die "processes of $name do not end"
        userdel "$name" 2>/dev/null
    fi
    remove_group "$name"
}

# end_processes UID: succeeds when there are none left.
end_processes() {
    pkill -KILL -U "$1"
    ! pgrep -U "$1" --runstates D,R,S,T >/dev/null
}
