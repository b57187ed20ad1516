use std::os::unix::net::UnixDatagram;

use myksc_store::AuditIntent;
use myksc_testdb::each_engine;
use tempfile::TempDir;

use super::*;

/// A receiver at a socket of its own.
struct Receiver {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Receiver {
    fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    fn within(folder: TempDir) -> Self {
        let socket = UnixDatagram::bind(folder.path().join("log")).unwrap();
        // What was sent is there at once, or never.
        socket.set_nonblocking(true).unwrap();
        Self { folder, socket }
    }

    /// Sends to it as a portal does that was just started.
    fn feed(&self, store: &Store) -> AuditFeed {
        let address = format!("unix:{}", self.folder.path().join("log").display());
        AuditFeed::new(store.clone(), Syslog::new(address.parse().unwrap()))
    }

    /// The objects and outcomes of what arrived since.
    fn arrived(&self) -> Vec<(String, Option<String>)> {
        let mut arrived = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            let entry: serde_json::Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
            let text = |field: &str| entry[field].as_str().map(str::to_owned);
            arrived.push((text("object").unwrap(), text("outcome")));
        }
        arrived
    }
}

async fn begin(store: &Store, object: &str) -> i64 {
    let intent = AuditIntent { actor: "kim", action: "lock", object, address: "" };
    store.begin_audit(&[intent]).await.unwrap()[0]
}

async fn send_all(feed: &mut AuditFeed) {
    while feed.send_news().await.unwrap() {}
}

fn done(object: &str) -> (String, Option<String>) {
    (object.to_owned(), Some("done".to_owned()))
}

#[tokio::test]
async fn every_entry_goes_out_when_it_begins_and_when_it_ends_across_restarts() {
    each_engine(|store| async move {
        let receiver = Receiver::new();
        let (first, second) = (begin(&store, "a").await, begin(&store, "b").await);
        store.end_audit(&[(first, "done")]).await.unwrap();
        send_all(&mut receiver.feed(&store)).await;
        assert_eq!(receiver.arrived(), [done("a"), ("b".to_owned(), None)]);

        store.end_audit(&[(second, "done")]).await.unwrap();
        let third = begin(&store, "c").await;
        store.end_audit(&[(third, "done")]).await.unwrap();
        let mut restarted = receiver.feed(&store);
        send_all(&mut restarted).await;
        assert_eq!(receiver.arrived(), [done("b"), done("c")]);
        assert!(!restarted.send_news().await.unwrap());
        assert_eq!(receiver.arrived(), []);
    })
    .await;
}

#[tokio::test]
async fn what_a_receiver_did_not_take_is_sent_when_it_is_back() {
    each_engine(|store| async move {
        let receiver = Receiver::new();
        let path = receiver.folder.path().join("log");
        let mut feed = receiver.feed(&store);
        let first = begin(&store, "a").await;
        store.end_audit(&[(first, "done")]).await.unwrap();
        send_all(&mut feed).await;
        assert_eq!(receiver.arrived(), [done("a")]);

        let Receiver { folder, socket } = receiver;
        drop(socket);
        std::fs::remove_file(&path).unwrap();
        let second = begin(&store, "b").await;
        store.end_audit(&[(second, "done")]).await.unwrap();
        let error = feed.send_news().await.unwrap_err();
        assert!(
            matches!(error, myksc_core::Error::Unavailable { code: "audit_receiver_away", .. }),
            "{error:?}"
        );
        let back = Receiver::within(folder);
        send_all(&mut feed).await;
        assert_eq!(back.arrived(), [done("b")]);
    })
    .await;
}

#[test]
fn a_number_that_may_yet_come_is_waited_for() {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let entry = |id: i64, age_secs: i64| AuditEntry {
        id,
        at: now.plus_secs(-age_secs),
        actor: String::new(),
        action: String::new(),
        object: String::new(),
        address: String::new(),
        outcome: None,
        ended_at: None,
    };
    let numbers = |last: i64, entries: Vec<AuditEntry>| {
        without_gap(last, entries, now).iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(numbers(0, vec![entry(1, 0), entry(2, 0)]), [1, 2]);
    assert_eq!(numbers(0, vec![entry(1, 0), entry(3, 0)]), [1]);
    assert_eq!(numbers(0, vec![entry(2, 0), entry(3, 0)]), Vec::<i64>::new());
    assert_eq!(numbers(0, vec![entry(2, GAP_SECS), entry(3, 0)]), [2, 3]);
}
