//! The services of the portal, made as the configuration says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use myksc_api::{NamedSystem, Site};
use myksc_apps::{Apps, AppsConfig, Place, SecretKey, StartError};
use myksc_core::grant::Endpoint;
use myksc_core::{Error, Identity, Translated, UserId};
use myksc_files::{AgentProgram, Deadlines, Elsewhere, Files, FurtherRoot};
use myksc_identity::{Access, AccessConfig, Clock, FactorRules, FactorSettings, Seal, SessionLimits};
use myksc_jobs::scheduler::Scheduler;
use myksc_jobs::transport::{Exec, Ssh, Transport};
use myksc_jobs::{
    CommandsConfig, Jobs, Local, LocalConfig, Pbs, Roots, RootsOf, SiteRules, Slurm, SlurmRest, SystemConfig,
};
use myksc_spool::SupervisorProgram;
use myksc_store::Store;

use crate::config::{self, Config, SchedulerKind, System, broken};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::state_folder::StateFolder;

/// The longest name of a socket below the folder for them.
const SOCKET_NAME_BYTES: usize = 32;

/// Where apps run.
pub(super) fn systems_of_apps(config: &Config) -> Vec<NamedSystem> {
    let of_apps = match &config.kubernetes {
        Some(kubernetes) => NamedSystem { id: "kubernetes".to_owned(), title: kubernetes.title.clone() },
        None => this_machine(),
    };
    vec![of_apps]
}

/// The machine that the portal runs on, as a system for jobs and apps.
fn this_machine() -> NamedSystem {
    let title = Translated { en: "This machine".to_owned(), ko: "이 컴퓨터".to_owned() };
    NamedSystem { id: "local".to_owned(), title }
}

/// Sign-in, sessions, tokens and tickets.
pub(super) fn access(
    config: &Config,
    folder: &StateFolder,
    store: &Store,
    site: &Site,
) -> Result<Access, Failure> {
    let accounts = &config.accounts;
    let limits = SessionLimits {
        idle_secs: i64::from(accounts.session_idle_secs),
        absolute_secs: i64::from(accounts.session_max_secs),
    };
    let seal = Seal::new(&folder.sealing_key()?).or_exit(Exit::Failed, "the sealing key")?;
    let factors = FactorSettings {
        issuer: site.name.en.clone(),
        origin: Some(site.origin.clone()),
        rules: FactorRules::local(config.sign_in.second_factor.into()),
    };
    let providers = config.oidc.iter().map(|oidc| oidc.provider(&config.roles));
    let providers = providers.collect::<Result<Vec<_>, _>>()?;
    let token_max_days = accounts.token_max_days;
    let people = super::people::policy(config)?;
    let database_grace_secs = config.state.database_grace_secs.into();
    let fixed = AccessConfig { database_grace_secs, ..AccessConfig::new(seal) };
    let config = AccessConfig { limits, token_max_days, factors, people, ..fixed };
    let access = Access::new(store, config, &Clock::system());
    access.with_oidc(&site.origin, providers).map_err(|(id, error)| broken(format!("oidc {id:?}: {error}")))
}

/// Everybody's files.
pub(super) fn files(config: &Config, folder: &StateFolder, apps: &Apps) -> Result<Files, Failure> {
    let further = config.files.roots.iter().map(|root| FurtherRoot {
        id: root.id.clone(),
        title: root.title.clone(),
        path: root.path.clone(),
    });
    Ok(Files::new(myksc_files::Config {
        program: AgentProgram::own(),
        agents_dir: folder.folder("agents")?,
        run_dir: folder.socket_folder(SOCKET_NAME_BYTES)?,
        further_roots: further.collect(),
        elsewhere: config.kubernetes.is_some().then(|| agents_on_cluster(apps.clone())),
        deadlines: Deadlines::default(),
    }))
}

/// The agents of people whose apps run on a cluster are there, too.
fn agents_on_cluster(apps: Apps) -> Elsewhere {
    Elsewhere::new(move |identity, is_lost| {
        let apps = apps.clone();
        Box::pin(async move {
            match apps.agent(&identity, is_lost).await? {
                Some(Place { endpoint: Endpoint::Tcp(address), guard: Some(key), .. }) => Ok((address, key)),
                _ => Err(Error::conflict("agent_not_started", "the runtime has no agent for her")),
            }
        })
    })
}

/// Everybody's apps, those that run already included.
pub(super) async fn apps(config: &Config, folder: &StateFolder, store: &Store) -> Result<Apps, Failure> {
    let site = config.apps.site_settings()?;
    let apps = AppsConfig {
        apps_dir: folder.folder("apps")?,
        run_dir: folder.socket_folder(SOCKET_NAME_BYTES)?,
        catalogue_dir: config.apps.catalogue.clone(),
        program_folders: config.apps.program_folders.clone(),
        supervisor: SupervisorProgram::own(),
        secret_key: SecretKey::new(folder.secret_key()?),
        log_limit_bytes: config.apps.log_limit_bytes,
        idle: config.apps.idle.rules(),
        kubernetes: config.kubernetes.as_ref().map(|cluster| cluster.runtime(site.clone())).transpose()?,
        site,
    };
    // A group that hangs in the kernel must not keep the portal from starting.
    drop(tokio::task::spawn_blocking(myksc_agent::supervisor::sweep_control_groups));
    Apps::start(apps, store.clone()).await.map_err(|error| match error {
        // One line, however much is wrong.
        StartError::Catalogue(error) => broken(error.to_string().lines().collect::<Vec<_>>().join("; ")),
        StartError::Other(error) => Failure::caused(Exit::Failed, "the apps", &error),
    })
}

/// The systems for batch jobs, and what was left to do for them.
pub(super) async fn jobs(config: &Config, folder: &StateFolder, store: &Store) -> Result<Jobs, Failure> {
    let mut systems = Vec::new();
    if config.queue.enabled {
        let local =
            Local::start(local_queue(config, folder)?).await.or_exit(Exit::Failed, "the local queue")?;
        let NamedSystem { id, title } = this_machine();
        let (scheduler, rules) = (Arc::new(local), SiteRules::NONE);
        systems.push(SystemConfig { id, title, scheduler, rules });
    }
    for system in &config.system {
        let (id, title) = (system.id.clone(), system.title.clone());
        let scheduler = scheduler_of(config, system)?;
        systems.push(SystemConfig { id, title, scheduler, rules: system.rules() });
    }
    Ok(Jobs::start(store.clone(), systems, roots_of(config)))
}

/// What runs the jobs of a cluster, by the way that leads there.
fn scheduler_of(config: &Config, system: &System) -> Result<Arc<dyn Scheduler>, Failure> {
    let min_uid = config.identity.min_uid;
    if let Some(rest) = &system.rest {
        let slurm = SlurmRest::start(rest.config(system, min_uid)?);
        let slurm = slurm.map_err(|error| broken(format!("system {:?}: rest.{error}", system.id)))?;
        return Ok(Arc::new(slurm));
    }
    let (transport, observer): (Arc<dyn Transport>, _) = match &system.ssh {
        Some(ssh) => (Arc::new(Ssh::new(ssh.transport(system, min_uid)?)), ssh.observer()),
        None => (Arc::new(Exec::new(&system.path)), own_account()),
    };
    let commands = CommandsConfig {
        transport,
        observer,
        environment: system.environment.clone().into_iter().collect(),
        poll_every: Duration::from_secs(system.poll_secs.into()),
    };
    Ok(match system.scheduler {
        SchedulerKind::Slurm => Arc::new(Slurm::start(commands)),
        SchedulerKind::Pbs => Arc::new(Pbs::start(commands)),
    })
}

/// The portal's own system account, whose commands look at everybody's jobs.
fn own_account() -> Identity {
    Identity {
        user: UserId::random(),
        name: "portal".to_owned(),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        gids: Vec::new(),
        home: "/".into(),
        shell: "/bin/sh".into(),
    }
}

fn local_queue(config: &Config, folder: &StateFolder) -> Result<LocalConfig, Failure> {
    let mut local = LocalConfig::new(folder.folder("jobs")?, SupervisorProgram::own());
    for queue in &mut local.queues {
        if config.queue.slots > 0 {
            *queue = queue.clone().with_slots(config.queue.slots);
        }
        queue.max_walltime_secs = config.queue.max_walltime_secs;
        queue.default_walltime_secs = queue.default_walltime_secs.min(queue.max_walltime_secs);
    }
    Ok(local)
}

/// A person's roots as her jobs see them.
fn roots_of(config: &Config) -> RootsOf {
    let further: Vec<config::Root> = config.files.roots.clone();
    Arc::new(move |who: &Identity| {
        let home = ("home".to_owned(), who.home.clone());
        let further = further
            .iter()
            .map(|root| (root.id.clone(), PathBuf::from(root.path.replace("{name}", &who.name))));
        Roots::new(std::iter::once(home).chain(further))
    })
}
