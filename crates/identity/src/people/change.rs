//! What a provider's word changes of what a person may, for the audit log.

use myksc_core::User;
use myksc_core::user::Group;

/// The change in words, with the person's name first; none where she may what she might before.
pub(super) fn change_of(before: &User, after: &User, is_let_in: bool) -> Option<String> {
    let is_not_in = |groups: &[Group], group: &Group| groups.iter().all(|other| other.gid != group.gid);
    let gone = before.groups.iter().filter(|group| is_not_in(&after.groups, group));
    let new = after.groups.iter().filter(|group| is_not_in(&before.groups, group));
    let let_in = is_let_in.then(|| "let in".to_owned());
    let role = (before.role != after.role).then(|| format!("role {} → {}", before.role, after.role));
    let gid = (before.gid != after.gid).then(|| format!("gid {} → {}", before.gid, after.gid));
    let groups = gone.map(|group| named('-', group)).chain(new.map(|group| named('+', group)));
    let parts: Vec<_> = let_in.into_iter().chain(role).chain(gid).chain(groups).collect();
    (!parts.is_empty()).then(|| format!("{} ({})", after.name, parts.join(", ")))
}

/// A person who is seen for the first time.
pub(super) fn first_sight(user: &User) -> String {
    let groups = user.groups.iter().map(|group| named('+', group));
    let parts: Vec<_> = std::iter::once(format!("role {}", user.role)).chain(groups).collect();
    format!("{} ({})", user.name, parts.join(", "))
}

fn named(sign: char, group: &Group) -> String {
    format!("{sign}{}:{}", group.gid, group.name)
}

#[cfg(test)]
mod tests {
    use myksc_core::{Role, Timestamp, UserId};

    use super::*;

    #[test]
    fn a_change_names_what_came_and_what_went() {
        let group = |gid, name: &str| Group { gid, name: name.to_owned() };
        let before = User {
            id: UserId::random(),
            name: "kim".to_owned(),
            display_name: "김민지".to_owned(),
            uid: 1001,
            gid: 1001,
            groups: vec![group(1001, "kim"), group(2000, "old")],
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
            provider: "centre".to_owned(),
            role: Role::User,
            locked: false,
            created_at: Timestamp::from_millis(0),
        };
        let same = User {
            shell: "/bin/zsh".into(),
            groups: vec![group(1001, "renamed"), group(2000, "old")],
            ..before.clone()
        };
        assert_eq!(change_of(&before, &same, false), None);
        assert_eq!(change_of(&before, &same, true).as_deref(), Some("kim (let in)"));
        let groups = vec![group(1001, "kim"), group(3000, "operators")];
        let after = User { role: Role::Operator, gid: 3000, groups, ..before.clone() };
        let told = change_of(&before, &after, false);
        assert_eq!(
            told.as_deref(),
            Some("kim (role user → operator, gid 1001 → 3000, -2000:old, +3000:operators)")
        );
        assert_eq!(first_sight(&before), "kim (role user, +1001:kim, +2000:old)");
    }
}
