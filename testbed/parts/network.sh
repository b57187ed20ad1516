# The node's address, at which its services listen for pods: on a bridge without ports, so that it is there whatever
# other network the machine has.

part_build() { packages iproute2 ip; }

part_up() {
    [ -e "/sys/class/net/$bridge" ] || ip link add "$bridge" type bridge
    ip address replace "$node_address/24" dev "$bridge"
    ip link set "$bridge" up
}

part_check() { ip -4 -oneline address show dev "$bridge" | awk -v bridge="$bridge" '{ print bridge, $4 }' | grep .; }

# Every part has it: process id and start time by the name of each daemon.
part_env() { exports MYKSC_TESTBED_DAEMONS="$daemons"; }

part_down() { [ ! -e "/sys/class/net/$bridge" ] || ip link delete "$bridge"; }
