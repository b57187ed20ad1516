use myksc_core::secret::Secret;

use super::*;
use crate::testing::each_engine;
use crate::tokens::tests::token_of;
use crate::users::tests::someone;

const LIMITS: DeviceLimits = DeviceLimits { of_network: 2, overall: 3 };

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

/// One that asked at second 0 and waits until second 600.
fn device(network: &str) -> Device {
    Device {
        client_name: "command line".to_owned(),
        address: network.to_owned(),
        network: network.to_owned(),
        scopes: vec![Scope::Read, Scope::Jobs],
        expires_in_days: 30,
        interval_secs: 5,
        created_at: at(0),
        expires_at: at(600),
    }
}

/// Hashes of a new device code and a new code for people.
fn codes() -> (SecretHash, SecretHash) {
    (Secret::random().hash(), Secret::random().hash())
}

async fn add(store: &Store, network: &str) -> (SecretHash, SecretHash) {
    let (device_hash, code_hash) = codes();
    let outcome = store.create_device(&device(network), device_hash, code_hash, LIMITS).await.unwrap();
    assert_eq!(outcome, DeviceOutcome::Created);
    (device_hash, code_hash)
}

/// A person's token on record.
async fn token(store: &Store) -> TokenId {
    let kim = someone("kim");
    store.create_user(&kim, None).await.unwrap();
    let token = token_of(&kim.id);
    store.create_token(&token, Secret::random().hash(), 9, None).await.unwrap();
    token.id
}

#[tokio::test]
async fn an_approved_device_gets_its_token_once_also_when_many_ask() {
    each_engine(|store| async move {
        let (device_hash, code_hash) = add(&store, "192.0.2.7").await;
        assert_eq!(store.pending_device(&code_hash, at(599)).await.unwrap(), Some(device("192.0.2.7")));
        assert_eq!(store.pending_device(&device_hash, at(1)).await.unwrap(), None);
        assert_eq!(store.pending_device(&code_hash, at(600)).await.unwrap(), None);
        let token = token(&store).await;
        assert!(!store.approve_device(&code_hash, &token, "sealed", at(600)).await.unwrap());
        assert!(store.approve_device(&code_hash, &token, "sealed", at(9)).await.unwrap());
        assert!(!store.approve_device(&code_hash, &token, "other", at(9)).await.unwrap());
        assert!(!store.deny_device(&code_hash, at(9)).await.unwrap());
        assert_eq!(store.pending_device(&code_hash, at(9)).await.unwrap(), None);
        assert_eq!(store.poll_device(&code_hash, at(10)).await.unwrap(), DeviceAnswer::Gone);

        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.poll_device(&device_hash, at(10)).await.unwrap() })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers.retain(|answer| *answer != DeviceAnswer::Gone);
        assert_eq!(answers, [DeviceAnswer::Approved { token, sealed: "sealed".to_owned() }]);
        assert_eq!(store.delete_over_devices(at(600)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn who_asks_too_soon_must_wait_longer_each_time() {
    each_engine(|store| async move {
        let (device_hash, code_hash) = add(&store, "192.0.2.7").await;
        for (secs, expected) in [
            (0, DeviceAnswer::Pending),
            (5, DeviceAnswer::Pending),
            (9, DeviceAnswer::TooSoon(10)),
            (18, DeviceAnswer::TooSoon(15)),
            (33, DeviceAnswer::Pending),
        ] {
            assert_eq!(store.poll_device(&device_hash, at(secs)).await.unwrap(), expected, "{secs}");
        }
        assert!(store.deny_device(&code_hash, at(40)).await.unwrap());
        assert_eq!(store.poll_device(&device_hash, at(48)).await.unwrap(), DeviceAnswer::Denied);
        assert_eq!(store.poll_device(&device_hash, at(600)).await.unwrap(), DeviceAnswer::Gone);
    })
    .await;
}

#[tokio::test]
async fn so_many_wait_and_no_more_and_two_never_share_a_code() {
    each_engine(|store| async move {
        let (_, taken) = add(&store, "192.0.2.7").await;
        let (device_hash, code_hash) = codes();
        let again = store.create_device(&device("192.0.2.8"), device_hash, taken, LIMITS).await.unwrap();
        assert_eq!(again, DeviceOutcome::CodeTaken);
        let (_, denied) = add(&store, "192.0.2.7").await;
        for (network, expected) in [
            ("192.0.2.7", DeviceOutcome::TooMany),
            ("192.0.2.8", DeviceOutcome::Created),
            ("192.0.2.9", DeviceOutcome::TooMany),
        ] {
            let (first, second) = if network == "192.0.2.8" { (device_hash, code_hash) } else { codes() };
            let outcome = store.create_device(&device(network), first, second, LIMITS).await.unwrap();
            assert_eq!(outcome, expected, "{network}");
        }
        assert!(store.deny_device(&denied, at(1)).await.unwrap());
        add(&store, "192.0.2.7").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_that_nobody_fetched_goes_with_its_device_and_a_device_with_its_token() {
    each_engine(|store| async move {
        let (device_hash, code_hash) = add(&store, "192.0.2.7").await;
        let token = token(&store).await;
        assert!(store.approve_device(&code_hash, &token, "sealed", at(1)).await.unwrap());
        assert_eq!(store.delete_over_devices(at(599)).await.unwrap(), 0);
        let user = store.user_by_name("kim").await.unwrap().unwrap().user;
        assert_eq!(store.tokens_of(&user.id).await.unwrap().len(), 1);
        assert_eq!(store.delete_over_devices(at(600)).await.unwrap(), 1);
        assert_eq!(store.tokens_of(&user.id).await.unwrap(), []);

        let (second_hash, code_hash) = add(&store, "192.0.2.7").await;
        let token = token_of(&user.id);
        store.create_token(&token, Secret::random().hash(), 9, None).await.unwrap();
        assert!(store.approve_device(&code_hash, &token.id, "sealed", at(1)).await.unwrap());
        store.delete_token(&user.id, &token.id).await.unwrap();
        for hash in [device_hash, second_hash] {
            assert_eq!(store.poll_device(&hash, at(2)).await.unwrap(), DeviceAnswer::Gone);
        }
    })
    .await;
}
