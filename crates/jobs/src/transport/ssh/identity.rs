//! Whether the account on the login node is the person that the portal means.

use std::collections::BTreeSet;

use myksc_core::Identity;

use super::super::account::{check_numbers, check_uid, not_let_in};
use super::super::{Output, TransportError};

/// Asks for UID, GID and all groups, a line each; id(1).
pub(super) const QUESTION: [&str; 3] = ["sh", "-c", "id -u && id -g && id -G"];

/// What has to be the same here and there, as the site declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SameIdentity {
    /// UID, GID and all groups.
    #[default]
    Everything,
    /// UID and GID; the cluster has groups of its own.
    UidAndGid,
    /// The name: the cluster numbers its people by itself.
    Name,
}

/// Compares what the account over there says of itself.
pub(super) fn check_there(
    who: &Identity,
    answer: &Output,
    same: SameIdentity,
    min_uid: u32,
) -> Result<(), TransportError> {
    let said = String::from_utf8_lossy(&answer.stdout);
    let account = numbers(&said).filter(|_| answer.exit_code == Some(0));
    let Some((uid, gid, gids)) = account else {
        return Err(TransportError::Unreachable(format!("id(1) of {} answers {said:?}", who.name)));
    };
    check_uid(&who.name, uid, min_uid)?;
    if same != SameIdentity::Name {
        check_numbers(who, uid, gid)?;
    }
    let here: BTreeSet<u32> = who.gids.iter().copied().chain([who.gid]).collect();
    let there: BTreeSet<u32> = gids.into_iter().chain([gid]).collect();
    if same == SameIdentity::Everything && here != there {
        let detail = format!("{} is in the groups {there:?} there and {here:?} here", who.name);
        return Err(not_let_in(detail));
    }
    Ok(())
}

/// UID, GID and all groups, a line each.
fn numbers(said: &str) -> Option<(u32, u32, Vec<u32>)> {
    let lines: Vec<&str> = said.lines().collect();
    let [uid, gid, gids] = lines.as_slice() else { return None };
    let gids = gids.split_ascii_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    Some((uid.parse().ok()?, gid.parse().ok()?, gids))
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

    fn answer(stdout: &str) -> Output {
        Output { exit_code: Some(0), stdout: stdout.into(), stderr: Vec::new(), is_cut: false }
    }

    #[test]
    fn a_difference_is_refused_unless_the_site_declares_it() {
        use SameIdentity::{Everything, Name, UidAndGid};
        let cases = [
            ("20001\n20001\n20001 30001\n", vec![Everything, UidAndGid, Name]),
            ("20001\n20001\n30001 20001\n", vec![Everything, UidAndGid, Name]),
            ("20001\n20001\n20001 30002\n", vec![UidAndGid, Name]),
            ("20001\n100\n100 30001\n", vec![Name]),
            ("5001\n5001\n5001\n", vec![Name]),
            ("0\n0\n0\n", vec![]),
            ("999\n999\n999\n", vec![]),
            ("", vec![]),
            ("20001\n20001\n", vec![]),
            ("20001 1\n20001\n20001 30001\n", vec![]),
            ("id: cannot find name\n20001\n20001\n", vec![]),
        ];
        for (said, accepted) in cases {
            for same in [Everything, UidAndGid, Name] {
                let is_accepted = check_there(&kim(), &answer(said), same, 1000).is_ok();
                assert_eq!(is_accepted, accepted.contains(&same), "{said:?} {same:?}");
            }
        }
    }
}
