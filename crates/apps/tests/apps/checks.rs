//! What is refused, and how that is told.

use std::collections::BTreeMap;

use myksc_apps::LaunchRequest;
use myksc_core::{Contract, Error, Resources, Timestamp};

use crate::rig::{Bench, MIB, codes, problems};

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_does_not_hold_is_told_and_nothing_is_launched() {
    let bench = Bench::new().await;
    let launch = async |change: &dyn Fn(&mut LaunchRequest)| {
        let mut request = bench.place.request("lab");
        change(&mut request);
        bench.apps.launch(&bench.kim, request).await.unwrap_err()
    };
    assert_eq!(
        problems(&launch(&|r| r.template = "../etc".into()).await),
        [("template".into(), "choice_unknown".into())]
    );
    assert_eq!(codes(&launch(&|r| r.template = "absent".into()).await), ["template_unavailable"]);
    for name in ["", "ab", "Lab", "lab\0", "../x", "안녕하세요", &"x".repeat(41)] {
        assert_eq!(codes(&launch(&|r| r.name = name.into()).await), ["app_name_invalid"], "{name:?}");
    }
    let all = launch(&|r| {
        r.name = "X".into();
        r.values = BTreeMap::from([("uid".into(), "0".into())]);
        r.resources = Some(Resources { cpu_millis: u32::MAX, memory_bytes: 0, gpus: 1 });
    });
    let fields: Vec<_> = problems(&all.await).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "name",
        "values.uid",
        "values.script",
        "resources.cpu_millis",
        "resources.memory_bytes",
        "resources.gpus",
    ];
    assert_eq!(fields, expected);
    assert_eq!(bench.apps.list(&bench.kim).await.unwrap(), []);

    bench.launch(bench.place.request("lab")).await;
    assert_eq!(codes(&launch(&|_| {}).await), ["app_name_taken"]);
    let other = bench.launch(bench.place.request("other")).await;
    let renamed = bench.apps.rename(&bench.kim, &other.id, "lab").await.unwrap_err();
    assert_eq!(problems(&renamed), [("name".into(), "app_name_taken".into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_at_once_do_not_pass_the_contract_together() {
    let bench = Bench::new().await;
    let limits = Resources { cpu_millis: 2000, memory_bytes: 512 * MIB, gpus: 0 };
    let contract =
        |ends_at| Contract { starts_at: Timestamp::from_millis(0), ends_at, limits, budget_sru_hours: None };
    let store = bench.place.store().await;
    store.set_contract(&bench.kim.id, &contract(Timestamp::now().plus_secs(3600))).await.unwrap();
    let launches = (0..4).map(|index| {
        let (apps, kim) = (bench.apps.clone(), bench.kim.clone());
        let request = bench.place.request(&format!("app-{index}"));
        tokio::spawn(async move { apps.launch(&kim, request).await })
    });
    let mut refused = 0;
    for launch in launches.collect::<Vec<_>>() {
        if let Err(error) = launch.await.unwrap() {
            assert_eq!(codes(&error), ["contract_cpu_exceeded", "contract_memory_exceeded"]);
            refused += 1;
        }
    }
    assert_eq!(refused, 2);
    store.set_contract(&bench.kim.id, &contract(Timestamp::now().plus_secs(-1))).await.unwrap();
    let over = bench.apps.launch(&bench.kim, bench.place.request("late")).await.unwrap_err();
    assert!(matches!(over, Error::Conflict { code: "contract_not_in_force", .. }), "{over:?}");
}
