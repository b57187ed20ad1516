//! From a template and what a person typed to what a launch needs on the cluster.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use myksc_core::{App, Error, FieldProblem, Identity};

use super::config::KubernetesConfig;
use super::definition::Definition;
use super::manifests::{APP_DIR, APP_PORT, GUARD_PORT, Launch, Listens, SOCKET};
use crate::catalogue::{ImageSource, Listen, Recipe, Surroundings, Template};
use crate::image::{ImageReference, ImageRules};
use crate::runtime::orders::{text_of, values};
use crate::runtime::probe::ProbeOrders;
use crate::secret::SecretKey;

/// Our agent in an image whose template calls it.
const AGENT: &str = "/usr/local/bin/myksc-agent";

/// Refuses whom no pod may run as, whatever vouched for her. The admission policies of the cluster do so, too.
///
/// # Errors
/// `Forbidden` with the reason.
pub(super) fn check(who: &Identity) -> Result<(), Error> {
    let forbidden = |detail: &str| Error::Forbidden { code: "identity_refused", detail: detail.to_owned() };
    if who.uid == 0 || who.gid == 0 || who.gids.contains(&0) {
        return Err(forbidden("nothing runs as root or in its group"));
    }
    if !is_plain(&who.home) {
        return Err(forbidden("her home folder is no plain absolute path"));
    }
    Ok(())
}

/// Absolute, without `..`, and without what separates paths in lists of them.
fn is_plain(path: &Path) -> bool {
    let is_normal = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    let Some(text) = path.to_str() else { return false };
    path.is_absolute()
        && path.components().count() > 1
        && path.components().all(is_normal)
        && !text.contains([':', '\n', '\0', '{', '}'])
}

/// Whether a person may run the image that she names.
pub(super) fn check_image(
    rules: &ImageRules,
    template: &Template,
    values: &BTreeMap<String, String>,
) -> Option<FieldProblem> {
    let id = template.image_field()?;
    let field = format!("values.{id}");
    match values.get(id)?.parse::<ImageReference>() {
        Ok(image) if rules.allow(&image) => None,
        Ok(_) => {
            let allowed = rules.texts();
            let detail = format!("your centre allows these images: {}", allowed.join(", "));
            Some(FieldProblem::new(field, "image_not_allowed", detail).with("allowed", allowed))
        }
        Err(fault) => Some(FieldProblem::new(field, fault.code(), fault.to_string())),
    }
}

/// Whether an app can have the port that a person names: the guard in its pod has one already.
pub(super) fn check_port(template: &Template, values: &BTreeMap<String, String>) -> Option<FieldProblem> {
    let id = template.recipe.as_ref()?.port.as_ref()?.only_field()?;
    (values.get(id)?.parse() == Ok(GUARD_PORT)).then(|| {
        let detail = format!("{GUARD_PORT} is taken in every app's place; choose another");
        FieldProblem::new(format!("values.{id}"), "port_taken", detail).with("port", GUARD_PORT.to_string())
    })
}

/// Works out a launch; nothing is asked of the cluster yet.
///
/// # Errors
/// What keeps the template from running here: no recipe, no image, an image that is not allowed, a path that is no text.
pub(super) fn prepare<'a>(
    config: &'a KubernetesConfig,
    key: &SecretKey,
    namespace: &'a str,
    who: &Identity,
    app: &App,
    template: &Template,
) -> Result<Launch<'a>, Error> {
    let recipe = template.recipe.as_ref().and_then(|recipe| Some((recipe, recipe.image.as_ref()?)));
    let Some((recipe, image)) = recipe else {
        let detail = format!("{} has no image for the cluster", template.title.en);
        return Err(Error::conflict("template_unavailable", detail));
    };
    // What was checked with the launch may have been found on the cluster since, or be of other rules.
    if let Some(problem) = check_image(&config.images, template, &app.values) {
        return Err(Error::invalid(problem));
    }
    let surroundings = Surroundings {
        home: text_of(&who.home)?,
        user: who.name.clone(),
        folder: APP_DIR.to_owned(),
        program: image.program.clone(),
        agent: vec![AGENT.to_owned()],
        socket: SOCKET.to_owned(),
        port: String::new(),
        secret: key.of_app(&app.id, app.generation),
        values: values(who, app, template)?,
    };
    let port = port_of(recipe, &surroundings)?;
    let surroundings = Surroundings { port: port.to_string(), ..surroundings };
    let site = config.site.variables(APP_DIR);
    let own = recipe.environment.iter().filter(|(name, _)| !site.contains_key(*name));
    let environment = own.map(|(name, text)| (name.clone(), text.fill(&surroundings))).collect();
    let files = recipe.files.iter().map(|(path, text)| Ok((text_of(path)?, text.fill(&surroundings))));
    let files = files.chain(config.site.files().into_iter().map(Ok));
    Ok(Launch {
        config,
        namespace,
        definition: Definition {
            app: app.clone(),
            owner: who.clone(),
            own_image: own_image(template, app),
            authorization: recipe.authorization.clone(),
            probe: ProbeOrders {
                path: recipe.probe.path.fill(&surroundings),
                statuses: recipe.probe.statuses.clone(),
                timeout_secs: recipe.probe.timeout.as_secs(),
            },
        },
        image: image_of(config, &image.source, &app.values),
        command: recipe.command(&surroundings),
        environment,
        site,
        files: files.collect::<Result<BTreeMap<_, _>, Error>>()?,
        listens: match recipe.listen {
            Listen::Unix => Listens::Socket,
            Listen::Tcp => Listens::Port(port),
        },
        guard_key: key.of_guard(&app.id, app.generation),
        grace_secs: recipe.grace.as_secs(),
    })
}

/// The image that the person has named.
fn own_image(template: &Template, app: &App) -> Option<ImageReference> {
    app.values.get(template.image_field()?)?.parse().ok()
}

/// The loopback port of an app in its pod.
fn port_of(recipe: &Recipe, surroundings: &Surroundings) -> Result<u16, Error> {
    let Some(port) = &recipe.port else { return Ok(APP_PORT) };
    let text = port.fill(surroundings);
    text.parse().map_err(|_| Error::conflict("template_unavailable", format!("{text:?} is no port")))
}

/// The whole name of an image. A person's is one; a template's is below the site's registry unless it names one
/// (distribution/reference: the first part is a host if it holds a dot or a colon, or is `localhost`).
fn image_of(config: &KubernetesConfig, source: &ImageSource, values: &BTreeMap<String, String>) -> String {
    let name = match source {
        ImageSource::Template(name) => name,
        ImageSource::Field(id) => return values.get(id).cloned().unwrap_or_default(),
    };
    let names_a_registry =
        name.split_once('/').is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost");
    if names_a_registry || config.registry.is_empty() {
        return name.clone();
    }
    format!("{}/{name}", config.registry.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use myksc_core::UserId;

    use super::super::tests::config;
    use super::*;

    fn who(uid: u32, gids: &[u32], home: &str) -> Identity {
        Identity {
            user: UserId::random(),
            name: "kim".to_owned(),
            uid,
            gid: gids[0],
            gids: gids.to_vec(),
            home: home.into(),
            shell: "/bin/sh".into(),
        }
    }

    #[test]
    fn nobody_runs_as_root_or_with_a_home_that_is_no_plain_path() {
        check(&who(20001, &[20001, 30001], "/home/kim")).unwrap();
        for (uid, gids, home) in [
            (0, &[1][..], "/home/kim"),
            (20001, &[0], "/home/kim"),
            (20001, &[20001, 0], "/home/kim"),
            (20001, &[20001], "home/kim"),
            (20001, &[20001], "/"),
            (20001, &[20001], "/home/kim/../lee"),
            (20001, &[20001], "/home/kim:/home/lee"),
            (20001, &[20001], "/home/{name}"),
        ] {
            assert!(check(&who(uid, gids, home)).is_err(), "{uid} {gids:?} {home}");
        }
    }

    #[test]
    fn an_image_is_of_the_sites_registry_unless_it_names_one() {
        let config = KubernetesConfig { registry: "registry.example.org/myksc/".to_owned(), ..config() };
        for (name, expected) in [
            ("jupyterlab:4.6.6", "registry.example.org/myksc/jupyterlab:4.6.6"),
            ("lab/jupyterlab:1", "registry.example.org/myksc/lab/jupyterlab:1"),
            ("127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1"),
            ("localhost/x:1", "localhost/x:1"),
            ("other.example.org/x@sha256:aa", "other.example.org/x@sha256:aa"),
        ] {
            let source = ImageSource::Template(name.to_owned());
            assert_eq!(image_of(&config, &source, &BTreeMap::new()), expected);
        }
    }
}
