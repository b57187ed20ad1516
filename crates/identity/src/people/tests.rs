mod known;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use myksc_core::{Error, Result, Role, Translated, User, UserId};
use myksc_store::Store;
use myksc_testdb::{each_engine, sqlite_store};

use super::{Directories, PeoplePolicy, RoleRules};
use crate::account::AccountPolicy;
use crate::clock::Clock;
use crate::ldap::LdapDirectory;
use crate::ldap::slapd::{BASE, Slapd, dn, entry, group, person};
use crate::seal::Seal;
use crate::sign_in::Credentials;
use crate::testing::somewhere;
use crate::tokens::TokenWish;
use crate::{Access, AccessConfig, Opened};

use known::{Known, entry_of};

const NOW: Duration = Duration::ZERO;

/// A portal whose people come from these directories; every group `operators` makes operators.
fn portal(store: &Store, directories: Directories) -> Access {
    portal_with_homes(store, directories, Path::new("/home"))
}

/// The same with homes elsewhere.
fn portal_with_homes(store: &Store, directories: Directories, homes: &Path) -> Access {
    let accounts = AccountPolicy { own_uid: 990, allow_root: false, local: false, min_uid: 1000 };
    let people = PeoplePolicy {
        home_roots: vec![homes.to_owned()],
        roles: RoleRules::new(vec![(Role::Operator, vec!["operators".to_owned()])]),
        directories,
        ..PeoplePolicy::new(accounts)
    };
    let config = AccessConfig { people, ..AccessConfig::new(Seal::new(&[7; 32]).unwrap()) };
    Access::new(store, config, &Clock::system())
}

fn ldap(slapd: &Slapd) -> Directories {
    let mut directories = Directories::default();
    let directory = LdapDirectory::new(slapd.config()).unwrap();
    directories.add_with_passwords("centre", Translated::same("Centre"), directory);
    directories
}

async fn sign_in(access: &Access, name: &str) -> Result<Opened> {
    let password = SecretString::from(format!("{name}'s"));
    let given = Credentials { provider: Some("centre"), name, password: &password };
    Ok(access.sign_in.sign_in(given, &somewhere(), None).await?.opened().expect("no second step is due"))
}

async fn on_record(store: &Store, name: &str) -> User {
    store.user_by_name(name).await.unwrap().expect("somebody of that name").user
}

/// What the directory changed of people, by the audit log.
async fn changes(store: &Store) -> Vec<String> {
    let entries = store.audit_entries(99).await.unwrap();
    let changes =
        entries.into_iter().filter(|entry| entry.action == "update_user" && entry.actor == "portal");
    changes.map(|entry| entry.object).collect()
}

fn group_names(user: &User) -> Vec<&str> {
    user.groups.iter().map(|group| group.name.as_str()).collect()
}

#[tokio::test]
async fn people_of_a_directory_sign_in_and_become_users_of_the_portal() {
    let slapd =
        Slapd::start(&[person("kim", 71001, ""), group("operators", 71109, "memberUid: kim")].concat()).await;
    let (store, _folder) = sqlite_store().await;
    let access = portal(&store, ldap(&slapd));
    let first = sign_in(&access, "kim").await.unwrap().verified.user;
    assert_eq!((first.provider.as_str(), first.uid, first.role), ("centre", 71001, Role::Operator));
    assert_eq!(sign_in(&access, "kim").await.unwrap().verified.user.id, first.id);
    let wrong = sign_in(&access, "kim' or '1'='1").await;
    assert!(matches!(wrong, Err(Error::WrongCredentials)), "{wrong:?}");
    assert!(access.people.is_reachable("centre"));
}

#[tokio::test]
async fn whoever_breaks_a_rule_is_refused_with_the_reason_in_the_audit_log() {
    let hostile = [
        person("kim", 71001, ""),
        person("toor", 0, ""),
        person("low", 999, ""),
        person("overflow", 65534, ""),
        person("twin", 71001, ""),
        entry(&dn("outside"), "outside", 71011, "/home/../etc", ""),
        entry(&dn("elsewhere"), "elsewhere", 71012, "/srv/elsewhere", ""),
        entry(&dn("root-of-homes"), "root-of-homes", 71013, "/home/", ""),
        entry(&dn("cuckoo"), "cuckoo", 71014, "/home//first", ""),
        person("first", 71015, ""),
        person("wheel", 71016, ""),
        group("root", 0, "memberUid: wheel"),
        person("local", 71017, ""),
    ];
    let slapd = Slapd::start(&hostile.concat()).await;
    let (store, _folder) = sqlite_store().await;
    let access = portal(&store, ldap(&slapd));
    let first = sign_in(&access, "first").await.unwrap().verified.user;
    let local = User {
        id: UserId::random(),
        name: "local".to_owned(),
        uid: 71090,
        home: "/home/on-this-machine".into(),
        provider: User::LOCAL.to_owned(),
        ..first
    };
    store.create_user(&local, None).await.unwrap();
    for (name, code) in [
        ("toor", "identity_uid_is_root"),
        ("low", "identity_uid_is_system"),
        ("overflow", "identity_uid_is_reserved"),
        // Neither this machine nor the portal knows whose it is.
        ("twin", "identity_uid_taken"),
        ("kim", "identity_uid_taken"),
        ("outside", "identity_refused"),
        ("elsewhere", "identity_home_outside"),
        ("root-of-homes", "identity_home_outside"),
        ("cuckoo", "identity_home_taken"),
        ("wheel", "identity_gid_is_reserved"),
        ("local", "identity_name_taken"),
    ] {
        let refusal = sign_in(&access, name).await.unwrap_err();
        assert!(matches!(refusal, Error::Forbidden { code: is, .. } if is == code), "{name}: {refusal:?}");
        let logged = store.audit_entries(9).await.unwrap();
        let logged = logged.into_iter().find(|entry| entry.actor == name).unwrap();
        assert_eq!((logged.action.as_str(), logged.outcome.as_deref()), ("sign_in", Some(code)));
    }
    // The other one is gone: no doubt is left.
    slapd.remove(&dn("twin")).await;
    sign_in(&access, "kim").await.unwrap();
    slapd.set(&dn("kim"), "uidNumber", &["71099"]).await;
    let refusal = sign_in(&access, "kim").await.unwrap_err();
    assert!(matches!(refusal, Error::Forbidden { code: "identity_uid_changed", .. }), "{refusal:?}");
    // The name goes to somebody new.
    slapd.remove(&dn("first")).await;
    let refusal = sign_in(&access, "first").await.unwrap_err();
    assert!(matches!(refusal, Error::WrongCredentials), "{refusal:?}");
}

#[tokio::test]
async fn no_answer_time_or_count_tells_which_names_the_directory_has() {
    /// A refusal takes a whole number of these.
    const STEP: Duration = Duration::from_millis(250);
    let twin = entry(&format!("cn=twin,ou=people,{BASE}"), "twin", 71009, "/home/twin2", "");
    let ldif = [
        person("kim", 71001, ""),
        person("locked", 71002, "pwdAccountLockedTime: 000001010000Z"),
        person("broken", 71003, ""),
        person("twin", 71004, ""),
        twin,
    ];
    let slapd = Slapd::start(&ldif.concat()).await;
    slapd.set(&dn("broken"), "uidNumber", &["-1"]).await;
    let (store, _folder) = sqlite_store().await;
    let access = portal(&store, ldap(&slapd));
    let wrong = SecretString::from("wrong");
    let mut steps = BTreeMap::new();
    for name in ["kim", "nobody", "locked", "broken", "twin"] {
        let given = Credentials { provider: Some("centre"), name, password: &wrong };
        // The shortest of several: a busy machine delays some of them.
        let mut shortest = Duration::MAX;
        for _ in 0..5 {
            let began = std::time::Instant::now();
            let answer = access.sign_in.sign_in(given, &somewhere(), None).await;
            shortest = shortest.min(began.elapsed());
            assert!(matches!(answer, Err(Error::WrongCredentials)), "{name}: {answer:?}");
        }
        assert!(shortest >= STEP, "{name}: {shortest:?}");
        steps.insert(name, shortest.as_millis() / STEP.as_millis());
        let slowed = access.sign_in.sign_in(given, &somewhere(), None).await;
        assert!(matches!(slowed, Err(Error::TooMany { .. })), "{name}: {slowed:?}");
    }
    assert!(steps.values().all(|taken| *taken == steps["kim"]), "{steps:?}");
    // Whoever shows the right password is told what is wrong, and where it stands is for the log alone.
    let told = sign_in(&access, "broken").await.unwrap_err();
    assert!(matches!(told, Error::Forbidden { code: "directory_entry_unusable", .. }), "{told:?}");
    assert!(!told.to_string().contains("ou=people"), "{told}");
    // Neither her password nor the portal's own.
    let log = format!("{:?}", store.audit_entries(99).await.unwrap());
    assert!(!log.contains("broken's") && !log.contains("portal's"), "{log}");
}

#[tokio::test]
async fn a_uid_or_a_home_that_becomes_somebody_elses_is_noticed_afterwards_too() {
    let homes = tempfile::tempdir().unwrap();
    let home = |name: &str| homes.path().join(name).to_str().unwrap().to_owned();
    let account = |name: &str, uid| entry(&dn(name), name, uid, &home(name), "");
    let ldif = [account("kim", 71001), account("lee", 71002), account("seo", 71003), account("twin", 71009)];
    let slapd = Slapd::start(&ldif.concat()).await;
    let (store, _folder) = sqlite_store().await;
    let access = portal_with_homes(&store, ldap(&slapd), homes.path());
    for name in ["kim", "lee", "seo"] {
        sign_in(&access, name).await.unwrap();
    }
    // A folder of whoever runs the tests, or of somebody whom nobody knows.
    let taken = homes.path().join("of-another");
    std::fs::create_dir(&taken).unwrap();
    let _ = std::os::unix::fs::chown(&taken, Some(71_555), None);
    for name in ["kim", "lee"] {
        slapd.set(&dn(name), "homeDirectory", &[taken.to_str().unwrap()]).await;
    }
    slapd.set(&dn("twin"), "uidNumber", &["71003"]).await;
    for (name, code) in [("kim", "identity_home_taken"), ("seo", "identity_uid_taken")] {
        let refusal = sign_in(&access, name).await.unwrap_err();
        assert!(matches!(refusal, Error::Forbidden { code: is, .. } if is == code), "{name}: {refusal:?}");
    }
    // A round sees the same of whoever changed.
    slapd.set(&dn("seo"), "loginShell", &["/bin/zsh"]).await;
    access.people.refresh(NOW).await.unwrap();
    let mut shut_out = audited_as(&store, "shut_out").await;
    shut_out.sort();
    let expected = ["kim (identity_home_taken)", "lee (identity_home_taken)", "seo (identity_uid_taken)"];
    assert_eq!(shut_out, expected);
}

#[tokio::test]
async fn a_round_brings_everybody_up_to_date_and_shuts_out_who_is_locked_or_gone() {
    let ldif = [
        person("kim", 71001, ""),
        person("lee", 71002, ""),
        person("seo", 71003, ""),
        group("proj1", 71101, "memberUid: kim"),
        group("operators", 71109, "memberUid: lee"),
    ];
    let mut slapd = Slapd::start(&ldif.concat()).await;
    let (store, _folder) = sqlite_store().await;
    let access = portal(&store, ldap(&slapd));
    let mut opened = BTreeMap::new();
    for name in ["kim", "lee", "seo"] {
        opened.insert(name, sign_in(&access, name).await.unwrap());
    }
    let is_in = async |name: &str| {
        let cookie = opened[name].secret.expose();
        access.sessions.verify(cookie).await.unwrap().is_some()
    };
    let kim = on_record(&store, "kim").await;
    let wish = TokenWish::new("mine", 1);
    let token = access.tokens.create(&kim.id, &wish).await.unwrap().expose();

    slapd.set(&format!("cn=proj1,ou=groups,{BASE}"), "memberUid", &["lee", "seo"]).await;
    slapd.set(&format!("cn=operators,ou=groups,{BASE}"), "memberUid", &["kim"]).await;
    slapd.set(&dn("seo"), "loginShell", &["/bin/zsh"]).await;
    access.people.refresh(NOW).await.unwrap();
    let (kim, lee, seo) =
        (on_record(&store, "kim").await, on_record(&store, "lee").await, on_record(&store, "seo").await);
    assert_eq!((group_names(&kim), kim.role), (vec!["71001", "operators"], Role::Operator));
    assert_eq!((group_names(&lee), lee.role), (vec!["71002", "proj1"], Role::User));
    assert_eq!(seo.shell.to_str(), Some("/bin/zsh"));
    let changes = changes(&store).await;
    for change in [
        "kim (role user → operator, -71101:proj1, +71109:operators)",
        "lee (role operator → user, -71109:operators, +71101:proj1)",
        "seo (+71101:proj1)",
    ] {
        assert!(changes.iter().any(|told| told == change), "{change}: {changes:?}");
    }

    // The directory is away: nothing changes, and the sign-in page says so.
    slapd.kill();
    access.people.refresh(NOW).await.unwrap();
    access.people.refresh(NOW).await.unwrap();
    assert!(is_in("kim").await && is_in("lee").await && is_in("seo").await);
    assert!(!access.people.password_ways()[0].is_available);
    slapd.go_on().await;

    slapd.set(&dn("kim"), "pwdAccountLockedTime", &["000001010000Z"]).await;
    slapd.remove(&dn("lee")).await;
    let mut told = access.people.subscribe();
    let mut ended = access.sessions.subscribe();
    crate::ldap::slapd::eventually("both are shut out", async || {
        access.people.refresh(NOW).await.unwrap();
        !is_in("kim").await && !is_in("lee").await
    })
    .await;
    assert!(is_in("seo").await && access.people.is_reachable("centre"));
    assert!(access.tokens.verify(&token, somewhere().address).await.unwrap().is_none());
    let mut who = vec![told.recv().await.unwrap().user, told.recv().await.unwrap().user];
    who.sort();
    let mut both = vec![kim.id.clone(), lee.id.clone()];
    both.sort();
    assert_eq!(who, both);
    assert!(ended.recv().await.is_ok() && ended.recv().await.is_ok(), "what they opened is told to close");
    let reasons: Vec<_> =
        store.vouched_users_at_work().await.unwrap().into_iter().map(|one| one.shut_out).collect();
    let expected = [Some("identity_locked"), Some("identity_unknown"), None];
    assert_eq!(reasons.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    assert!(matches!(sign_in(&access, "kim").await, Err(Error::WrongCredentials)));

    // Unlocked, she is let in, but what she had open stays over.
    slapd.set(&dn("kim"), "pwdAccountLockedTime", &[]).await;
    access.people.refresh(NOW).await.unwrap();
    assert!(!on_record(&store, "kim").await.locked && !is_in("kim").await);
    assert!(access.tokens.verify(&token, somewhere().address).await.unwrap().is_none());
    sign_in(&access, "kim").await.unwrap();
}

#[tokio::test]
async fn it_is_known_since_when_a_person_is_known_as_she_is() {
    each_engine(|store| async move {
        let known = Known::default();
        let access = portal(&store, known.as_directory_of("keycloak"));
        for (name, uid) in [("kim", 71001), ("lee", 71002)] {
            known.put(name, Ok(Some(entry_of(name, uid))));
            known.admit(&access, name).await;
        }
        let asked_at = async |name: &str| {
            let standing = store.standing(&on_record(&store, name).await.id).await.unwrap().unwrap();
            standing.refreshed_at.expect("a time since her first sign-in")
        };
        let first = (asked_at("kim").await, asked_at("lee").await);
        tokio::time::sleep(Duration::from_millis(2)).await;
        // Nothing changed, but the directory said so; of lee it said nothing.
        known.forget("lee");
        access.people.refresh(NOW).await.unwrap();
        assert!(asked_at("kim").await > first.0);
        assert_eq!(asked_at("lee").await, first.1);
    })
    .await;
}

#[tokio::test]
async fn one_answer_that_somebody_is_gone_is_not_believed_nor_that_everybody_is() {
    each_engine(|store| async move {
        let known = Known::default();
        let mut directories = known.as_directory_of("keycloak");
        assert!(!directories.assign("keycloak", "nowhere"));
        let access = portal(&store, directories);
        for (name, uid) in [("kim", 71001), ("lee", 71002), ("seo", 71003), ("choi", 71004)] {
            known.put(name, Ok(Some(entry_of(name, uid))));
            known.admit(&access, name).await;
        }
        let here = async || {
            let people = store.vouched_users_at_work().await.unwrap();
            people
                .into_iter()
                .filter(|one| one.shut_out.is_none())
                .map(|one| one.user.name)
                .collect::<Vec<_>>()
        };
        // The first look does not find lee, the second does.
        known.forget_once("lee");
        access.people.refresh(NOW).await.unwrap();
        assert_eq!(here().await.len(), 4);
        // One who can't be asked about, or whose entry can't be read, keeps nobody else from being looked at.
        known.put("choi", Err(()));
        known.put("seo", Ok(None));
        access.people.refresh(NOW).await.unwrap();
        assert_eq!(here().await, ["choi", "kim", "lee"]);
        assert_eq!(on_record(&store, "kim").await.role, Role::Support, "what claims gave, groups leave");
        // An emptied directory is not believed.
        for name in ["kim", "lee", "choi"] {
            known.put(name, Ok(None));
        }
        access.people.refresh(NOW).await.unwrap();
        assert_eq!(here().await.len(), 3);
        // Another UID is another person; so is a home that the rules forbid.
        known.put("kim", Ok(Some(entry_of("kim", 71099))));
        let mut moved = entry_of("lee", 71002);
        moved.account.home = "/tmp/lee".into();
        known.put("lee", Ok(Some(moved)));
        access.people.refresh(NOW).await.unwrap();
        assert_eq!(here().await, Vec::<String>::new());
        let entries = store.audit_entries(9).await.unwrap();
        let logged: Vec<_> = entries.iter().filter(|entry| entry.action == "shut_out").collect();
        for reason in ["kim (identity_uid_changed)", "lee (identity_home_outside)", "seo (identity_unknown)"]
        {
            assert!(logged.iter().any(|entry| entry.object == reason), "{reason}: {logged:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_people_of_a_provider_that_is_configured_no_longer_are_out_until_it_is_again() {
    each_engine(|store| async move {
        let known = Known::default();
        let access = portal(&store, known.as_directory_of("keycloak"));
        known.put("kim", Ok(Some(entry_of("kim", 71001))));
        known.admit(&access, "kim").await;
        let without = portal(&store, Directories::default());
        for _ in 0..2 {
            without.people.refresh(NOW).await.unwrap();
            assert!(on_record(&store, "kim").await.locked);
        }
        assert_eq!(audited_as(&store, "shut_out").await, ["kim (provider_removed)"]);
        access.people.refresh(NOW).await.unwrap();
        assert!(!on_record(&store, "kim").await.locked);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_is_no_account_shuts_its_person_out_when_it_stays_so() {
    each_engine(|store| async move {
        let known = Known::default();
        let access = portal(&store, known.as_directory_of("keycloak"));
        for (name, uid) in [("kim", 71001), ("lee", 71002)] {
            known.put(name, Ok(Some(entry_of(name, uid))));
            known.admit(&access, name).await;
        }
        known.put("lee", Err(()));
        for _ in 0..2 {
            access.people.refresh(NOW).await.unwrap();
            assert!(!on_record(&store, "lee").await.locked);
        }
        access.people.refresh(NOW).await.unwrap();
        assert!(on_record(&store, "lee").await.locked && !on_record(&store, "kim").await.locked);
        assert_eq!(audited_as(&store, "shut_out").await, ["lee (directory_entry_unusable)"]);
        // Mended, it lets her in again.
        known.put("lee", Ok(Some(entry_of("lee", 71002))));
        access.people.refresh(NOW).await.unwrap();
        assert!(!on_record(&store, "lee").await.locked);
    })
    .await;
}

#[tokio::test]
async fn many_who_are_gone_together_are_shut_out_while_the_directory_shows_somebody_else() {
    each_engine(|store| async move {
        let known = Known::default();
        let access = portal(&store, known.as_directory_of("keycloak"));
        let names = ["kim", "lee", "seo"];
        for (name, uid) in names.into_iter().zip(71001..) {
            known.put(name, Ok(Some(entry_of(name, uid))));
            known.admit(&access, name).await;
            known.put(name, Ok(None));
        }
        // A directory that shows nobody at all has taken its rights from the portal; the operator is told once.
        for _ in 0..5 {
            access.people.refresh(NOW).await.unwrap();
        }
        assert_eq!(audited_as(&store, "shut_out").await, Vec::<String>::new());
        let told = audited_as(&store, "directory_shows_nobody").await;
        assert!(told.len() == 1 && told[0].starts_with("keycloak"), "{told:?}");
        // One that shows others knows of whom it speaks.
        known.put("other", Ok(Some(entry_of("other", 71009))));
        access.people.refresh(NOW).await.unwrap();
        let gone = names.map(|name| format!("{name} (identity_unknown)"));
        let mut logged = audited_as(&store, "shut_out").await;
        logged.sort();
        assert_eq!(logged, gone);
    })
    .await;
}

#[tokio::test]
async fn people_whose_entries_the_portal_may_read_no_more_stay() {
    each_engine(|store| async move {
        let known = Known::default();
        let access = portal(&store, known.as_directory_of("keycloak"));
        known.put("kim", Ok(Some(entry_of("kim", 71001))));
        known.admit(&access, "kim").await;
        known.put("kim", Err(()));
        for _ in 0..5 {
            access.people.refresh(NOW).await.unwrap();
        }
        assert!(!on_record(&store, "kim").await.locked);
        assert_eq!(audited_as(&store, "directory_shows_nobody").await.len(), 1);
    })
    .await;
}

/// What acts of a kind were about, the last one first.
async fn audited_as(store: &Store, action: &str) -> Vec<String> {
    let entries = store.audit_entries(20).await.unwrap();
    entries.into_iter().filter(|entry| entry.action == action).map(|entry| entry.object).collect()
}
