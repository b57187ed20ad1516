//! Requests and responses on their way through.

use crate::app::App;
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_its_app_on_a_unix_socket_and_on_tcp() {
    let rig = Rig::start().await;
    for app in [App::on_unix().await, App::on_tcp().await] {
        let visitor = rig.visitor_at(app.endpoint.clone());
        let answer = rig.request(&visitor, "GET", "/headers?a=b").send().await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("GET /headers?a=b HTTP/1.1\n"), "{}", answer.text());
        let answer = rig.request(&visitor, "POST", "/echo").body("hello").send().await;
        assert_eq!(answer.text(), "hello");
    }
}
