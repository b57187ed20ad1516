# Two image registries on loopback: one for everybody in the clear, one with TLS and a password.
# shellcheck shell=bash

start_registries() {
    local owner=docker-registry folder=$registry_data/settings
    install -d -m 0711 "$registry_data"
    install -d -m 0700 -o "$owner" -g "$owner" "$folder" "$registry_data/open" "$registry_data/private"
    install -m 0600 -o "$owner" "$pki/registry.crt" "$pki/registry.key" "$folder"
    [ -s "$folder/passwords" ] || write_passwords "$folder/passwords"
    registry_config open "$registry_port" <<<'' >"$folder/open.yml"
    registry_config private "$private_registry_port" >"$folder/private.yml" <<CONFIG
  tls:
    certificate: $folder/registry.crt
    key: $folder/registry.key
auth:
  htpasswd:
    realm: testbed
    path: $folder/passwords
CONFIG
    chown "$owner:" "$folder"/*

    start_daemon registry $(as "$owner") docker-registry serve "$folder/open.yml"
    start_daemon private-registry $(as "$owner") docker-registry serve "$folder/private.yml"
}

# registry_config NAME PORT: what follows the listener is standard input.
registry_config() {
    cat <<CONFIG
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: $registry_data/$1
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$2
CONFIG
    cat
}

# The registry reads bcrypt only, which Debian's crypt(3) makes.
write_passwords() {
    secret private-registry | perl -e '
        open(my $random, "<", "/dev/urandom"); read($random, my $bytes, 22);
        my @letters = ("a".."z", "A".."Z", 0..9, ".", "/");
        my $salt = join "", map { $letters[ord($_) % 64] } split //, $bytes;
        chomp(my $password = <STDIN>);
        print "puller:", crypt($password, "\$2y\$05\$$salt"), "\n"' | write_file "$1" 0600
}

registries_answer() {
    curl -sSf --max-time 5 -o /dev/null "http://127.0.0.1:$registry_port/v2/"
    curl -sSf --max-time 5 -o /dev/null --cacert "$pki/ca.crt" -K <(printf 'user = "puller:%s"' "$(secret private-registry)") \
        "https://127.0.0.1:$private_registry_port/v2/"
}

stop_registries() {
    stop_daemon private-registry
    stop_daemon registry
}
