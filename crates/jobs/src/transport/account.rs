//! Which accounts the portal acts for on a cluster, by whichever way.

use myksc_core::Identity;

use super::TransportError;

/// Accounts of the system whatever their UID: Debian gives Slurm's 64030.
const SYSTEM_NAMES: [&str; 2] = ["root", "slurm"];

/// Refuses who has no account that is a person's.
pub(super) fn check_here(who: &Identity, min_uid: u32) -> Result<(), TransportError> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_name = !who.name.starts_with(['-', '.']) && !who.name.is_empty() && who.name.bytes().all(is_safe);
    if !is_name || SYSTEM_NAMES.contains(&who.name.as_str()) {
        return Err(not_let_in(format!("{:?} is no account that commands run as", who.name)));
    }
    check_uid(&who.name, who.uid, min_uid)
}

/// Refuses a UID that belongs to the system.
pub(super) fn check_uid(name: &str, uid: u32, min_uid: u32) -> Result<(), TransportError> {
    if uid == 0 || uid < min_uid {
        return Err(not_let_in(format!("UID {uid} of {name} is below {min_uid}: it belongs to the system")));
    }
    Ok(())
}

/// Refuses numbers that are another person's, where the site does not declare that names alone count.
pub(super) fn check_numbers(who: &Identity, uid: u32, gid: u32) -> Result<(), TransportError> {
    if (uid, gid) == (who.uid, who.gid) {
        return Ok(());
    }
    let (name, own_uid, own_gid) = (&who.name, who.uid, who.gid);
    let detail = format!("{name} is UID {uid} and GID {gid} there and UID {own_uid} and GID {own_gid} here");
    Err(not_let_in(detail))
}

pub(super) fn not_let_in(detail: String) -> TransportError {
    TransportError::NotLetIn(detail)
}

#[cfg(test)]
mod tests {
    use myksc_core::UserId;

    use super::*;

    fn kim() -> Identity {
        Identity {
            user: UserId::random(),
            name: "kim".to_owned(),
            uid: 20001,
            gid: 20001,
            gids: vec![20001, 30001],
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
        }
    }

    #[test]
    fn only_people_with_names_and_numbers_of_people_are_asked_for() {
        assert!(check_here(&kim(), 1000).is_ok());
        for name in ["", "root", "slurm", "-oProxyCommand=x", "kim lee", "kim,root", "김", ".."] {
            let stranger = Identity { name: name.to_owned(), ..kim() };
            assert!(check_here(&stranger, 1000).is_err(), "{name:?}");
        }
        for uid in [0, 999] {
            assert!(check_here(&Identity { uid, ..kim() }, 1000).is_err(), "{uid}");
            assert!(check_here(&Identity { uid: 0, ..kim() }, 0).is_err());
        }
    }

    #[test]
    fn numbers_of_another_person_are_none_of_hers() {
        assert!(check_numbers(&kim(), 20001, 20001).is_ok());
        for (uid, gid) in [(20002, 20001), (20001, 20002), (0, 0)] {
            assert!(check_numbers(&kim(), uid, gid).is_err(), "{uid} {gid}");
        }
    }
}
