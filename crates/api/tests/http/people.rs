//! People of a directory on a portal that has no rights of theirs: its own processes run as somebody else.

use myksc_core::user::Group;
use myksc_core::{Role, User};
use myksc_identity::{PosixAccount, Vouched};
use myksc_testkit::{Client, TestPortal};

use crate::jobs::until;
use crate::kims::{id, launch, submission};

/// Somebody whom a directory vouches for, with an API token of hers.
async fn person(portal: &TestPortal, name: &str, uid: u32) -> (User, Client) {
    let account = PosixAccount {
        name: name.to_owned(),
        display_name: "서준호".to_owned(),
        uid,
        gid: uid,
        groups: vec![Group { gid: uid, name: name.to_owned() }],
        home: portal.home().with_file_name(name),
        shell: "/bin/sh".into(),
    };
    let provider = "centre".to_owned();
    let vouched = Vouched { provider, subject: format!("subject of {name}"), account, role: Role::User };
    let user = portal.state.access.people.admit(&vouched).await.unwrap().user;
    (user, portal.program(name).await)
}

#[tokio::test]
async fn a_person_with_another_uid_has_an_account_but_runs_nothing_as_the_portal() {
    let portal = TestPortal::start().await;
    let (_, seo) = person(&portal, "seo", 71_009).await;
    let session = seo.get("/api/v1/session").await.expect(200).json();
    assert_eq!((&session["user"]["name"], &session["user"]["uid"]), (&"seo".into(), &71_009.into()));
    let _ = seo.get("/api/v1/templates").await.expect(200);
    let files = seo.get("/api/v1/files/entries?path=home").await.expect(403);
    assert_eq!(files.code(), "other_user_on_this_machine");
    let app = seo.post("/api/v1/apps", &launch("mine")).await.expect(202).json();
    let failed = until(&seo, &format!("/api/v1/apps/{}", id(&app)), |app| app["phase"] == "failed").await;
    assert_eq!(failed["failure"]["code"], "runtime_other_user");
    let job = seo.post("/api/v1/systems/local/jobs", &submission()).await;
    assert!(job.status.is_client_error(), "{job:?}");
}

#[tokio::test]
async fn whoever_is_shut_out_is_nobody_to_every_part_of_the_portal() {
    let portal = TestPortal::start().await;
    let (user, seo) = person(&portal, "seo", 71_009).await;
    let _ = seo.get("/api/v1/session").await.expect(200);
    portal.state.access.people.shut_out(&user.id, "identity_locked").await.unwrap();
    for path in ["/api/v1/session", "/api/v1/apps", "/api/v1/files/entries?path=home"] {
        let _ = seo.get(path).await.expect(401);
    }
    assert!(portal.state.store.user(&user.id).await.unwrap().unwrap().locked);
}
