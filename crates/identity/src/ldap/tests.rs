use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use myksc_core::Error;

use super::slapd::{BASE, Slapd, dn, entry, eventually, group, person};
use super::{Attributes, LdapConfig, LdapDirectory};
use crate::directory::{Directory as _, Entry};

const PARK: &str = "cn=Park\\, Jong-su (A*B),ou=people,dc=centre,dc=example";

/// 김민지, the base64 of which LDIF wants.
const KIM: &str = "displayName:: 6rmA66+87KeA";

fn people() -> String {
    [
        person("kim", 71001, KIM),
        person("lee", 71002, "loginShell: /bin/zsh"),
        entry(PARK, "park", 71003, "/home/park", ""),
        person("Choi", 71004, ""),
        entry(&dn("star"), "*", 71005, "/home/star", ""),
        group("kim", 71001, "description: 기본"),
        group("proj1", 71101, "memberUid: kim"),
        group("proj2", 71102, "memberUid: kim\nmemberUid: lee"),
        group("root", 0, "memberUid: lee"),
        format!("dn: cn=staff,ou=groups,{BASE}\nobjectClass: groupOfNames\nobjectClass: extensibleObject\ncn: staff\ngidNumber: 71103\nmember: {PARK}\n\n"),
    ]
    .concat()
}

fn directory(config: LdapConfig) -> LdapDirectory {
    LdapDirectory::new(config).unwrap()
}

async fn sign_in(directory: &LdapDirectory, name: &str, password: &str) -> Option<Entry> {
    directory.authenticate(name, &SecretString::from(password)).await.unwrap()
}

fn is_unusable<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Forbidden { code: "directory_entry_unusable", .. }))
}

fn is_away<T: std::fmt::Debug>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Unavailable { code: "directory_unavailable", .. }))
}

#[tokio::test]
async fn a_person_signs_in_by_her_own_password_alone_and_comes_with_her_account() {
    let slapd = Slapd::start(&people()).await;
    for url in [slapd.ldaps_url(), slapd.starttls_url()] {
        let directory = directory(LdapConfig { urls: vec![url], ..slapd.config() });
        let kim = sign_in(&directory, "kim", "kim's").await.expect("kim's own password");
        assert_eq!(directory.look_up("kim").await.unwrap().as_ref(), Some(&kim));
        let account = &kim.account;
        assert_eq!((account.uid, account.gid, account.display_name.as_str()), (71001, 71001, "김민지"));
        assert_eq!((account.home.to_str(), account.shell.to_str()), (Some("/home/kim"), Some("/bin/sh")));
        let groups: Vec<_> = account.groups.iter().map(|group| (group.gid, group.name.as_str())).collect();
        assert_eq!(groups, [(71001, "kim"), (71101, "proj1"), (71102, "proj2")]);
        assert_eq!(kim.subject.len(), 36, "{} is an entryUUID", kim.subject);
        assert!(!kim.locked);
        // An empty one would let anybody in as nobody (RFC 4513, 5.1.2).
        for wrong in ["", "lee's", "kim'S", "kim's ", "\0", "*"] {
            assert_eq!(sign_in(&directory, "kim", wrong).await, None, "{wrong:?}");
        }
    }
}

/// Stands before a server and counts the connections to it, those that are there at once and all of them.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Connections>>);

#[derive(Default)]
struct Connections {
    now: usize,
    most: usize,
    all: usize,
}

impl Counter {
    /// Listens in place of the server with this address; gives the address of its own.
    async fn before(&self, url: &str) -> String {
        let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let counter = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(counter.clone().pass(client, port));
            }
        });
        url.replace(&port.to_string(), &own.to_string())
    }

    async fn pass(self, mut client: tokio::net::TcpStream, port: u16) {
        {
            let mut connections = self.0.lock().unwrap();
            (connections.now, connections.all) = (connections.now + 1, connections.all + 1);
            connections.most = connections.most.max(connections.now);
        }
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // How a connection ends is the ends' own business.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        self.0.lock().unwrap().now -= 1;
    }
}

#[tokio::test]
async fn many_look_ups_at_once_share_as_many_connections_as_the_site_allows() {
    const CONNECTIONS: usize = 3;
    let slapd = Slapd::start(&people()).await;
    let counter = Counter::default();
    let urls = vec![counter.before(&slapd.ldaps_url()).await];
    let directory = directory(LdapConfig { urls, connections: CONNECTIONS, ..slapd.config() });
    let mut look_ups = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let directory = directory.clone();
        look_ups.spawn(async move { directory.look_up("kim").await.unwrap().is_some() });
    }
    assert!(look_ups.join_all().await.into_iter().all(|found| found));
    let connections = counter.0.lock().unwrap();
    assert!((1..=CONNECTIONS).contains(&connections.most), "{} at once", connections.most);
    assert_eq!(connections.all, connections.most, "a connection is used again");
}

#[tokio::test]
async fn no_name_finds_anybody_but_the_one_who_is_spelt_so() {
    let slapd = Slapd::start(&people()).await;
    let directory = directory(slapd.config());
    let hostile = [
        "*",
        "k*",
        "kim)(uid=*",
        "*)(uid=*))(|(uid=*",
        "KIM",
        "choi",
        "kim ",
        " kim",
        "",
        "\0",
        "kim\\2a",
        "nobody",
    ];
    for name in hostile {
        assert_eq!(directory.look_up(name).await.unwrap(), None, "{name:?}");
        for password in ["kim's", "*'s", "portal's", ""] {
            assert_eq!(sign_in(&directory, name, password).await, None, "{name:?} {password:?}");
        }
    }
    assert!(sign_in(&directory, "Choi", "Choi's").await.is_some());
    let park = sign_in(&directory, "park", "park's").await.expect("an entry whose name has a comma");
    let groups: Vec<_> = park.account.groups.iter().map(|group| group.gid).collect();
    assert_eq!(groups, [71003, 71103]);
    assert_eq!(directory.names_of_uid(71001).await.unwrap(), ["kim"]);
    assert_eq!(directory.names_of_uid(4_000_000_000).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_is_locked_does_not_get_in_and_is_known_as_such() {
    let slapd = Slapd::start(&people()).await;
    let config = LdapConfig { locked_filter: Some("(title=left)".to_owned()), ..slapd.config() };
    let directory = directory(config);
    for (attribute, value) in [
        ("pwdAccountLockedTime", "000001010000Z"),
        ("shadowExpire", "0"),
        ("shadowExpire", "1"),
        ("title", "left"),
    ] {
        slapd.set(&dn("kim"), attribute, &[value]).await;
        assert!(directory.look_up("kim").await.unwrap().unwrap().locked, "{attribute}: {value}");
        assert_eq!(sign_in(&directory, "kim", "kim's").await, None, "{attribute}: {value}");
        slapd.set(&dn("kim"), attribute, &[]).await;
        assert!(!directory.look_up("kim").await.unwrap().unwrap().locked, "{attribute}: {value}");
        assert!(sign_in(&directory, "kim", "kim's").await.is_some(), "{attribute}: {value}");
    }
}

#[tokio::test]
async fn a_server_that_dies_is_away_and_one_that_comes_back_answers_again() {
    let mut slapd = Slapd::start(&people()).await;
    let directory = directory(slapd.config());
    assert!(directory.look_up("kim").await.unwrap().is_some());
    slapd.kill();
    assert!(is_away(&directory.look_up("kim").await), "the connection that lay idle is no more");
    assert!(is_away(&directory.look_up("nobody").await));
    assert!(is_away(&directory.authenticate("kim", &SecretString::from("kim's")).await));
    slapd.go_on().await;
    eventually("the directory answers again", async || directory.look_up("kim").await.is_ok()).await;
    // Started anew between two questions, nobody notices.
    slapd.kill();
    slapd.go_on().await;
    assert!(directory.look_up("kim").await.unwrap().is_some());
    assert!(sign_in(&directory, "kim", "kim's").await.is_some());
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_does_not_answer() {
    let slapd = Slapd::start(&people()).await;
    let slow = Stub::start(|_| {});
    let config = LdapConfig {
        urls: vec![slow.url(), slapd.ldaps_url()],
        server_timeout: Duration::from_millis(300),
        retry_after: Duration::from_secs(60),
        ..slapd.config()
    };
    let directory = directory(config);
    assert!(directory.look_up("kim").await.unwrap().is_some());
    let began = Instant::now();
    assert!(sign_in(&directory, "kim", "kim's").await.is_some());
    assert!(sign_in(&directory, "kim", "wrong").await.is_none());
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(slow.connections(), 1, "what did not answer is not asked again for a while");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_password() {
    let (slapd, other) = (Slapd::start(&people()).await, Slapd::start("").await);
    for url in [slapd.ldaps_url(), slapd.starttls_url()] {
        let config = LdapConfig { urls: vec![url], ca_file: Some(other.ca_file()), ..slapd.config() };
        assert!(is_away(&directory(config).authenticate("kim", &SecretString::from("kim's")).await));
    }
    // The certificate is for another name.
    let address = slapd.ldaps_url().replace("localhost", "127.0.0.1");
    let config = LdapConfig { urls: vec![address], ..slapd.config() };
    assert!(is_away(&directory(config).look_up("kim").await));
}

#[tokio::test]
async fn a_slow_server_is_away_after_the_deadline_and_one_that_answers_rubbish_at_once() {
    let slapd = Slapd::start("").await;
    let slow = Stub::start(|_| {});
    let limits = LdapConfig {
        server_timeout: Duration::from_secs(20),
        timeout: Duration::from_millis(300),
        retry_after: Duration::ZERO,
        ..slapd.config()
    };
    let began = Instant::now();
    let asked = directory(LdapConfig { urls: vec![slow.url()], ..limits.clone() });
    assert!(is_away(&asked.look_up("kim").await));
    assert!(is_away(&asked.authenticate("kim", &SecretString::from("kim's")).await));
    assert!(began.elapsed() < Duration::from_secs(10));

    for rubbish in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        // An answer without a message id, one of an operation that there is not, one without an end.
        b"\x30\x00".to_vec(),
        b"\x30\x05\x02\x01\x01\x7f\x00".to_vec(),
        b"\x30\x84\xff\xff\xff\xff".to_vec(),
        vec![0x30; 4096],
    ] {
        let sent = rubbish.clone();
        let stub = Stub::start(move |stream| drop(stream.write_all(&sent)));
        let config = LdapConfig { urls: vec![stub.url()], timeout: Duration::from_secs(3), ..limits.clone() };
        assert!(is_away(&directory(config).look_up("kim").await), "{rubbish:x?}");
    }
}

#[tokio::test]
async fn what_the_portal_may_not_see_is_not_taken_for_gone() {
    let slapd = Slapd::start(&people()).await;
    let no_service = directory(LdapConfig { service: None, ..slapd.config() });
    assert!(is_away(&no_service.look_up("kim").await));
    let elsewhere = LdapConfig { people_base: format!("ou=staff,{BASE}"), ..slapd.config() };
    assert!(is_away(&directory(elsewhere).look_up("kim").await));
    let mut wrong = slapd.config();
    wrong.service.as_mut().unwrap().password = SecretString::from("wrong");
    assert!(is_away(&directory(wrong).check().await));
    // Signed in, but without the right to read.
    let mut person = slapd.config();
    let service = person.service.as_mut().unwrap();
    (service.dn, service.password) = (dn("lee"), SecretString::from("lee's"));
    assert!(is_away(&directory(person).look_up("kim").await));
}

#[tokio::test]
async fn a_directory_that_shows_nobody_is_told_from_one_that_shows_somebody() {
    let (slapd, empty) = (Slapd::start(&people()).await, Slapd::start("").await);
    assert!(directory(slapd.config()).shows_people().await.unwrap());
    assert!(!directory(empty.config()).shows_people().await.unwrap());
    // Entries of which the portal may not see what makes an account show nobody, either.
    let hidden = Attributes { uid_number: "title".to_owned(), ..Attributes::default() };
    let config = LdapConfig { attributes: hidden, ..slapd.config() };
    assert!(!directory(config).shows_people().await.unwrap());
}

#[tokio::test]
async fn an_entry_that_is_no_account_is_neither_somebody_nor_nobody() {
    let twice = entry(&format!("cn=kim,ou=people,{BASE}"), "kim", 71009, "/home/kim2", "");
    let slapd = Slapd::start(&(people() + &twice)).await;
    let directory = directory(slapd.config());
    assert!(is_unusable(&directory.look_up("kim").await));
    // Whose password would be asked for is not clear.
    assert_eq!(sign_in(&directory, "kim", "kim's").await, None);
}

#[tokio::test]
async fn what_is_wrong_with_an_entry_is_told_after_its_password_alone_and_without_its_place() {
    let slapd = Slapd::start(&people()).await;
    let directory = directory(slapd.config());
    slapd.set(&dn("kim"), "uidNumber", &["-1"]).await;
    assert_eq!(sign_in(&directory, "kim", "wrong").await, None);
    let told = directory.authenticate("kim", &SecretString::from("kim's")).await;
    assert!(is_unusable(&told), "{told:?}");
    for answer in [told.map(|_| ()), directory.look_up("kim").await.map(|_| ())] {
        let told = answer.unwrap_err().to_string();
        assert!(!told.contains("ou=people"), "{told}");
    }
}

/// A server that is none: what it does with each connection, which stays open.
struct Stub {
    port: u16,
    taken: Arc<AtomicUsize>,
}

impl Stub {
    fn start(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&taken);
        // It ends with the test's process.
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 64];
                let _ = stream.read(&mut request);
                answer(&mut stream);
                open.push(stream);
            }
        });
        Self { port, taken }
    }

    fn url(&self) -> String {
        format!("ldap://localhost:{}", self.port)
    }

    fn connections(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}
