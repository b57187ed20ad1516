# PostgreSQL, with a role and a database for the portal, on this machine or in a pod.

NEEDS=network

postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
data=$state/postgres

part_build() { packages postgresql '/usr/share/postgresql-common'; }

part_up() {
    if [ ! -e "$data/PG_VERSION" ]; then
        install -d -m 0700 -o postgres "$data.new"
        $(as postgres) "$postgres_bin/initdb" -D "$data.new" --auth-local=peer --auth-host=scram-sha-256 \
            --encoding=UTF8 --locale=C.UTF-8 --no-sync >>"$logs/postgres.log"
        printf 'host all all %s scram-sha-256\n' "$pod_network" >>"$data.new/pg_hba.conf"
        mv "$data.new" "$data"
    fi
    start_daemon postgres $(as postgres) "$postgres_bin/postgres" -D "$data" -k "$data" -p "$postgres_port" \
        -c listen_addresses="127.0.0.1,$node_address" -c fsync=off
    wait_for 30 PostgreSQL postgres sql -c 'select 1'
    sql -q <<SQL
select format('create role myksc login password %L', '$(secret postgres)')
 where not exists (select from pg_roles where rolname = 'myksc') \gexec
select 'create database myksc owner myksc' where not exists (select from pg_database where datname = 'myksc') \gexec
SQL
}

sql() { $(as postgres) "$postgres_bin/psql" -h "$data" -p "$postgres_port" -v ON_ERROR_STOP=1 -At "$@"; }

part_check() {
    PGPASSWORD=$(secret postgres) "$postgres_bin/psql" -h 127.0.0.1 -p "$postgres_port" -U myksc -At \
        -c "select 'PostgreSQL ' || current_setting('server_version')" myksc
}

part_env() {
    exports MYKSC_TESTBED_DATABASE_URL="postgres://myksc:$(secret postgres)@127.0.0.1:$postgres_port/myksc"
}

part_down() { stop_daemon postgres && rm -rf "$data"; }
