# The login node: sshd, which lets the centre's people in with a key or with a certificate of the user CA. The CA's
# private key is what a portal mints certificates with.

NEEDS=people

ssh=$state/ssh

part_build() { packages openssh-server sshd openssh-client ssh-keygen; }

part_up() {
    install -d -m 0755 "$ssh"
    # sshd's own folder is compiled in, and gone after a restart of the machine.
    install -d -m 0755 /run/sshd
    make_key host_key 'host of the testbed'
    make_key user_ca 'user CA of the testbed'
    printf '%s %s\n' "[127.0.0.1]:$sshd_port,[localhost]:$sshd_port,[$node_address]:$sshd_port" "$(cut -d' ' -f1,2 "$ssh/host_key.pub")" |
        write_file "$ssh/known_hosts" || true
    filled "$testbed/ssh/sshd_config" "PORT=$sshd_port" "NODE=$node_address" "FOLDER=$ssh" "SLURM_CONF=$state/slurm/slurm.conf" |
        write_file "$ssh/sshd_config" || true
    stop_outdated sshd "$ssh/sshd_config"
    start_daemon sshd /usr/sbin/sshd -D -e -f "$ssh/sshd_config"
}

# make_key NAME COMMENT
make_key() {
    [ -e "$ssh/$1" ] && [ -e "$ssh/$1.pub" ] && return
    rm -f "$ssh/$1" "$ssh/$1.pub"
    ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$ssh/$1"
}

part_check() {
    ssh-keyscan -T 5 -t ed25519 -p "$sshd_port" 127.0.0.1 2>/dev/null | cut -d' ' -f2,3 |
        grep -qxF "$(cut -d' ' -f1,2 "$ssh/host_key.pub")" || die "sshd does not show its key"
    ssh -V 2>&1 | cut -d, -f1
}

part_env() {
    exports MYKSC_TESTBED_SSH_HOST=127.0.0.1 \
        MYKSC_TESTBED_SSH_PORT="$sshd_port" \
        MYKSC_TESTBED_SSH_KNOWN_HOSTS="$ssh/known_hosts" \
        MYKSC_TESTBED_SSH_HOST_KEY="$(cut -d' ' -f1,2 "$ssh/host_key.pub")" \
        MYKSC_TESTBED_SSH_USER_CA="$ssh/user_ca"
}

part_down() {
    stop_daemon sshd
    rmdir /run/sshd 2>/dev/null || true
    rm -rf "$ssh"
}
