//! What is made from the program and committed: `openapi/myksc.json`, from which the web UI's types are made, and
//! `docs/api-access.md`, which says who may do what.

#[test]
fn the_committed_document_is_the_programs_own() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/myksc.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == myksc_api::document_text().unwrap(), "run `make openapi` and commit the result");
}

#[test]
fn the_committed_table_of_who_may_do_what_is_the_programs_own() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api-access.md");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == myksc_api::access_table(), "run `make openapi` and commit the result");
}
