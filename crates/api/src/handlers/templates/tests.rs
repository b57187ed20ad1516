use http::Method;

use crate::testing::{As, TestPortal};

const TEMPLATES: &str = "/api/v1/templates";

#[tokio::test]
async fn only_who_is_signed_in_sees_what_can_be_launched() {
    let portal = TestPortal::new().await;
    portal.person("kim").await;
    let nobody = portal.ask(&As::Anybody, Method::GET, TEMPLATES, None).await;
    assert_eq!(nobody.problem(), (401, "unauthenticated".to_owned()));
    let kim = portal.browser("kim").await;
    let answer = portal.ask(&kim, Method::GET, TEMPLATES, None).await;
    let templates = answer.json["items"].as_array().unwrap();
    let find = |id: &str| templates.iter().find(|template| template["id"] == id).unwrap();
    assert_eq!(find("command")["available"], true);
    assert_eq!(find("command")["fields"][0]["kind"], "multiline");
    assert_eq!(find("rstudio")["available"], false);
    let how = &find("rstudio")["missing"][0]["how"];
    assert!(how["en"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(how["ko"].as_str().is_some_and(|text| !text.is_empty()));
}
