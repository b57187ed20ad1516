//! `admin contract`: for how long and how much a person may use.

use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use myksc_core::{Contract, Error, FieldProblem, Resources, Timestamp};
use myksc_identity::audited;
use serde_json::{Value, json};

use super::{Desk, Refusal};
use crate::client::output::text;
use crate::client::size::{parse_bytes, parse_cpu, show_bytes};

/// Commands of `admin contract`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set or replace a person's contract.
    Set(Set),
    /// Show a person's contract.
    Show {
        /// The account's name.
        name: String,
    },
    /// Remove a person's contract.
    Clear {
        /// The account's name.
        name: String,
    },
}

/// Arguments of `admin contract set`.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// The account's name.
    name: String,
    /// First moment it holds: a day (its beginning, here) or an RFC 3339 time; now when absent.
    #[arg(long, value_parser = parse_moment)]
    starts: Option<Timestamp>,
    /// First moment it no longer holds: a day (its beginning, here) or an RFC 3339 time.
    #[arg(long, value_parser = parse_moment)]
    ends: Timestamp,
    /// Cores of all running apps together, for example 4, 0.5 or 500m.
    #[arg(long, value_parser = parse_cpu)]
    cpu: u32,
    /// Memory of all running apps together, for example 8Gi.
    #[arg(long, value_parser = parse_bytes)]
    memory: u64,
    /// GPUs of all running apps together.
    #[arg(long, default_value_t = 0)]
    gpu: u32,
    /// SRU hours that may be used in the period.
    #[arg(long)]
    budget: Option<f64>,
}

impl Command {
    /// Runs one command.
    pub(super) async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        match self {
            Self::Set(set) => set.run(desk).await,
            Self::Show { name } => show(desk, &name).await,
            Self::Clear { name } => clear(desk, &name).await,
        }
    }
}

impl Set {
    async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        let user = desk.access.accounts.by_name(&self.name).await?;
        let contract = self.contract(Timestamp::now())?;
        let set = async { Ok(desk.store.set_contract(&user.id, &contract).await?) };
        audited(&desk.store, &desk.actor, "set_contract", &self.name, set).await?;
        report(desk, &self.name, Some(&contract))
    }

    fn contract(&self, now: Timestamp) -> Result<Contract, Error> {
        let starts_at = self.starts.unwrap_or(now);
        let refuse = |field: &str, code: &str, detail: &str| {
            Err(Error::invalid(FieldProblem::new(field, code, detail)))
        };
        if self.ends <= starts_at {
            return refuse("ends", "ends_before_start", "the contract would end before it starts");
        }
        if self.cpu == 0 {
            return refuse("cpu", "below_min", "give some CPU");
        }
        if self.memory == 0 || i64::try_from(self.memory).is_err() {
            return refuse("memory", "out_of_range", "give an amount of memory that a machine can have");
        }
        if self.budget.is_some_and(|hours| !hours.is_finite() || hours < 0.0) {
            return refuse("budget", "below_min", "a budget is 0 hours or more");
        }
        let limits = Resources { cpu_millis: self.cpu, memory_bytes: self.memory, gpus: self.gpu };
        Ok(Contract { starts_at, ends_at: self.ends, limits, budget_sru_hours: self.budget })
    }
}

async fn show(desk: &Desk, name: &str) -> Result<(), Refusal> {
    let user = desk.access.accounts.by_name(name).await?;
    let contract = desk.store.contract(&user.id).await.map_err(Error::from)?;
    report(desk, name, contract.as_ref())
}

async fn clear(desk: &Desk, name: &str) -> Result<(), Refusal> {
    let user = desk.access.accounts.by_name(name).await?;
    let clear = async { Ok(desk.store.clear_contract(&user.id).await?) };
    audited(&desk.store, &desk.actor, "clear_contract", name, clear).await?;
    report(desk, name, None)
}

fn report(desk: &Desk, name: &str, contract: Option<&Contract>) -> Result<(), Refusal> {
    desk.out.value(&json!({ "name": name, "contract": contract }), |value| match contract {
        None => format!("{} has no contract.", text(value, "/name")),
        Some(contract) => describe(value, contract),
    })?;
    Ok(())
}

fn describe(value: &Value, contract: &Contract) -> String {
    let limits = contract.limits;
    let budget =
        contract.budget_sru_hours.map_or_else(|| "none".to_owned(), |hours| format!("{hours} SRU hours"));
    let lines = [
        format!("Name:    {}", text(value, "/name")),
        format!("Starts:  {}", contract.starts_at),
        format!("Ends:    {}", contract.ends_at),
        format!("Cores:   {}", f64::from(limits.cpu_millis) / 1000.0),
        format!("Memory:  {}", show_bytes(limits.memory_bytes)),
        format!("GPUs:    {}", limits.gpus),
        format!("Budget:  {budget}"),
    ];
    lines.join("\n")
}

/// A day of this machine's time zone, or an RFC 3339 time.
pub(super) fn parse_moment(text: &str) -> Result<Timestamp, String> {
    let refuse = || format!("{text:?} is no time; write for example 2027-01-01 or 2027-01-01T09:00:00Z");
    let instant = match text.parse::<Date>() {
        Ok(day) if text.len() <= 10 => day.to_zoned(TimeZone::system()).map_err(|_| refuse())?.timestamp(),
        _ => text.parse::<jiff::Timestamp>().map_err(|_| refuse())?,
    };
    Ok(Timestamp::from_millis(instant.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(change: impl FnOnce(&mut Set)) -> Set {
        let mut set = Set {
            name: "kim".to_owned(),
            starts: Some(Timestamp::from_millis(1_000)),
            ends: Timestamp::from_millis(2_000),
            cpu: 4_000,
            memory: 1 << 30,
            gpu: 0,
            budget: Some(100.0),
        };
        change(&mut set);
        set
    }

    #[test]
    fn a_contract_that_makes_no_sense_is_refused_at_its_field() {
        assert!(set(|_| ()).contract(Timestamp::from_millis(0)).is_ok());
        let cases = [
            ("ends", set(|set| set.ends = Timestamp::from_millis(1_000))),
            ("ends", set(|set| set.starts = None)),
            ("cpu", set(|set| set.cpu = 0)),
            ("memory", set(|set| set.memory = 0)),
            ("memory", set(|set| set.memory = u64::MAX)),
            ("budget", set(|set| set.budget = Some(f64::NAN))),
            ("budget", set(|set| set.budget = Some(-1.0))),
        ];
        for (field, set) in cases {
            let Err(Error::Invalid(problems)) = set.contract(Timestamp::from_millis(9_000)) else {
                panic!("{field} was taken")
            };
            assert_eq!(problems[0].field, field);
        }
    }

    #[test]
    fn moments_are_days_or_times_and_nothing_else() {
        assert_eq!(
            parse_moment("2027-01-01T09:00:00+09:00").map(|at| at.to_string()).as_deref(),
            Ok("2027-01-01T00:00:00Z")
        );
        let day = parse_moment("2027-01-01").unwrap().as_millis();
        assert!((day - 1_798_761_600_000).abs() <= 14 * 3_600_000, "{day}");
        for text in ["", "tomorrow", "2027-13-01", "2027-01-01T09:00:00", "2027-02-30"] {
            assert!(parse_moment(text).is_err(), "{text:?}");
        }
    }
}
