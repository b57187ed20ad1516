//! `openapi/myksc.json`, from which the web UI's types are made.

#[test]
fn the_committed_document_is_the_programs_own() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/myksc.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == myksc_api::document_text().unwrap(), "run `make openapi` and commit the result");
}
