use myksc_testdb::each_engine;

use super::*;

const T0: i64 = 1_000_000_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(T0).plus_secs(secs)
}

fn sign_in(name: &str, address: &str) -> Attempt {
    Attempt::SignIn { name: name.to_owned(), address: address.parse().unwrap() }
}

fn kim_from(address: &str) -> Attempt {
    sign_in("kim", address)
}

fn wait_of(answer: Result<Counted>) -> Option<u64> {
    match answer {
        Ok(_) => None,
        Err(Error::TooMany { retry_after_secs }) => Some(retry_after_secs),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn the_delay_doubles_up_to_a_minute() {
    let delays: Vec<i64> = [0, 4, 5, 6, 7, 10, 11, 40, u32::MAX].map(|n| delay_secs(n, 5)).into();
    assert_eq!(delays, [0, 0, 1, 2, 4, 32, 60, 60, 60]);
}

#[test]
fn one_person_s_addresses_count_as_one() {
    let cases = [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
    ];
    for (address, expected) in cases {
        assert_eq!(network(address.parse().unwrap()), expected);
    }
}

#[tokio::test]
async fn a_name_is_slowed_whatever_the_address_and_never_locked() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store);
        for n in 0..5 {
            let attempt = kim_from(&format!("192.0.2.{n}"));
            assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), None);
        }
        let attempt = kim_from("192.0.2.99");
        assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), Some(1));
        assert_eq!(wait_of(throttle.begin(&sign_in("lee", "192.0.2.1"), at(0)).await), None);
        // Refused attempts do not lengthen the delay.
        let counted = throttle.begin(&attempt, at(1)).await.unwrap();
        assert_eq!(wait_of(throttle.begin(&attempt, at(1)).await), Some(2));
        throttle.succeeded(&counted, at(1)).await.unwrap();
        assert_eq!(wait_of(throttle.begin(&kim_from("192.0.2.1"), at(1)).await), None);
    })
    .await;
}

#[tokio::test]
async fn strangers_who_guess_at_a_name_do_not_slow_whom_it_belongs_to() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store);
        let (home, stranger) = (kim_from("192.0.2.7"), kim_from("198.51.100.1"));
        let counted = throttle.begin(&home, at(0)).await.unwrap();
        throttle.succeeded(&counted, at(0)).await.unwrap();
        while wait_of(throttle.begin(&stranger, at(10)).await).is_none() {}
        // Her own wrong passwords count, the strangers' do not.
        for _ in 0..5 {
            assert_eq!(wait_of(throttle.begin(&home, at(10)).await), None);
        }
        assert_eq!(wait_of(throttle.begin(&home, at(10)).await), Some(1));
        let counted = throttle.begin(&home, at(11)).await.unwrap();
        throttle.succeeded(&counted, at(11)).await.unwrap();
        // That she signs in gives strangers no new free attempts.
        let elsewhere = kim_from("198.51.100.2");
        assert_eq!(wait_of(throttle.begin(&elsewhere, at(10)).await), Some(1));
        // Her address is forgotten in the end; then she is one of the others.
        let last = 10 + KNOWN_SECS;
        throttle.sweep(at(last)).await.unwrap();
        while wait_of(throttle.begin(&stranger, at(last)).await).is_none() {}
        assert_eq!(wait_of(throttle.begin(&home, at(last)).await), None);
        throttle.sweep(at(last + 2)).await.unwrap();
        assert_eq!(wait_of(throttle.begin(&home, at(last)).await), Some(1));
    })
    .await;
}

#[tokio::test]
async fn an_address_is_slowed_whatever_the_name_and_right_passwords_do_not_count() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store);
        for n in 0..FREE_BY_ADDRESS {
            let attempt = sign_in(&format!("user{n}"), "192.0.2.7");
            assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), None);
            if n + 1 < FREE_BY_ADDRESS {
                let right = throttle.begin(&kim_from("192.0.2.7"), at(0)).await.unwrap();
                throttle.succeeded(&right, at(0)).await.unwrap();
            }
        }
        assert_eq!(wait_of(throttle.begin(&kim_from("192.0.2.7"), at(0)).await), Some(1));
        assert_eq!(wait_of(throttle.begin(&kim_from("192.0.2.8"), at(0)).await), None);
    })
    .await;
}

#[tokio::test]
async fn many_at_once_do_not_slip_through() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store);
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let throttle = throttle.clone();
                tokio::spawn(async move { throttle.begin(&kim_from("192.0.2.7"), at(0)).await.is_ok() })
            })
            .collect();
        let mut passed = 0;
        for task in tasks {
            passed += u32::from(task.await.unwrap());
        }
        assert_eq!(passed, FREE_BY_NAME);
    })
    .await;
}

#[tokio::test]
async fn a_quiet_quarter_of_an_hour_forgets_and_an_unlooked_attempt_does_not_count() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store.clone());
        let attempt = kim_from("192.0.2.7");
        for _ in 0..50 {
            let counted = throttle.begin(&attempt, at(0)).await.unwrap();
            throttle.not_looked_at(&counted).await.unwrap();
        }
        for n in 0..9 {
            throttle.begin(&attempt, at(100 * n)).await.unwrap();
        }
        let failures = async || store.attempts(&format!("name:{}", digest("kim"))).await.unwrap().failures;
        assert!(wait_of(throttle.begin(&attempt, at(800)).await).is_some());
        throttle.sweep(at(800 + FORGET_AFTER_SECS - 1)).await.unwrap();
        assert_eq!(failures().await, 9);
        assert_eq!(wait_of(throttle.begin(&attempt, at(800 + FORGET_AFTER_SECS)).await), None);
        assert_eq!(failures().await, 1);
        throttle.sweep(at(801 + 2 * FORGET_AFTER_SECS)).await.unwrap();
        assert_eq!(failures().await, 0);
    })
    .await;
}

#[tokio::test]
async fn who_began_a_moment_earlier_and_comes_second_does_not_wait() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store);
        assert_eq!(wait_of(throttle.begin(&kim_from("192.0.2.7"), at(1)).await), None);
        assert_eq!(wait_of(throttle.begin(&sign_in("lee", "192.0.2.7"), at(0)).await), None);
    })
    .await;
}

#[tokio::test]
async fn a_clock_set_back_keeps_nobody_waiting() {
    each_engine(|store| async move {
        let throttle = Throttle::new(store);
        let attempt = kim_from("192.0.2.7");
        for n in 0..9 {
            throttle.begin(&attempt, at(100_000 + 100 * n)).await.unwrap();
        }
        assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), None);
    })
    .await;
}
