//! Which person and account the claims of a provider stand for.

use std::path::PathBuf;

use serde_json::Value;

use myksc_core::user::Group;
use myksc_core::{Error, Result};

use super::config::{OidcConfig, OidcIdentity};
use super::provider::refused;
use super::roles::role_of;
use super::token::Claims;
use crate::account::check_name;
use crate::directory::Directory;
use crate::people::{People, Vouched};
use crate::posix::PosixAccount;

const DEFAULT_SHELL: &str = "/bin/bash";
/// Most groups of one person.
const MAX_GROUPS: usize = 1000;

/// The account's name in the claims, as it is, for the audit log.
pub(super) fn claimed_name<'a>(config: &OidcConfig, claims: &'a Claims) -> &'a str {
    claims.text(&config.name_claim).unwrap_or_default()
}

/// The person that the claims stand for.
///
/// # Errors
/// Forbidden with `identity_name_missing`, `identity_unknown`, `identity_locked`, `identity_name_differs` or
/// `identity_claims_invalid`; what the directory says.
pub(super) async fn vouch(people: &People, config: &OidcConfig, claims: &Claims) -> Result<Vouched> {
    let name = claimed_name(config, claims);
    if check_name(name).is_err() {
        return Err(refused("identity_name_missing", "the provider names no account of the centre"));
    }
    let account = match &config.identity {
        OidcIdentity::Directory => {
            let directory = people.directory_of(&config.id);
            let directory = directory.ok_or_else(|| Error::internal("the provider has no directory"))?;
            of_directory(directory.as_ref(), name).await?
        }
        OidcIdentity::Claims => of_claims(name, claims)?,
    };
    let subject =
        claims.subject().ok_or_else(|| Error::internal("a token without a subject was believed"))?;
    Ok(Vouched {
        provider: config.id.clone(),
        subject: subject_of(config, subject),
        role: people.role_of(&account).max(role_of(&config.roles, claims)),
        account,
    })
}

/// What stands on record for a person whom the provider calls `subject`; another issuer under the same id is another
/// provider.
pub(super) fn subject_of(config: &OidcConfig, subject: &str) -> String {
    format!("{} {subject}", config.issuer)
}

async fn of_directory(directory: &dyn Directory, name: &str) -> Result<PosixAccount> {
    let Some(entry) = directory.look_up(name).await? else {
        return Err(refused("identity_unknown", format!("the directory knows no account {name:?}")));
    };
    if entry.locked {
        return Err(refused("identity_locked", format!("the directory has locked the account {name:?}")));
    }
    if entry.account.name != name {
        let detail = format!("the directory calls the account {:?}, not {name:?}", entry.account.name);
        return Err(refused("identity_name_differs", detail));
    }
    Ok(entry.account)
}

fn of_claims(name: &str, claims: &Claims) -> Result<PosixAccount> {
    let gid = id(claims.get("gid_number")).ok_or_else(|| missing("gid_number"))?;
    let mut groups = vec![Group { gid, name: gid.to_string() }];
    for (other, group_name) in further_groups(claims)? {
        match groups.iter_mut().find(|known| known.gid == other) {
            Some(known) => known.name = group_name,
            None => groups.push(Group { gid: other, name: group_name }),
        }
    }
    Ok(PosixAccount {
        name: name.to_owned(),
        display_name: claims.text("name").unwrap_or(name).to_owned(),
        uid: id(claims.get("uid_number")).ok_or_else(|| missing("uid_number"))?,
        gid,
        groups,
        home: claims.text("home").map(PathBuf::from).ok_or_else(|| missing("home"))?,
        shell: claims.text("shell").unwrap_or(DEFAULT_SHELL).into(),
    })
}

/// The claim `groups`: a list of `{"gid": 2000, "name": "hpc"}` or of group ids alone.
fn further_groups(claims: &Claims) -> Result<Vec<(u32, String)>> {
    let listed = match claims.get("groups") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(listed)) if listed.len() <= MAX_GROUPS => listed,
        Some(_) => return Err(missing("groups")),
    };
    let group = |value: &Value| {
        let gid = id(value.get("gid").or(Some(value)))?;
        let name = value.get("name").and_then(Value::as_str).map_or_else(|| gid.to_string(), str::to_owned);
        Some((gid, name))
    };
    listed.iter().map(|value| group(value).ok_or_else(|| missing("groups"))).collect()
}

/// A number, or a text of digits as mappers of attributes make it.
fn id(value: Option<&Value>) -> Option<u32> {
    match value? {
        Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

fn missing(claim: &str) -> Error {
    refused("identity_claims_invalid", format!("the provider's claim {claim:?} is missing or can't be read"))
}
