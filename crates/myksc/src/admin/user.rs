//! `admin user`: local accounts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use myksc_core::user::Group;
use myksc_core::{Error, FieldProblem, Role, User};
use myksc_identity::{AccountPolicy, PosixAccount, account_by_name, audited, group_name_of, own_account};
use serde_json::json;

use super::password::{Chosen, Source};
use super::{Desk, Refusal};
use crate::client::output::{plain, text};

/// Commands of `admin user`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an account. What is not given comes from this machine's account of the same name.
    Add(Box<Add>),
    /// List the accounts.
    List,
    /// Set an account's password; its sessions end and its API tokens are deleted.
    Passwd {
        /// The account's name.
        name: String,
        #[command(flatten)]
        source: Source,
    },
    /// Lock an account: its sessions end, it can't sign in, its API tokens are refused.
    Lock {
        /// The account's name.
        name: String,
    },
    /// Unlock an account.
    Unlock {
        /// The account's name.
        name: String,
    },
    /// Say what a local account's person is: user, project_leader, support or operator.
    Role {
        /// The account's name.
        name: String,
        /// Her role.
        role: Role,
    },
    /// Take a person's second factors away, as when her authenticator is lost; her sessions end.
    ResetFactor {
        /// The account's name.
        name: String,
    },
}

/// Arguments of `admin user add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The account's name.
    name: String,
    /// Name as the person writes it.
    #[arg(long)]
    display_name: Option<String>,
    /// Numeric user id.
    #[arg(long)]
    uid: Option<u32>,
    /// Numeric id of the primary group.
    #[arg(long)]
    gid: Option<u32>,
    /// A further group, as GID or GID:NAME; may be given several times.
    #[arg(long = "group", value_parser = parse_group)]
    groups: Vec<Group>,
    /// Home folder.
    #[arg(long)]
    home: Option<PathBuf>,
    /// Login shell.
    #[arg(long)]
    shell: Option<PathBuf>,
    /// Let the account be the one the portal runs as, although that is root or a system account.
    #[arg(long)]
    allow_root: bool,
    #[command(flatten)]
    source: Source,
}

impl Command {
    /// Runs one command.
    pub(super) async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        match self {
            Self::Add(add) => add.run(desk).await,
            Self::List => list(desk).await,
            Self::Passwd { name, source } => reset_password(desk, &name, &source).await,
            Self::Lock { name } => set_locked(desk, &name, true).await,
            Self::Unlock { name } => set_locked(desk, &name, false).await,
            Self::Role { name, role } => set_role(desk, &name, role).await,
            Self::ResetFactor { name } => reset_factor(desk, &name).await,
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        // Whoever may open the database works as the account that the portal runs as. Where nobody else is to sign in,
        // apps and jobs are processes of that account.
        let policy = AccountPolicy::of_this_process(self.allow_root, desk.is_of_one_person);
        let account = self.account()?;
        let chosen = self.source.choose()?;
        let accounts = &desk.access.accounts;
        let add = accounts.add(account, chosen.password.clone(), &policy);
        let user = audited(&desk.store, &desk.actor, "add_user", &self.name, add).await?;
        report(desk, &user, &chosen, "Added")
    }

    fn account(&self) -> Result<PosixAccount, Error> {
        let own = own_account();
        let known = if own.name == self.name { Some(own) } else { account_by_name(&self.name) };
        let missing = |field: &str| {
            let detail = format!("this machine has no account {:?}, so give --{field}", self.name);
            FieldProblem::new(field, "required", detail)
        };
        let of_known = |field: &str, value: Option<u32>| value.ok_or_else(|| Error::invalid(missing(field)));
        let uid = of_known("uid", self.uid.or(known.as_ref().map(|known| known.uid)))?;
        let gid = of_known("gid", self.gid.or(known.as_ref().map(|known| known.gid)))?;
        let path = |given: &Option<PathBuf>, known: Option<PathBuf>| given.clone().or(known);
        let home = path(&self.home, known.as_ref().map(|known| known.home.clone()));
        let shell = path(&self.shell, known.as_ref().map(|known| known.shell.clone()));
        let mut groups = vec![Group { gid, name: group_name_of(gid) }];
        let further = known.iter().flat_map(|known| &known.groups).chain(&self.groups);
        for group in further {
            if groups.iter().all(|held| held.gid != group.gid) {
                groups.push(group.clone());
            }
        }
        let display_name = self.display_name.clone().or(known.map(|known| known.display_name));
        Ok(PosixAccount {
            name: self.name.clone(),
            display_name: display_name.unwrap_or_else(|| self.name.clone()),
            uid,
            gid,
            groups,
            home: home.ok_or_else(|| Error::invalid(missing("home")))?,
            shell: shell.unwrap_or_else(|| PathBuf::from("/bin/sh")),
        })
    }
}

async fn list(desk: &Desk) -> Result<(), Refusal> {
    let users = desk.access.accounts.list().await?;
    let items: Vec<_> = users.iter().map(|user| json!(user)).collect();
    desk.out.list(&items, ["NAME", "UID", "GID", "HOME", "ROLE", "STATE", "DISPLAY NAME"], |user| {
        let state = if user["locked"] == true { "locked" } else { "" };
        let shown = |field: &str| text(user, field);
        [
            shown("/name"),
            shown("/uid"),
            shown("/gid"),
            shown("/home"),
            shown("/role"),
            state.to_owned(),
            shown("/display_name"),
        ]
    })?;
    Ok(())
}

async fn reset_password(desk: &Desk, name: &str, source: &Source) -> Result<(), Refusal> {
    let accounts = &desk.access.accounts;
    let user = accounts.by_name(name).await?;
    let chosen = source.choose()?;
    let reset = accounts.reset_password(&user.id, chosen.password.clone());
    audited(&desk.store, &desk.actor, "reset_password", name, reset).await?;
    report(desk, &user, &chosen, "Changed the password of")
}

async fn set_locked(desk: &Desk, name: &str, locked: bool) -> Result<(), Refusal> {
    let accounts = &desk.access.accounts;
    let user = accounts.by_name(name).await?;
    let action = if locked { "lock_user" } else { "unlock_user" };
    let set = accounts.set_locked(&user.id, locked);
    audited(&desk.store, &desk.actor, action, name, set).await?;
    // Her directory's word is its own: an operator takes back none but an operator's.
    let user = accounts.by_name(name).await?;
    let standing = desk.store.standing(&user.id).await.map_err(Error::from)?;
    let shut_out = standing.and_then(|standing| standing.shut_out);
    desk.out.value(&json!({ "user": user, "shut_out": shut_out }), |_| {
        let name = plain(&user.name);
        match &shut_out {
            _ if locked => format!("Locked {name}."),
            None => format!("Unlocked {name}."),
            Some(reason) => format!(
                "Took the operators' lock from {name}, who still can't sign in: {} shuts her out ({}). She gets in as \
                 soon as that lets her.",
                plain(&user.provider),
                plain(reason)
            ),
        }
    })?;
    Ok(())
}

async fn set_role(desk: &Desk, name: &str, role: Role) -> Result<(), Refusal> {
    let mut user = desk.access.accounts.by_name(name).await?;
    let set = desk.access.operators.set_role(&user, role);
    audited(&desk.store, &desk.actor, "set_role", &format!("{name} {role}"), set).await?;
    user.role = role;
    desk.out.value(&json!({ "user": user }), |_| format!("{} is {role} now.", plain(&user.name)))?;
    Ok(())
}

async fn reset_factor(desk: &Desk, name: &str) -> Result<(), Refusal> {
    let user = desk.access.accounts.by_name(name).await?;
    let reset = desk.access.factors.reset(&user.id);
    audited(&desk.store, &desk.actor, "reset_factor", name, reset).await?;
    let value = json!({ "user": user });
    desk.out.value(&value, |_| format!("Took the second factors of {} away.", plain(&user.name)))?;
    Ok(())
}

fn report(desk: &Desk, user: &User, chosen: &Chosen, done: &str) -> Result<(), Refusal> {
    let value = json!({ "user": user, "password": chosen.to_print() });
    desk.out.value(&value, |_| {
        let name = plain(&user.name);
        match chosen.to_print() {
            Some(password) => format!("{done} {name}.\nSign in: {name} / {password}"),
            None => format!("{done} {name}."),
        }
    })?;
    Ok(())
}

fn parse_group(text: &str) -> Result<Group, String> {
    let (gid, name) = text.split_once(':').map_or((text, None), |(gid, name)| (gid, Some(name)));
    let gid = gid.parse().map_err(|_| format!("{text:?} is no group; write GID or GID:NAME"))?;
    let name = name.filter(|name| !name.is_empty()).map_or_else(|| group_name_of(gid), str::to_owned);
    if name.chars().any(char::is_control) {
        return Err(format!("{text:?} is no group; write GID or GID:NAME"));
    }
    Ok(Group { gid, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbers_with_or_without_a_name() {
        assert_eq!(parse_group("2000:hpc"), Ok(Group { gid: 2000, name: "hpc".to_owned() }));
        assert_eq!(parse_group("4242424"), Ok(Group { gid: 4_242_424, name: "4242424".to_owned() }));
        for text in ["", "hpc", "-1", "1:a\nb", "99999999999"] {
            assert!(parse_group(text).is_err(), "{text:?}");
        }
    }
}
