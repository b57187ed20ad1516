# Where everything listens. Fixed, so that configurations and pictures stay the same from one day to the next; all on
# loopback, but for the node's own address.
# shellcheck shell=bash disable=SC2034

node_name=node1
node_address=10.99.0.1
bridge=tb0
pod_network=10.244.0.0/24
service_network=10.96.0.0/16
kubernetes_address=10.96.0.1
dns_address=10.96.0.10

etcd_port=16379
etcd_peer_port=16380
kubernetes_port=16443
dns_port=16053
dns_health_port=16054
felix_health_port=16099
registry_port=16500
private_registry_port=16501

istiod_port=16010
istiod_http_port=16011
istiod_monitoring_port=16012
istiod_introspection_port=16013
istio_admin_port=16014
istio_http_port=16080
istio_https_port=16444

slurmctld_port=16817
slurmdbd_port=16819
slurmrestd_port=16820
slurmd_ports=18001-18004
mariadb_port=16306
sshd_port=16022

ldap_port=16389
ldaps_port=16636
keycloak_port=16180

postgres_port=16432
smtp_port=16025
