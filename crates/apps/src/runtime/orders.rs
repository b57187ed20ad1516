//! What the orders of every runtime are made of.

use std::collections::BTreeMap;
use std::path::Path;

use myksc_core::{App, Error, Identity, UserPath};

use crate::catalogue::{FieldKind, Template};

/// The person's values; a path as the machine spells it.
///
/// # Errors
/// A value that is no path, or a path that is no text.
pub(super) fn values(
    identity: &Identity,
    app: &App,
    template: &Template,
) -> Result<BTreeMap<String, String>, Error> {
    let mut values = app.values.clone();
    for field in template.fields.iter().filter(|field| field.kind == FieldKind::Path) {
        if let Some(value) = values.get_mut(&field.id).filter(|value| !value.is_empty()) {
            let path = UserPath::parse_field(&field.id, value).map_err(Error::invalid)?;
            *value = text_of(&identity.home.join(path.relative()))?;
        }
    }
    Ok(values)
}

/// A path as text; the texts of a launch are UTF-8.
///
/// # Errors
/// A path that is not UTF-8.
pub(super) fn text_of(path: &Path) -> Result<String, Error> {
    path.to_str().map(str::to_owned).ok_or_else(|| Error::Unavailable {
        code: "path_not_utf8",
        detail: format!("{} is not UTF-8, so no app can be told of it", path.display()),
    })
}
