//! Scripts to begin with: the files of `catalogue/scripts`, in the order of their names.

use std::sync::OnceLock;

use myksc_core::{Error, Result, Translated};
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};

use crate::form::JobForm;

/// A script to begin with.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ScriptTemplate {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Translated,
    /// The form to begin with, its `command` included.
    pub form: JobForm,
    /// The person's own part of the script; the same as `form.command`.
    pub body: String,
}

#[derive(RustEmbed)]
#[folder = "../../catalogue/scripts"]
struct Catalogue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    title: Translated,
    body: String,
    form: toml::Table,
}

/// The templates, for a system whose new jobs begin with `base`.
///
/// # Errors
/// When a file of the catalogue is broken, which a test rules out for those that ship.
pub(crate) fn for_form(base: &JobForm) -> Result<Vec<ScriptTemplate>> {
    static FILES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let mut names: Vec<_> = Catalogue::iter().filter(|name| name.ends_with(".toml")).collect();
        names.sort_unstable();
        let text = |name: &str| Some(String::from_utf8_lossy(&Catalogue::get(name)?.data).into_owned());
        names.iter().filter_map(|name| Some((name.to_string(), text(name)?))).collect()
    });
    files.iter().map(|(name, text)| read(name, text, base)).collect()
}

fn read(name: &str, text: &str, base: &JobForm) -> Result<ScriptTemplate> {
    let broken = |error: toml::de::Error| Error::internal(format!("catalogue/scripts/{name}: {error}"));
    let file: File = toml::from_str(text).map_err(broken)?;
    let mut values = toml::Table::try_from(base).map_err(Error::internal)?;
    for (field, value) in file.form {
        if !values.contains_key(&field) {
            return Err(Error::internal(format!("catalogue/scripts/{name}: the form has no field {field}")));
        }
        values.insert(field, value);
    }
    let form: JobForm = values.try_into().map_err(broken)?;
    let form = JobForm { command: file.body.clone(), ..form };
    Ok(ScriptTemplate { id: file.id, title: file.title, form, body: file.body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::Roots;
    use crate::script;

    #[test]
    fn every_template_that_ships_makes_a_script_without_problems() {
        let base = JobForm { queue: "local".to_owned(), ..JobForm::default() };
        let templates = for_form(&base).unwrap();
        assert!(templates.len() >= 4);
        for template in &templates {
            let rendered = script::render(&template.form, script::Dialect::Myksc, &Roots::default(), &base);
            assert_eq!(rendered.problems, [], "{}", template.id);
            assert_eq!(template.form.queue, "local");
            assert!(rendered.script.ends_with(&template.body));
        }
        let mut ids: Vec<_> = templates.iter().map(|template| &template.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), templates.len());
    }

    #[test]
    fn a_broken_template_is_named() {
        let error = read("x.toml", "id = 1", &JobForm::default()).unwrap_err().to_string();
        assert!(error.contains("catalogue/scripts/x.toml"), "{error}");
        let text = "id = 'x'\nbody = ''\ntitle = { en = '', ko = '' }\n[form]\nnodez = 1\n";
        assert!(read("x.toml", text, &JobForm::default()).unwrap_err().to_string().contains("nodez"));
    }
}
