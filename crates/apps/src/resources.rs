//! Whether a launch fits: the machine, the person's contract and what she uses already.

use myksc_core::{App, AppPhase, Contract, Error, FieldProblem, Resources, Timestamp};

/// Less than this runs nothing.
const LEAST: Resources = Resources { cpu_millis: 10, memory_bytes: 16 << 20, gpus: 0 };

/// What an app with these limits may be refused for.
pub(crate) struct Frame<'a> {
    /// What the machine has.
    pub(crate) machine: Resources,
    /// What was agreed with the person.
    pub(crate) contract: Option<&'a Contract>,
    /// What her apps use already.
    pub(crate) used: Resources,
}

/// What the apps that run or are on their way ask for, together.
pub(crate) fn in_use(apps: &[App]) -> Resources {
    let holds = |app: &&App| matches!(app.phase, AppPhase::Starting | AppPhase::Ready | AppPhase::Stopping);
    apps.iter().filter(holds).fold(Resources::default(), |sum, app| Resources {
        cpu_millis: sum.cpu_millis.saturating_add(app.resources.cpu_millis),
        memory_bytes: sum.memory_bytes.saturating_add(app.resources.memory_bytes),
        gpus: sum.gpus.saturating_add(app.resources.gpus),
    })
}

/// Whether the contract, if there is one, holds now.
///
/// # Errors
/// A conflict with the period.
pub(crate) fn check_period(contract: Option<&Contract>, now: Timestamp) -> Result<(), Error> {
    match contract {
        Some(contract) if now < contract.starts_at || now >= contract.ends_at => Err(Error::Conflict {
            code: "contract_not_in_force",
            params: [
                ("starts_at".to_owned(), contract.starts_at.to_string().into()),
                ("ends_at".to_owned(), contract.ends_at.to_string().into()),
            ]
            .into(),
            detail: "your contract does not hold at present".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Everything that keeps this from fitting.
pub(crate) fn check_fit(asked: Resources, frame: &Frame<'_>) -> Vec<FieldProblem> {
    [check_cpu(asked, frame), check_memory(asked, frame), check_gpus(asked, frame)]
        .into_iter()
        .flatten()
        .collect()
}

fn check_cpu(asked: Resources, frame: &Frame<'_>) -> Option<FieldProblem> {
    let asked = asked.cpu_millis;
    let problem = |code: &str, detail: String| FieldProblem::new("resources.cpu_millis", code, detail);
    if asked < LEAST.cpu_millis {
        let least = LEAST.cpu_millis;
        let detail = format!("ask for at least {least} thousandths of a core");
        return Some(problem("cpu_too_small", detail).with("min_cpu_millis", least));
    }
    if asked > frame.machine.cpu_millis {
        let limit = frame.machine.cpu_millis;
        let detail = format!("the machine has {limit} thousandths of a core");
        let problem = problem("machine_cpu_exceeded", detail);
        return Some(problem.with("asked_cpu_millis", asked).with("limit_cpu_millis", limit));
    }
    let limit = frame.contract?.limits.cpu_millis;
    let left = limit.saturating_sub(frame.used.cpu_millis);
    (asked > left).then(|| {
        problem("contract_cpu_exceeded", format!("{left} of {limit} thousandths of a core are left"))
            .with("asked_cpu_millis", asked)
            .with("left_cpu_millis", left)
            .with("limit_cpu_millis", limit)
    })
}

fn check_memory(asked: Resources, frame: &Frame<'_>) -> Option<FieldProblem> {
    let asked = asked.memory_bytes;
    let problem = |code: &str, detail: String| FieldProblem::new("resources.memory_bytes", code, detail);
    if asked < LEAST.memory_bytes {
        let least = LEAST.memory_bytes;
        let detail = format!("ask for at least {least} bytes of memory");
        return Some(problem("memory_too_small", detail).with("min_memory_bytes", least));
    }
    if asked > frame.machine.memory_bytes {
        let limit = frame.machine.memory_bytes;
        let detail = format!("the machine has {limit} bytes of memory");
        let problem = problem("machine_memory_exceeded", detail);
        return Some(problem.with("asked_memory_bytes", asked).with("limit_memory_bytes", limit));
    }
    let limit = frame.contract?.limits.memory_bytes;
    let left = limit.saturating_sub(frame.used.memory_bytes);
    (asked > left).then(|| {
        problem("contract_memory_exceeded", format!("{left} of {limit} bytes of memory are left"))
            .with("asked_memory_bytes", asked)
            .with("left_memory_bytes", left)
            .with("limit_memory_bytes", limit)
    })
}

fn check_gpus(asked: Resources, frame: &Frame<'_>) -> Option<FieldProblem> {
    let asked = asked.gpus;
    if asked == 0 {
        return None;
    }
    let problem = |code: &str, detail: String| FieldProblem::new("resources.gpus", code, detail);
    let limit = frame.machine.gpus;
    if limit == 0 {
        return Some(problem("gpu_not_available", "apps on this machine get no GPU".to_owned()));
    }
    if asked > limit {
        let problem = problem("machine_gpus_exceeded", format!("the machine has {limit} GPUs"));
        return Some(problem.with("asked_gpus", asked).with("limit_gpus", limit));
    }
    let limit = frame.contract?.limits.gpus;
    let left = limit.saturating_sub(frame.used.gpus);
    (asked > left).then(|| {
        problem("contract_gpus_exceeded", format!("{left} of {limit} GPUs are left"))
            .with("asked_gpus", asked)
            .with("left_gpus", left)
            .with("limit_gpus", limit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn codes(asked: Resources, contract: Option<Resources>, used: Resources) -> Vec<String> {
        let machine = Resources { cpu_millis: 4000, memory_bytes: 8 * GIB, gpus: 0 };
        let contract = contract.map(|limits| Contract {
            starts_at: Timestamp::from_millis(0),
            ends_at: Timestamp::from_millis(10),
            limits,
            budget_sru_hours: None,
        });
        let frame = Frame { machine, contract: contract.as_ref(), used };
        check_fit(asked, &frame).into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn the_machine_is_the_limit_without_a_contract() {
        let ask = |cpu_millis, memory_bytes, gpus| Resources { cpu_millis, memory_bytes, gpus };
        let none = Resources::default();
        assert_eq!(codes(ask(4000, 8 * GIB, 0), None, ask(4000, GIB, 0)), [""; 0]);
        assert_eq!(
            codes(ask(4001, 8 * GIB + 1, 0), None, none),
            ["machine_cpu_exceeded", "machine_memory_exceeded"]
        );
        assert_eq!(
            codes(ask(0, 0, 1), None, none),
            ["cpu_too_small", "memory_too_small", "gpu_not_available"]
        );
        assert_eq!(codes(ask(u32::MAX, u64::MAX, u32::MAX), None, none).len(), 3);
    }

    #[test]
    fn a_contract_limits_all_apps_together() {
        let ask = |cpu_millis, memory_bytes| Resources { cpu_millis, memory_bytes, gpus: 0 };
        let limits = Some(ask(2000, 2 * GIB));
        assert_eq!(codes(ask(500, GIB), limits, ask(1500, GIB)), [""; 0]);
        assert_eq!(codes(ask(501, GIB), limits, ask(1500, GIB)), ["contract_cpu_exceeded"]);
        assert_eq!(codes(ask(500, GIB + 1), limits, ask(1500, GIB)), ["contract_memory_exceeded"]);
        assert_eq!(
            codes(ask(500, GIB), limits, ask(3000, 3 * GIB)).len(),
            2,
            "used beyond a shrunk contract"
        );
    }

    #[test]
    fn a_contract_holds_from_its_first_moment_to_before_its_last() {
        let contract = Contract {
            starts_at: Timestamp::from_millis(5),
            ends_at: Timestamp::from_millis(10),
            limits: Resources::default(),
            budget_sru_hours: None,
        };
        let holds = |at| check_period(Some(&contract), Timestamp::from_millis(at)).is_ok();
        assert_eq!([4, 5, 9, 10].map(holds), [false, true, true, false]);
        assert!(check_period(None, Timestamp::from_millis(4)).is_ok());
    }
}
