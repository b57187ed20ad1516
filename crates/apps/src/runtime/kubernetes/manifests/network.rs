//! Who reaches a person's pods, and whom they reach.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::config::{KubernetesConfig, Pods};
use super::app::GUARD_PORT;
use super::meta;

/// The addresses of every cloud's metadata service.
const METADATA: &str = "169.254.0.0/16";
/// Namespace of the cluster's DNS.
const DNS_NAMESPACE: &str = "kube-system";

/// Nothing comes in but the gateway at the guards' port; nothing goes out but to DNS and to the site's networks.
pub(in super::super) fn network_policies(namespace: &str, config: &KubernetesConfig) -> Vec<NetworkPolicy> {
    let closed: Vec<_> =
        config.closed_networks.iter().cloned().chain(std::iter::once(METADATA.to_owned())).collect();
    let open = config.open_networks.iter().map(|network| block(network, &closed)).collect::<Vec<_>>();
    let mut egress = dns(config);
    if !open.is_empty() {
        egress.push(NetworkPolicyEgressRule { to: Some(open), ports: None });
    }
    let gateway: Vec<_> = config
        .gateway_networks
        .iter()
        .map(|network| block(network, &[]))
        .chain(config.gateway_pods.as_ref().map(pods))
        .collect();
    // A rule from nowhere would let in everybody.
    let ingress = (!gateway.is_empty()).then(|| {
        let ports = Some(vec![port("TCP", GUARD_PORT)]);
        vec![NetworkPolicyIngressRule { from: Some(gateway), ports }]
    });
    let policy = |name: &str, types: &[&str], spec: NetworkPolicySpec| NetworkPolicy {
        metadata: meta(namespace, name, []),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector::default()),
            policy_types: Some(types.iter().map(|&one| one.to_owned()).collect()),
            ..spec
        }),
    };
    let in_and_out = ["Ingress", "Egress"];
    vec![
        policy("myksc-closed", &in_and_out, NetworkPolicySpec::default()),
        policy(
            "myksc-open",
            &in_and_out,
            NetworkPolicySpec { ingress, egress: Some(egress), ..NetworkPolicySpec::default() },
        ),
    ]
}

/// The cluster's DNS: its pods, or addresses where it is none.
fn dns(config: &KubernetesConfig) -> Vec<NetworkPolicyEgressRule> {
    let rule = |peer: NetworkPolicyPeer, number: u16| NetworkPolicyEgressRule {
        to: Some(vec![peer]),
        ports: Some(vec![port("UDP", number), port("TCP", number)]),
    };
    if config.dns_servers.is_empty() {
        let all = Pods { namespace: DNS_NAMESPACE.to_owned(), labels: BTreeMap::new() };
        return vec![rule(pods(&all), 53)];
    }
    let of = |server: &SocketAddr| {
        let network = ipnet::IpNet::from(server.ip());
        rule(block(&network.to_string(), &[]), server.port())
    };
    config.dns_servers.iter().map(of).collect()
}

/// Pods by their labels and by the name of their namespace, a label that the API server sets itself.
fn pods(of: &Pods) -> NetworkPolicyPeer {
    let with = |labels| Some(LabelSelector { match_labels: Some(labels), ..LabelSelector::default() });
    NetworkPolicyPeer {
        namespace_selector: with([("kubernetes.io/metadata.name".to_owned(), of.namespace.clone())].into()),
        pod_selector: (!of.labels.is_empty()).then(|| with(of.labels.clone())).flatten(),
        ip_block: None,
    }
}

fn block(network: &str, except: &[String]) -> NetworkPolicyPeer {
    let within: Vec<_> = except.iter().filter(|inner| is_within(network, inner)).cloned().collect();
    let ip_block = IPBlock { cidr: network.to_owned(), except: (!within.is_empty()).then_some(within) };
    NetworkPolicyPeer { ip_block: Some(ip_block), ..NetworkPolicyPeer::default() }
}

/// Whether a network lies in another; the API server refuses exceptions that do not.
fn is_within(outer: &str, inner: &str) -> bool {
    match (outer.parse::<ipnet::IpNet>(), inner.parse::<ipnet::IpNet>()) {
        (Ok(outer), Ok(inner)) => outer.contains(&inner) && outer != inner,
        _ => false,
    }
}

fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number.into())),
        ..NetworkPolicyPort::default()
    }
}
