use http::{Method, StatusCode};
use myksc_core::Timestamp;
use serde_json::json;

use super::*;
use crate::testing::{As, TestPortal};

#[tokio::test]
async fn a_person_sees_her_own_contract_and_use_alone() {
    let portal = TestPortal::new().await;
    let kim = portal.person("kim").await;
    portal.person("lee").await;
    portal.app(&kim).await;
    let contract = Contract {
        starts_at: Timestamp::from_millis(0),
        ends_at: Timestamp::from_millis(1_000),
        limits: Resources { cpu_millis: 4_000, memory_bytes: 1 << 33, gpus: 0 },
        budget_sru_hours: None,
    };
    portal.state.store.set_contract(&kim.id, &contract).await.unwrap();
    let path = "/api/v1/contract";
    let of_kim = portal.ask(&portal.browser("kim").await, Method::GET, path, None).await;
    assert_eq!(of_kim.json["contract"], json!(contract));
    assert_eq!(of_kim.json["in_use"], json!({ "cpu_millis": 1500, "memory_bytes": 1 << 30, "gpus": 0 }));
    assert!(of_kim.json["machine"]["memory_bytes"].as_u64().unwrap() > 0);
    let of_lee = portal.ask(&portal.browser("lee").await, Method::GET, path, None).await;
    assert_eq!(of_lee.json["contract"], json!(null));
    assert_eq!(of_lee.json["in_use"], json!({ "cpu_millis": 0, "memory_bytes": 0, "gpus": 0 }));
    let of_nobody = portal.ask(&As::Anybody, Method::GET, path, None).await;
    assert_eq!(of_nobody.status, StatusCode::UNAUTHORIZED);
}
