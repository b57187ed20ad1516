//! What a provider's claims make of people, where the site says that nobody can edit her own.

use serde_json::Value;

use myksc_core::Role;

use super::token::Claims;

/// A role and the values of a claim that give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRole {
    /// The role.
    pub role: Role,
    /// The claim: a text or a list of texts. Where there is none of that name, dots lead into objects:
    /// `realm_access.roles`.
    pub claim: String,
    /// Each of these gives the role.
    pub values: Vec<String>,
}

/// The most that one of the rules gives whoever has these claims.
pub(super) fn role_of(rules: &[ClaimRole], claims: &Claims) -> Role {
    let gives = |rule: &&ClaimRole| texts(find(claims, &rule.claim)).any(|text| rule.values.contains(text));
    rules.iter().filter(gives).map(|rule| rule.role).max().unwrap_or_default()
}

fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let mut parts = name.split('.');
    let first = claims.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &String> {
    let listed = value.and_then(Value::as_array).into_iter().flatten();
    value.into_iter().chain(listed).filter_map(|value| match value {
        Value::String(text) => Some(text),
        _ => None,
    })
}
