//! A directory of whoever is put into it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use myksc_core::user::Group;
use myksc_core::{Result, Role};

use crate::directory::{Directory, Entry, unavailable, unusable};
use crate::people::Directories;
use crate::posix::PosixAccount;
use crate::provider::Answer;
use crate::testing::somewhere;
use crate::{Access, Vouched};

#[derive(Clone, Default)]
pub(super) struct Known(Arc<Mutex<BTreeMap<String, OnRecord>>>);

struct OnRecord {
    answer: Result<Option<Entry>, ()>,
    is_forgotten_once: bool,
}

impl Known {
    pub(super) fn put(&self, name: &str, answer: Result<Option<Entry>, ()>) {
        self.0.lock().unwrap().insert(name.to_owned(), OnRecord { answer, is_forgotten_once: false });
    }

    /// Knows the people of this provider.
    pub(super) fn as_directory_of(&self, provider: &str) -> Directories {
        let mut directories = Directories::default();
        directories.add("machine", Arc::new(self.clone()));
        assert!(directories.assign(provider, "machine"));
        directories
    }

    /// Lets somebody in by the provider `keycloak`, as she is known.
    pub(super) async fn admit(&self, access: &Access, name: &str) {
        let account = self.look_up(name).await.unwrap().expect("somebody of that name").account;
        let vouched = Vouched {
            provider: "keycloak".to_owned(),
            subject: format!("https://id.example {name}"),
            account,
            role: Role::Support,
        };
        let person = access.people.admit(&vouched).await.unwrap();
        access.sessions.open(person, &somewhere()).await.unwrap().unwrap();
    }

    /// It can't be asked about her any more.
    pub(super) fn forget(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    /// The next look does not find her.
    pub(super) fn forget_once(&self, name: &str) {
        self.0.lock().unwrap().get_mut(name).unwrap().is_forgotten_once = true;
    }
}

impl Directory for Known {
    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Entry>> {
        let mut known = self.0.lock().unwrap();
        let answer = known.get_mut(name).map(|person| match &person.answer {
            _ if std::mem::take(&mut person.is_forgotten_once) => Ok(None),
            Ok(answer) => Ok(answer.clone()),
            Err(()) => Err(unusable("not to be read")),
        });
        let answer = answer.unwrap_or_else(|| Err(unavailable("away")));
        Box::pin(async move { answer })
    }

    fn names_of_uid(&self, _: u32) -> Answer<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn shows_people(&self) -> Answer<'_, bool> {
        let shows = self.0.lock().unwrap().values().any(|person| matches!(person.answer, Ok(Some(_))));
        Box::pin(async move { Ok(shows) })
    }

    fn check(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

pub(super) fn entry_of(name: &str, uid: u32) -> Entry {
    let account = PosixAccount {
        name: name.to_owned(),
        display_name: name.to_owned(),
        uid,
        gid: uid,
        groups: vec![Group { gid: uid, name: name.to_owned() }],
        home: format!("/home/{name}").into(),
        shell: "/bin/sh".into(),
    };
    Entry { subject: format!("uid:{uid}"), account, locked: false }
}
