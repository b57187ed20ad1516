# Keycloak with the realm `centre`, whose people are those of the directory, and the client `myksc`
# (people/realm.json). MYKSC_TESTBED_LOGOUT_URL at its first `up` is where it tells the client of a logout; later, its
# admin API sets that.

. "$testbed/parts/people.sh"
# What the other part says of itself is not said of this one.
NEEDS=people
READY_SECS=120

keycloak=$state/keycloak
realm=http://127.0.0.1:$keycloak_port/realms/centre

part_build() {
    packages openjdk-17-jre-headless java maven mvn unzip unzip curl curl
    component keycloak >/dev/null
}

part_up() {
    local program
    program=$(component keycloak)
    install -d -m 0700 "$keycloak" "$keycloak/conf" "$keycloak/data" "$keycloak/data/import"
    local folder
    for folder in lib providers themes; do ln -sfn "$program/$folder" "$keycloak/$folder"; done
    # Taken where the realm is not there yet.
    filled "$people/realm.json" "CLIENT_SECRET=$(secret client-myksc)" "LOGOUT_URL=${MYKSC_TESTBED_LOGOUT_URL:-}" \
        "LDAP_URL=ldaps://127.0.0.1:$ldaps_port" "BIND_DN=$ldap_bind" "BIND_PASSWORD=$(secret password-portal)" \
        "BASE=$ldap_base" | write_file "$keycloak/data/import/centre.json" 0600 || true

    # As bin/kc.sh starts it, but with data in our folder, and compiled less: it starts sooner.
    KC_BOOTSTRAP_ADMIN_PASSWORD=$(secret keycloak-admin)
    export KC_BOOTSTRAP_ADMIN_PASSWORD
    start_daemon keycloak KC_BOOTSTRAP_ADMIN_USERNAME=admin \
        java -Xms64m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError -Xshare:auto \
        --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED \
        --add-opens=java.base/java.security=ALL-UNNAMED -Dfile.encoding=UTF-8 -Duser.language=en -Duser.country=US \
        -Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory \
        -Djava.util.logging.manager=org.jboss.logmanager.LogManager -Dpicocli.disable.closures=true \
        -Dkc.home.dir="$keycloak" -Djboss.server.config.dir="$keycloak/conf" \
        -cp "$program/lib/quarkus-run.jar" io.quarkus.bootstrap.runner.QuarkusEntryPoint \
        start --optimized --import-realm --cache=local --http-enabled=true --http-host=127.0.0.1 --http-port="$keycloak_port" \
        --hostname="http://127.0.0.1:$keycloak_port" --truststore-paths="$ldap/ca.pem"
}

get() { curl -sSf -m 10 --noproxy '*' "$@"; }

part_check() {
    get -o /dev/null "$realm/.well-known/openid-configuration"
    local token
    token=$(printf 'grant_type=password&client_id=admin-cli&username=admin&password=%s' "$(secret keycloak-admin)" |
        get -d @- "${realm%/*}/master/protocol/openid-connect/token" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
    printf 'Authorization: Bearer %s' "$token" |
        get -H @- "http://127.0.0.1:$keycloak_port/admin/serverinfo" |
        sed -n 's/.*"systemInfo":{"version":"\([^"]*\)".*/Keycloak \1/p'
}

part_env() {
    exports MYKSC_TESTBED_OIDC_ISSUER="$realm" \
        MYKSC_TESTBED_OIDC_CLIENT_ID=myksc \
        MYKSC_TESTBED_OIDC_CLIENT_SECRET="$(secret client-myksc)" \
        MYKSC_TESTBED_KEYCLOAK_URL="http://127.0.0.1:$keycloak_port" \
        MYKSC_TESTBED_KEYCLOAK_ADMIN=admin \
        MYKSC_TESTBED_KEYCLOAK_ADMIN_PASSWORD="$(secret keycloak-admin)"
}

part_down() { stop_daemon keycloak && rm -rf "$keycloak"; }
