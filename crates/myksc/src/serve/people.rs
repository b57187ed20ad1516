//! People of directories: the rules for them as the configuration says, and an end to what those run who are shut out.

use std::sync::Arc;
use std::time::Duration;

use myksc_apps::Apps;
use myksc_core::{AppPhase, Result, Translated};
use myksc_identity::{
    AccountPolicy, Actor, Directories, LdapDirectory, Nss, People, PeoplePolicy, RoleRules, audited,
};
use myksc_store::Store;
use tokio::time::MissedTickBehavior;

use crate::config::{Config, DirectoryKind, broken};
use crate::exit::Failure;

/// How often those are looked for who were shut out by another process, or launched something at the last moment.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The rules, and the directories ready to be asked.
pub(super) fn policy(config: &Config) -> Result<PeoplePolicy, Failure> {
    // The portal has no rights of theirs: they run nothing on this machine, but have accounts and batch jobs.
    let accounts =
        AccountPolicy { min_uid: config.identity.min_uid, ..AccountPolicy::of_this_process(false, false) };
    let roles = config.roles.iter().map(|rule| (rule.role, rule.groups.clone())).collect();
    Ok(PeoplePolicy {
        home_roots: config.identity.home_roots.clone(),
        roles: RoleRules::new(roles),
        directories: directories(config)?,
        ..PeoplePolicy::new(accounts)
    })
}

/// Stops the apps of everybody who may not be here, for as long as it is polled: at once when somebody is shut out,
/// and now and then, so that nothing is lost by a crash in between.
pub(super) async fn stop_apps(people: People, apps: Apps, store: Store) {
    let mut shut_out = people.subscribe();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // Whoever it was, or if too many were: everybody is looked at.
            _ = shut_out.recv() => {}
        }
        if let Err(error) = stop_once(&people, &apps, &store).await {
            tracing::warn!(%error, "apps of people who are shut out could not be stopped; tried again soon");
        }
    }
}

async fn stop_once(people: &People, apps: &Apps, store: &Store) -> Result<()> {
    for user in people.locked_with_apps().await? {
        for app in apps.list(&user).await? {
            if matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
                tracing::info!(name = user.name, app = %app.id, "an app of a person who is shut out is stopped");
                let stop = apps.stop(&user, &app.id);
                audited(store, &Actor::portal(), "stop_app", app.id.as_str(), stop).await?;
            }
        }
    }
    Ok(())
}

fn directories(config: &Config) -> Result<Directories, Failure> {
    let mut directories = Directories::default();
    for directory in &config.directory {
        let id = &directory.id;
        match directory.kind {
            DirectoryKind::Nss => directories.add(id, Arc::new(Nss::new(directory.timeout()))),
            DirectoryKind::Ldap => {
                let ldap = LdapDirectory::new(directory.ldap()?)
                    .map_err(|error| broken(format!("directory {id:?}: {error}")))?;
                let title = directory.title.clone().unwrap_or_else(|| Translated::same(id));
                directories.add_with_passwords(id, title, ldap);
            }
        }
    }
    for oidc in &config.oidc {
        match oidc.directory() {
            Some(directory) if directories.assign(&oidc.id, directory) => {}
            Some(_) => return Err(oidc.broken("there is no such directory")),
            None => directories.assign_to_claims(&oidc.id),
        }
    }
    Ok(directories)
}
