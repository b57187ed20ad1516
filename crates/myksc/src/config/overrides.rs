//! Environment variables that override single keys: `MYKSC__SECTION__KEY`, and short names for the usual ones.

use serde::Deserialize as _;

use super::{Config, broken};
use crate::exit::Failure;

const PREFIX: &str = "MYKSC__";

/// Short names and what they stand for.
const SHORT: &[(&str, &str)] =
    &[("MYKSC_LISTEN", "MYKSC__SERVER__LISTEN"), ("MYKSC_STATE_DIR", "MYKSC__STATE__FOLDER")];

/// The configuration of `table` with the variables that override a key of it. A value is TOML if it reads as
/// TOML of the right type, else plain text.
pub(super) fn apply(
    mut table: toml::Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, Failure> {
    let mut used: Vec<_> =
        variables.filter_map(|(name, value)| Some((long_name(&name)?, name, value))).collect();
    used.sort();
    for (long, name, text) in used {
        let changed = [toml_value(&text), Some(toml::Value::String(text.clone()))].into_iter().flatten();
        let mut refusal = String::new();
        let mut taken = None;
        for value in changed {
            let mut candidate = table.clone();
            set(&mut candidate, &long[PREFIX.len()..].to_ascii_lowercase(), value)
                .map_err(|message| broken(format!("environment variable {name}: {message}")))?;
            match read(&candidate) {
                Ok(_) => {
                    taken = Some(candidate);
                    break;
                }
                Err(message) => refusal = message,
            }
        }
        table = taken.ok_or_else(|| broken(format!("environment variable {name}: {refusal}")))?;
    }
    read(&table).map_err(broken)
}

fn long_name(name: &str) -> Option<String> {
    let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, long)| (*long).to_owned());
    short.or_else(|| name.starts_with(PREFIX).then(|| name.to_owned()))
}

fn toml_value(text: &str) -> Option<toml::Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    // More than one key means that the text closed its own value and went on.
    if table.len() == 1 { table.into_iter().next().map(|(_, value)| value) } else { None }
}

fn set(table: &mut toml::Table, path: &str, value: toml::Value) -> Result<(), String> {
    let mut table = table;
    let mut keys = path.split("__").peekable();
    while let Some(key) = keys.next() {
        if key.is_empty() {
            return Err("the name has an empty part".to_owned());
        }
        if keys.peek().is_none() {
            table.insert(key.to_owned(), value);
            return Ok(());
        }
        let entry = table.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        table = entry.as_table_mut().ok_or_else(|| format!("{key} is not a section"))?;
    }
    Err("the name has no key".to_owned())
}

fn read(table: &toml::Table) -> Result<Config, String> {
    let value = toml::Value::Table(table.clone());
    Config::deserialize(value).map_err(|error| error.message().lines().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Config, Failure> {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        apply(toml::Table::new(), variables)
    }

    #[test]
    fn variables_override_keys_of_every_type() {
        let config = with(&[
            ("MYKSC_LISTEN", "127.0.0.1:9000"),
            ("MYKSC_STATE_DIR", "/tmp/123"),
            ("MYKSC__SERVER__WORKERS", "3"),
            ("MYKSC__LOG__JSON", "true"),
            ("MYKSC__APPS__PROGRAM_FOLDERS", "[\"/opt/bin\"]"),
            ("MYKSC_CRASH_AT", "launch.recorded"),
            ("HOME", "/root"),
        ])
        .unwrap();
        assert_eq!(config.server.listen.port(), 9000);
        assert_eq!(config.server.workers, 3);
        assert!(config.log.json);
        assert_eq!(config.state.folder.unwrap().to_str(), Some("/tmp/123"));
        assert_eq!(config.apps.program_folders.len(), 1);
    }

    #[test]
    fn text_that_looks_like_a_number_is_text_where_text_is_asked_for() {
        assert_eq!(with(&[("MYKSC__SERVER__APPS_DOMAIN", "42")]).unwrap().server.apps_domain, "42");
    }

    #[test]
    fn an_error_names_the_variable() {
        for (name, value) in [
            ("MYKSC__SERVER__WORKERS", "many"),
            ("MYKSC__SERVER__WORKER", "1"),
            ("MYKSC__SERVR__WORKERS", "1"),
            ("MYKSC__SERVER", "1"),
            ("MYKSC__", "1"),
            ("MYKSC_LISTEN", "8080"),
        ] {
            let message = with(&[(name, value)]).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
