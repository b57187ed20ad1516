//! From a template and what a person typed to the orders for a supervisor.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use myksc_core::app::StepRecord;
use myksc_core::grant::Endpoint;
use myksc_core::spool::{Limits, Spec};
use myksc_core::{App, Error, Identity, Step, Timestamp};
use myksc_spool::{Folder, SpoolError};

use super::record::Record;
use super::{Inner, place};
use crate::catalogue::{Recipe, Surroundings, Template};
use crate::runtime::orders::{text_of, values};
use crate::runtime::probe::ProbeOrders;

/// Where programs are looked for when the portal itself was not told.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Our agent, as its supervisor calls it: the very program that the supervisor is, also when the file is replaced.
const OWN_AGENT: [&str; 2] = ["/proc/self/exe", "agent"];

/// Everything that a launch writes.
#[derive(Debug)]
pub(super) struct Prepared {
    record: Record,
    spec: Spec,
    files: BTreeMap<PathBuf, String>,
    socket: Option<PathBuf>,
}

/// Works out a launch; nothing is written yet.
///
/// # Errors
/// What keeps the template from running here: no recipe, no program, no port, a path that is no text.
pub(super) fn prepare(
    inner: &Inner,
    identity: &Identity,
    app: &App,
    template: &Template,
) -> Result<Prepared, Error> {
    let Some(recipe) = &template.recipe else {
        let detail = format!("{} can't be launched on this machine", template.title.en);
        return Err(Error::conflict("template_unavailable", detail));
    };
    let folder = inner.folder(&app.id);
    let (program, image_ready) = find_program(inner, recipe)?;
    let endpoint = place::endpoint(recipe.listen, &inner.run_dir, &app.id)?;
    let surroundings = surroundings(inner, identity, app, template, &folder, &program, &endpoint)?;
    let socket = match &endpoint {
        Endpoint::Unix(path) => Some(path.clone()),
        Endpoint::Tcp(_) => None,
    };
    let record = Record {
        app: app.clone(),
        identity: identity.clone(),
        endpoint,
        authorization: recipe.authorization.clone(),
        image_ready,
        probe: ProbeOrders {
            path: recipe.probe.path.fill(&surroundings),
            statuses: recipe.probe.statuses.clone(),
            timeout_secs: recipe.probe.timeout.as_secs(),
        },
    };
    let spec = spec(inner, identity, app, recipe, &surroundings);
    let files = recipe.files.iter().map(|(path, text)| (path.clone(), text.fill(&surroundings)));
    let files = files.chain(inner.site.files().into_iter().map(|(path, text)| (path.into(), text))).collect();
    Ok(Prepared { record, spec, files, socket })
}

impl Prepared {
    /// Writes it all; the orders come last, so where they are the rest is too.
    pub(super) fn write(&self, folder: &Folder) -> Result<(), SpoolError> {
        for (path, text) in &self.files {
            write_file(folder.path(), path, text)?;
        }
        if let Some(socket) = &self.socket {
            // Left by an earlier generation; an app can't listen where a file is.
            let _ = fs::remove_file(socket);
        }
        folder.write_owner(&self.record)?;
        folder.write_spec(&self.spec)
    }
}

fn find_program(inner: &Inner, recipe: &Recipe) -> Result<(PathBuf, StepRecord), Error> {
    let step = |source: String| StepRecord { step: Step::ImageReady, at: Timestamp::now(), source };
    let Some(program) = &recipe.program else {
        return Ok((PathBuf::new(), step("this machine".to_owned())));
    };
    let path = inner.programs.locate(program).ok_or_else(|| Error::Conflict {
        code: "program_missing",
        params: [("program".to_owned(), program.name.clone().into())].into(),
        detail: format!("{} is not on this machine", program.name),
    })?;
    let version = inner.programs.known_version(&path).unwrap_or_default();
    let source = format!("{} {version}", path.display());
    Ok((path, step(source.trim_end().to_owned())))
}

fn surroundings(
    inner: &Inner,
    identity: &Identity,
    app: &App,
    template: &Template,
    folder: &Folder,
    program: &Path,
    endpoint: &Endpoint,
) -> Result<Surroundings, Error> {
    let (socket, port) = match endpoint {
        Endpoint::Unix(path) => (text_of(path)?, String::new()),
        Endpoint::Tcp(address) => (String::new(), address.port().to_string()),
    };
    Ok(Surroundings {
        home: text_of(&identity.home)?,
        user: identity.name.clone(),
        folder: text_of(folder.path())?,
        program: text_of(program)?,
        agent: OWN_AGENT.map(str::to_owned).into(),
        socket,
        port,
        secret: inner.secret_key.of_app(&app.id, app.generation),
        values: values(identity, app, template)?,
    })
}

fn spec(inner: &Inner, identity: &Identity, app: &App, recipe: &Recipe, surroundings: &Surroundings) -> Spec {
    Spec {
        generation: app.generation,
        command: recipe.command(surroundings),
        environment: environment(inner, identity, app, recipe, surroundings),
        work_dir: identity.home.clone(),
        stdin: None,
        stdout: None,
        stderr: None,
        log_limit_bytes: Some(inner.log_limit_bytes),
        limits: Limits {
            cpu_millis: Some(app.resources.cpu_millis),
            memory_bytes: Some(app.resources.memory_bytes),
            walltime_secs: None,
        },
        grace_secs: recipe.grace.as_secs(),
    }
}

/// What a login gives a process, the template's own variables, and the site's above both.
fn environment(
    inner: &Inner,
    identity: &Identity,
    app: &App,
    recipe: &Recipe,
    surroundings: &Surroundings,
) -> BTreeMap<String, String> {
    let inherited = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let mut environment = BTreeMap::from([
        ("HOME".to_owned(), surroundings.home.clone()),
        ("USER".to_owned(), identity.name.clone()),
        ("LOGNAME".to_owned(), identity.name.clone()),
        ("SHELL".to_owned(), identity.shell.to_str().unwrap_or("/bin/sh").to_owned()),
        ("PATH".to_owned(), inherited("PATH", DEFAULT_PATH)),
        ("LANG".to_owned(), inherited("LANG", "C.UTF-8")),
        ("MYKSC_APP".to_owned(), app.id.to_string()),
    ]);
    environment.extend(recipe.environment.iter().map(|(name, text)| (name.clone(), text.fill(surroundings))));
    environment.extend(inner.site.variables(&surroundings.folder));
    // The kernel takes no NUL; nothing that was checked holds one.
    environment.retain(|_, value| !value.contains('\0'));
    environment
}

fn write_file(folder: &Path, path: &Path, text: &str) -> Result<(), SpoolError> {
    let path = folder.join(path);
    let at = |source| SpoolError::Io { path: path.clone(), source };
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(at)?;
    }
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(at)?;
    file.write_all(text.as_bytes()).map_err(at)
}
