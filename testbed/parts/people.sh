# The people of the centre: accounts and homes on the machine, and the same people in an LDAP directory that is
# reached over TLS alone. The directory holds some more, whom a portal has to turn away (people/directory.ldif).

NEEDS="network storage"
. "$testbed/people/accounts.sh"

ldap=$state/ldap
ldap_base=dc=centre,dc=example
ldap_bind="cn=portal,ou=services,$ldap_base"
people=$testbed/people

part_build() {
    packages slapd slapd ldap-utils ldapwhoami passwd useradd procps pkill openssl openssl
}

part_up() {
    add_group proj1 30001
    add_group proj2 30002
    add_group operators 30009
    add_person kim 20001 'Kim Min-ji' proj1
    add_person lee 20002 'Lee Seo-yeon' proj2
    add_person seo 20009 'Seo Jun-ho' operators
    add_person observer 20901 'Observer of jobs' ''

    install -d -m 0755 -o openldap -g openldap "$ldap"
    make_certificates
    filled "$people/slapd.conf" "FOLDER=$ldap" "BASE=$ldap_base" | write_file "$ldap/slapd.conf" || true
    fill_directory
    stop_outdated slapd "$ldap/slapd.conf"
    # -d 0 keeps it in the foreground.
    start_daemon slapd $(as openldap) slapd -d 0 -f "$ldap/slapd.conf" \
        -h "ldap://127.0.0.1:$ldap_port ldaps://127.0.0.1:$ldaps_port ldaps://$node_address:$ldaps_port $(ldapi)"
}

# ldapi: the address of the socket, by which root changes the directory.
ldapi() { printf 'ldapi://%s%%2Fsocket' "${ldap//\//%2F}"; }

# add_person NAME UID FULL-NAME GROUPS
add_person() {
    add_account "$1" "$2" "$storage/home/$1" /bin/bash "$3" "$4"
    install -d -m 0700 -o "$1" -g "$1" "$storage/home/$1"
}

# make_certificates: an authority of the directory's own, and the certificate of the server.
make_certificates() {
    [ ! -e "$ldap/server.pem" ] || return 0
    local new=$ldap/certificates.new
    rm -rf "$new"
    mkdir -m 0700 "$new"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Testbed directory CA' \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$new/ca.key" -out "$ldap/ca.pem" 2>/dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj '/CN=localhost' \
        -CA "$ldap/ca.pem" -CAkey "$new/ca.key" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:$node_address" \
        -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth \
        -keyout "$new/server.key" -out "$new/server.pem" 2>/dev/null
    chown openldap "$new/server.key"
    mv "$new/server.key" "$ldap/server.key"
    mv "$new/server.pem" "$ldap/server.pem"
    # The authority signs nothing else.
    rm -rf "$new"
}

# fill_directory: makes the database from people/directory.ldif, anew where that has changed since.
fill_directory() {
    filled "$people/directory.ldif" "BASE=$ldap_base" "HOMES=$storage/home" "PORTAL=$(ssha portal)" \
        "KIM=$(ssha kim)" "LEE=$(sha512_crypt lee)" "SEO=$(ssha seo)" "HOSTILE=$(ssha hostile)" |
        write_file "$ldap/directory.ldif" 0600 || true
    [ ! -e "$ldap/data" ] || [ "$ldap/directory.ldif" -nt "$ldap/data/complete" ] || return 0

    stop_daemon slapd
    rm -rf "$ldap/data"
    install -d -m 0700 -o openldap "$ldap/data"
    slapadd -q -f "$ldap/slapd.conf" -l "$ldap/directory.ldif" >>"$logs/slapd.log" 2>&1 ||
        die "people/directory.ldif is not taken (log: $logs/slapd.log)"
    chown -R openldap "$ldap/data"
    touch "$ldap/data/complete"
}

# ssha NAME, sha512_crypt NAME: the password of a person as the directory keeps it; the same each time.
ssha() {
    local salt
    salt=$(secret "salt-$1")
    printf '{SSHA}'
    { printf '%s%s' "$(secret "password-$1")" "$salt" | openssl dgst -sha1 -binary && printf '%s' "$salt"; } | base64 -w 0
}
sha512_crypt() {
    local salt
    salt=$(secret "salt-$1")
    printf '{CRYPT}%s' "$(secret "password-$1" | openssl passwd -6 -salt "${salt:0:16}" -stdin)"
}

# ask PROGRAM ARGUMENT…: one of OpenLDAP's, as the reader of the directory, over StartTLS.
ask() {
    LDAPTLS_CACERT=$ldap/ca.pem "$@" -H "ldap://127.0.0.1:$ldap_port" -ZZ -x -D "$ldap_bind" -o nettimeout=5 \
        -y <(printf '%s' "$(secret password-portal)")
}

part_check() {
    local name
    for name in kim lee seo; do
        [ "$(stat -c '%U %a' "$storage/home/$name")" = "$name 700" ] || die "the home of $name is missing or not hers"
    done
    ask ldapwhoami >/dev/null
    slapd -VV 2>&1 | sed -n 's/.*OpenLDAP: slapd \([0-9.]*\).*/OpenLDAP \1/p'
}

part_env() {
    local name
    exports MYKSC_TESTBED_LDAP_URL="ldap://127.0.0.1:$ldap_port" \
        MYKSC_TESTBED_LDAPS_URL="ldaps://127.0.0.1:$ldaps_port" \
        MYKSC_TESTBED_LDAPI_URL="$(ldapi)" \
        MYKSC_TESTBED_LDAP_CA="$ldap/ca.pem" \
        MYKSC_TESTBED_LDAP_BASE="$ldap_base" \
        MYKSC_TESTBED_LDAP_BIND_DN="$ldap_bind" \
        MYKSC_TESTBED_LDAP_BIND_PASSWORD="$(secret password-portal)"
    for name in kim lee seo hostile; do
        exports "MYKSC_TESTBED_PASSWORD_${name^^}=$(secret "password-$name")"
    done
}

part_down() {
    local name
    stop_daemon slapd
    rm -rf "$ldap"
    for name in kim lee seo observer; do remove_account "$name" "$storage/home/$name"; done
    for name in proj1 proj2 operators; do remove_group "$name"; done
}
