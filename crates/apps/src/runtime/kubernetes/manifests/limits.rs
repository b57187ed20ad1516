//! What a person's namespace may use, and what of that an app asks for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    LimitRange, LimitRangeItem, LimitRangeSpec, ResourceQuota, ResourceQuotaSpec, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use myksc_core::{Contract, Resources};

use super::super::names::{NAMESPACE_LABEL, NAMESPACE_OF_USER};
use super::meta;

/// Name of the quota and of the range.
pub(in super::super) const LIMITS: &str = "myksc-limits";

/// What the guard beside an app asks for. It is the portal's, so it is added on top of what the person has.
pub(super) const GUARD: Resources = Resources { cpu_millis: 10, memory_bytes: 16 << 20, gpus: 0 };
/// What it may use at most.
pub(super) const GUARD_LIMIT: Resources = Resources { cpu_millis: 1000, memory_bytes: 64 << 20, gpus: 0 };
/// Pods of a person that run at once.
const MAX_PODS: u32 = 50;

/// The quota of a contract; nothing where none was made. CPU is counted as it is asked for, memory also as it may be
/// used.
pub(in super::super) fn quota(
    namespace: &str,
    contract: Option<&Contract>,
    gpu_resource: &str,
) -> Option<ResourceQuota> {
    let limits = contract?.limits;
    // Every pod has a guard; the agent is one pod more, of about the size of four.
    let cpu = quantity_cpu(limits.cpu_millis + MAX_PODS * GUARD.cpu_millis);
    let memory = quantity_bytes(limits.memory_bytes + u64::from(MAX_PODS) * GUARD.memory_bytes);
    let hard = BTreeMap::from([
        ("requests.cpu".to_owned(), cpu),
        ("requests.memory".to_owned(), memory),
        (format!("requests.{gpu_resource}"), Quantity(limits.gpus.to_string())),
        ("pods".to_owned(), Quantity(MAX_PODS.to_string())),
    ]);
    Some(ResourceQuota {
        metadata: meta(namespace, LIMITS, [(NAMESPACE_LABEL, NAMESPACE_OF_USER.to_owned())]),
        spec: Some(ResourceQuotaSpec { hard: Some(hard), ..ResourceQuotaSpec::default() }),
        ..ResourceQuota::default()
    })
}

/// What a container asks for that says nothing itself: little, so that a quota can count it.
pub(in super::super) fn limit_range(namespace: &str) -> LimitRange {
    let of = |resources: Resources| {
        BTreeMap::from([
            ("cpu".to_owned(), quantity_cpu(resources.cpu_millis)),
            ("memory".to_owned(), quantity_bytes(resources.memory_bytes)),
        ])
    };
    let item = LimitRangeItem {
        type_: "Container".to_owned(),
        default: Some(of(Resources { cpu_millis: 500, memory_bytes: 512 << 20, gpus: 0 })),
        default_request: Some(of(Resources { cpu_millis: 100, memory_bytes: 128 << 20, gpus: 0 })),
        ..LimitRangeItem::default()
    };
    LimitRange { metadata: meta(namespace, LIMITS, []), spec: Some(LimitRangeSpec { limits: vec![item] }) }
}

/// What a container asks for and may use at most.
pub(super) fn requirements(asked: Resources, limit: Resources, gpu_resource: &str) -> ResourceRequirements {
    let of = |resources: Resources| {
        let gpus =
            (resources.gpus > 0).then(|| (gpu_resource.to_owned(), Quantity(resources.gpus.to_string())));
        let cpu = ("cpu".to_owned(), quantity_cpu(resources.cpu_millis));
        let memory = ("memory".to_owned(), quantity_bytes(resources.memory_bytes));
        [cpu, memory].into_iter().chain(gpus).collect()
    };
    ResourceRequirements {
        requests: Some(of(asked)),
        limits: Some(of(limit)),
        ..ResourceRequirements::default()
    }
}

/// What a table of quantities comes to, by the names before which `prefix` stands; guards are left out by whoever asks.
pub(in super::super) fn resources_of(
    table: &BTreeMap<String, Quantity>,
    prefix: &str,
    gpu_resource: &str,
) -> Resources {
    let get =
        |name: &str| table.get(&format!("{prefix}{name}")).and_then(|quantity| thousandths(&quantity.0));
    let cpu_millis = get("cpu").unwrap_or_default();
    let memory_bytes = get("memory").unwrap_or_default() / 1000;
    let gpus = get(gpu_resource).unwrap_or_default() / 1000;
    Resources {
        cpu_millis: u32::try_from(cpu_millis).unwrap_or(u32::MAX),
        memory_bytes: u64::try_from(memory_bytes).unwrap_or(u64::MAX),
        gpus: u32::try_from(gpus).unwrap_or(u32::MAX),
    }
}

fn quantity_cpu(millis: u32) -> Quantity {
    Quantity(format!("{millis}m"))
}

fn quantity_bytes(bytes: u64) -> Quantity {
    Quantity(bytes.to_string())
}

/// Thousandths of a quantity, rounded down (Kubernetes, `resource.Quantity`); `None` for what is none.
fn thousandths(text: &str) -> Option<u128> {
    let end = text.find(|one: char| !(one.is_ascii_digit() || one == '.')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let factor: u128 = match suffix {
        "n" => return Some(digits(whole)? / 1_000_000),
        "u" => return Some(digits(whole)? / 1_000),
        "m" => return digits(whole),
        "" => 1,
        "k" => 1000,
        "M" => 1000_u128.pow(2),
        "G" => 1000_u128.pow(3),
        "T" => 1000_u128.pow(4),
        "P" => 1000_u128.pow(5),
        "E" => 1000_u128.pow(6),
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        "Ei" => 1 << 60,
        exponent => 10_u128.checked_pow(exponent.strip_prefix(['e', 'E'])?.parse().ok()?)?,
    };
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths = digits(whole)?.checked_mul(1000)?.checked_add(digits(&padded)?)?;
    thousandths.checked_mul(factor)
}

fn digits(text: &str) -> Option<u128> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let cases = [
            ("0", Some(0)),
            ("2", Some(2000)),
            ("250m", Some(250)),
            ("1.5", Some(1500)),
            ("1500000n", Some(1)),
            ("2k", Some(2_000_000)),
            ("16Mi", Some(16 * 1024 * 1024 * 1000)),
            ("1e3", Some(1_000_000)),
            ("1E", Some(1000 * 1000_u128.pow(6))),
            ("", None),
            ("-1", None),
            ("1Xi", None),
            ("1e99999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }
}
