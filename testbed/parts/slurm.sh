# Slurm: a controller, four nodes on this machine, the REST daemon with tokens, and accounting on MariaDB.
# MYKSC_TESTBED_SLURM_ACCOUNTING=none at `up` gives a Slurm without accounting.

NEEDS='storage people ssh'
READY_SECS=90
. "$testbed/people/accounts.sh"

slurm=$state/slurm
rest_home=$slurm/rest
nodes=(c1 c2 c3 c4)
SLURM_CONF=$slurm/slurm.conf
export SLURM_CONF

part_build() {
    packages slurmctld slurmctld slurmd slurmd slurm-client sbatch slurmdbd slurmdbd slurmrestd slurmrestd \
        slurm-wlm-basic-plugins /usr/lib/x86_64-linux-gnu/slurm-wlm/task_cgroup.so \
        slurm-wlm-mysql-plugin /usr/lib/x86_64-linux-gnu/slurm-wlm/accounting_storage_mysql.so \
        slurm-wlm-jwt-plugin /usr/lib/x86_64-linux-gnu/slurm-wlm/auth_jwt.so \
        munge munged mariadb-server mariadbd curl curl procps pkill
}

part_up() {
    local accounting=${MYKSC_TESTBED_SLURM_ACCOUNTING:-slurmdbd}
    install -d -m 0755 "$slurm" "$slurm/nodes"
    install -d -m 0700 -o slurm -g slurm "$slurm/controller"
    add_account slurmrestd 20900 "$rest_home" /usr/sbin/nologin "Slurm's REST daemon"
    configure "$accounting"
    start_munge
    if [ "$accounting" = none ]; then
        stop_daemon slurmdbd
        stop_daemon mariadb
    else
        start_accounting
    fi
    start_slurm "$accounting"
}

# configure ACCOUNTING: writes the configuration files.
configure() {
    local accounting='AccountingStorageType=accounting_storage/none'
    if [ "$1" != none ]; then
        accounting="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$slurmdbd_port
AccountingStoragePass=$slurm/munge/socket
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu"
    fi
    filled "$testbed/slurm/slurm.conf" "HOST=$(hostname -s)" "FOLDER=$slurm" "CONTROLLER_PORT=$slurmctld_port" \
        "ACCOUNTING=$accounting" | write_file "$SLURM_CONF" || true
    write_file "$slurm/cgroup.conf" <"$testbed/slurm/cgroup.conf" || true
    filled "$testbed/slurm/gres.conf" "FOLDER=$slurm" | write_file "$slurm/gres.conf" || true
    touch "$slurm/gpu0" "$slurm/gpu1"
    if filled "$testbed/slurm/slurmdbd.conf" "FOLDER=$slurm" "DBD_PORT=$slurmdbd_port" "DATABASE_PORT=$mariadb_port" \
        "DATABASE_PASSWORD=$(secret slurm-database)" | write_file "$slurm/slurmdbd.conf" 0600; then
        chown slurm "$slurm/slurmdbd.conf"
    fi
    [ -e "$slurm/jwt.key" ] || {
        openssl rand 32 | write_file "$slurm/jwt.key" 0600
        chown slurm "$slurm/jwt.key"
    }
}

start_munge() {
    local munge=$slurm/munge
    install -d -m 0755 -o munge -g munge "$munge"
    if [ ! -e "$munge/key" ]; then
        openssl rand 128 | write_file "$munge/key" 0600
        chown munge "$munge/key"
    fi
    start_daemon munged $(as munge) /usr/sbin/munged --foreground --force --socket="$munge/socket" \
        --key-file="$munge/key" --pid-file="$munge/pid" --seed-file="$munge/seed"
    wait_for 10 munge munged munge --no-input --socket="$munge/socket"
}

start_accounting() {
    local database=$slurm/database
    if [ ! -e "$database/complete" ]; then
        rm -rf "$database"
        install -d -m 0700 -o mysql "$database"
        mariadb-install-db --no-defaults --user=mysql --datadir="$database" --skip-test-db \
            --auth-root-authentication-method=socket >>"$logs/mariadb.log" 2>&1
        touch "$database/complete"
    fi
    start_daemon mariadb $(as mysql) /usr/sbin/mariadbd --no-defaults --datadir="$database" \
        --socket="$database/socket" --pid-file="$database/pid" --bind-address=127.0.0.1 --port="$mariadb_port" \
        --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 --innodb-lock-wait-timeout=900
    wait_for 30 MariaDB mariadb sql -e 'select 1'
    sql <<SQL
create database if not exists slurm_acct_db;
create user if not exists slurm@'127.0.0.1' identified by '$(secret slurm-database)';
grant all on slurm_acct_db.* to slurm@'127.0.0.1';
SQL
    stop_outdated slurmdbd "$slurm/slurmdbd.conf"
    start_daemon slurmdbd $(as slurm) /usr/sbin/slurmdbd -D
    wait_for 40 slurmdbd slurmdbd sacctmgr -n list cluster
    enter_people
}

sql() { mariadb --no-defaults --socket="$slurm/database/socket" "$@"; }

# enter_people: the accounts of kim's and lee's projects, and of the operators.
enter_people() {
    [ ! -e "$slurm/accounts" ] || return 0
    add cluster testbed
    add qos urgent Priority=100 MaxTRESPerUser=cpu=2
    add account proj1 Cluster=testbed Fairshare=60
    add account proj2 Cluster=testbed Fairshare=40
    add account operations Cluster=testbed Fairshare=1
    add user kim Account=proj1 QOS=normal,urgent DefaultQOS=normal
    add user lee Account=proj2
    add user seo Account=operations AdminLevel=Operator
    touch "$slurm/accounts"
}

# add KIND NAME SETTING…: what is there already is left as it is.
add() {
    local there
    there=$(sacctmgr -nP list "$1" "$2" format=name 2>/dev/null || sacctmgr -nP list "$1" "$2" format="$1")
    [ -n "$there" ] || sacctmgr -iQ add "$@" >>"$logs/slurmdbd.log"
}

# start_slurm ACCOUNTING
start_slurm() {
    local name daemon plugins=()
    for daemon in slurmctld slurmrestd "${nodes[@]/#/slurmd-}"; do
        stop_outdated "$daemon" "$SLURM_CONF" "$slurm/cgroup.conf" "$slurm/gres.conf"
    done
    start_daemon slurmctld $(as slurm) /usr/sbin/slurmctld -D
    wait_for 30 slurmctld slurmctld scontrol ping
    for name in "${nodes[@]}"; do
        mkdir -p "$slurm/nodes/$name"
        start_daemon "slurmd-$name" /usr/sbin/slurmd -D -N "$name"
    done
    # A node that was lost, or had another configuration, waits for a word; the others need none and say so.
    scontrol update nodename="$(IFS=, && echo "${nodes[*]}")" state=resume 2>/dev/null || true
    [ "$1" != none ] || plugins=(-s openapi/v0.0.38)
    start_daemon slurmrestd SLURM_JWT=daemon $(as slurmrestd) /usr/sbin/slurmrestd "${plugins[@]}" -a rest_auth/jwt \
        "127.0.0.1:$slurmrestd_port"
}

part_check() {
    local states
    scontrol ping | grep -q 'is UP' || die "slurmctld does not answer"
    states=$(sinfo -hN -p staff -o '%N %T' | sort)
    ! grep -vE ' (idle|mixed|allocated|completing)$' <<<"$states" || die "not every node is ready"
    [ "$(wc -l <<<"$states")" = "${#nodes[@]}" ] || die "not every node is there"
    ! uses_accounting || sacctmgr -nP list user kim format=defaultaccount | grep -qx proj1 || die "accounting does not answer"
    printf 'X-SLURM-USER-NAME: slurm\nX-SLURM-USER-TOKEN: %s' "$(token slurm 60)" |
        curl -sSf -m 10 --noproxy '*' -H @- -o /dev/null "http://127.0.0.1:$slurmrestd_port/slurm/v0.0.38/ping"
    printf 'Slurm %s, ' "$(slurmctld -V | sed 's/.* //')"
    uses_accounting && sql -NBe "select concat('MariaDB ', version())" || echo 'no accounting'
}

uses_accounting() { grep -q '^AccountingStorageType=accounting_storage/slurmdbd' "$SLURM_CONF"; }

# token NAME SECONDS
token() { scontrol token username="$1" lifespan="$2" | sed 's/^SLURM_JWT=//'; }

part_env() {
    exports SLURM_CONF="$SLURM_CONF" \
        MYKSC_TESTBED_SLURM_CONF="$SLURM_CONF" \
        MYKSC_TESTBED_SLURMRESTD_URL="http://127.0.0.1:$slurmrestd_port" \
        MYKSC_TESTBED_SLURM_JWT_KEY="$slurm/jwt.key"
}

part_down() {
    local daemon group
    [ -z "$(daemon_pid slurmctld)" ] || scancel --partition=normal,debug,staff 2>/dev/null || true
    for daemon in slurmrestd "${nodes[@]/#/slurmd-}" slurmctld slurmdbd mariadb munged; do stop_daemon "$daemon"; done
    # Steps outlive their node's daemon, in groups of their own.
    for group in /sys/fs/cgroup/*/slurm_c[1-4]; do
        [ ! -d "$group" ] || eventually 10 clear_group "$group" || die "$group does not empty"
    done
    remove_account slurmrestd "$rest_home"
    rm -rf "$slurm"
}

# clear_group FOLDER: ends what runs in a control group, and removes it with those below.
clear_group() {
    local folder
    find "$1" -name cgroup.procs -exec cat {} + | xargs -r kill -KILL 2>/dev/null
    while read -r folder; do rmdir "$folder" 2>/dev/null; done < <(find "$1" -depth -type d)
    [ ! -d "$1" ]
}
