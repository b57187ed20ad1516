//! What belongs to kim, for tests of what others may do with it.

use bytes::Bytes;
use http::{HeaderName, Method};
use myksc_core::PasskeyId;
use myksc_testkit::{Client, TestPortal};
use serde_json::{Value, json};

use crate::jobs::until;

/// Ids of kim's things.
pub(crate) struct Kims {
    pub(crate) client: Client,
    pub(crate) app: String,
    pub(crate) job: String,
    pub(crate) session: String,
    pub(crate) token: String,
    pub(crate) upload: String,
    pub(crate) user: String,
    /// One that nobody has: to make one takes an authenticator.
    pub(crate) passkey: String,
}

/// A word that stands in kim's things and nowhere else.
pub(crate) const MARK: &str = "kims-own-thing";

impl Kims {
    /// Makes one thing of each kind.
    pub(crate) async fn make(portal: &TestPortal) -> Self {
        let client = portal.browser("kim").await;
        let made = |answer: myksc_testkit::Answer, status: u16| id(&answer.expect(status).json());
        let app = made(client.post("/api/v1/apps", &launch(MARK)).await, 202);
        let job = made(client.post("/api/v1/systems/local/jobs", &submission()).await, 202);
        // Its output is a file of hers from here on.
        until(&client, &format!("/api/v1/jobs/{job}"), |job| job["phase"] == "running").await;
        let token = json!({ "name": MARK, "expires_in_days": 1 });
        let token = made(client.post("/api/v1/tokens", &token).await, 201);
        let session = client.get("/api/v1/session").await.json()["session_id"].as_str().unwrap().to_owned();
        std::fs::write(portal.home().join(MARK), MARK).unwrap();
        let upload = begin_upload(&client).await;
        let user = portal.user("kim").await.id.to_string();
        Self { client, app, job, session, token, upload, user, passkey: PasskeyId::random().to_string() }
    }

    /// What of hers there is, to see that it stays as it is.
    pub(crate) async fn everything(&self) -> Value {
        let app = self.client.get(&format!("/api/v1/apps/{}", self.app)).await.expect(200).json();
        let job = self.client.get(&format!("/api/v1/jobs/{}", self.job)).await.expect(200).json();
        let tokens = self.client.get("/api/v1/tokens").await.expect(200).json();
        let sessions = self.client.get("/api/v1/sessions").await.expect(200).json();
        let uploads = self.client.get("/api/v1/files/uploads").await.expect(200).json();
        let files = self.client.get("/api/v1/files/entries?path=home").await.expect(200).json();
        let files: Vec<_> =
            files["items"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
        json!({
            "app": [app["name"], app["generation"]],
            "job": [job["name"], job["outcome"]],
            "tokens": tokens["items"].as_array().unwrap().len(),
            "sessions": sessions["items"].as_array().unwrap().len(),
            "uploads": uploads["items"].as_array().unwrap().len(),
            "files": files,
        })
    }
}

/// An app that runs and never answers.
pub(crate) fn launch(name: &str) -> Value {
    json!({ "template": "command", "name": name, "values": { "command": "sleep 600" } })
}

/// A job that runs on.
pub(crate) fn submission() -> Value {
    json!({ "script": format!("#!/bin/sh\n#MYKSC --name={MARK}\nsleep 600\n"), "work_dir": "home" })
}

pub(crate) fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap_or_else(|| panic!("no id in {thing}")).to_owned()
}

async fn begin_upload(client: &Client) -> String {
    // `home/upload` in Base64.
    let headers = [
        (HeaderName::from_static("tus-resumable"), "1.0.0"),
        (HeaderName::from_static("upload-length"), "10"),
        (HeaderName::from_static("upload-metadata"), "path aG9tZS91cGxvYWQ="),
    ];
    let answer = client.ask(Method::POST, "/api/v1/files/uploads", &headers, Bytes::new()).await.expect(201);
    let location = answer.headers["location"].to_str().unwrap();
    location.rsplit('/').next().unwrap().to_owned()
}
