//! `login`, `logout`, `whoami`, `quota`.

use std::io::Read as _;

use clap::Args;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::address::Address;
use super::credentials::{self, Credentials};
use super::device::Device;
use super::http::{Client, read_json};
use super::output::{Output, text};
use super::{ClientError, Result, size};

/// The longest password that is read; the portal refuses shorter ones already.
const PASSWORD_LIMIT_BYTES: u64 = 4096;

/// Arguments of `login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The portal's URL, for example http://localhost:8080.
    #[arg(long, env = "MYKSC_SERVER")]
    server: String,
    /// The account's name, with `--password-stdin`. Without both, the sign-in is confirmed in a browser.
    #[arg(long, requires = "password_stdin")]
    user: Option<String>,
    /// Read the password from standard input (arguments can be seen by others).
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// Name of the API token that is made.
    #[arg(long, default_value = "command line")]
    token_name: String,
    /// Days after which the token ends.
    #[arg(long, default_value_t = 30)]
    expires_in_days: u32,
}

impl Login {
    /// Gets an API token in one of two ways, and keeps it.
    pub(crate) async fn run(&self, out: &Output) -> Result<()> {
        let address = Address::parse(&self.server)?;
        let anonymous = Client::anonymous(address.clone());
        match &self.user {
            Some(user) => self.by_password(user, &address, &anonymous, out).await,
            None => self.by_browser(&address, &anonymous, out).await,
        }
    }

    /// Has a person confirm it in a browser.
    async fn by_browser(&self, address: &Address, anonymous: &Client, out: &Output) -> Result<()> {
        let device = Device::start(anonymous, &self.token_name, self.expires_in_days).await?;
        device.show(out)?;
        let token = device.wait(anonymous).await?;
        // Kept first: it is given once.
        self.keep(address, &token).await?;
        let client = Client::with_token(address.clone(), secret_of(&token)?);
        let session: Value = client.get("/api/v1/session").await?;
        tell(out, &session, &token)
    }

    /// Signs in, makes an API token, keeps it, and signs out again.
    async fn by_password(
        &self,
        user: &str,
        address: &Address,
        anonymous: &Client,
        out: &Output,
    ) -> Result<()> {
        let body = json!({ "name": user, "password": read_password()? });
        let bytes = serde_json::to_vec(&body).map_err(|error| ClientError::Failed(error.to_string()))?;
        let response = anonymous.ask(Method::POST, "/api/v1/session", Some(bytes)).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Err(ClientError::SecondFactor(address.origin()));
        }
        let cookie = session_cookie(response.headers())?;
        let session: Value = read_json(response).await?;
        let signed_in = anonymous.with_session(cookie, text(&session, "/csrf_token"));
        let made = self.make_token(&signed_in).await;
        // The session has served; a failure to end it must not hide the token's.
        let ended = signed_in.send(Method::DELETE, "/api/v1/session", None::<&Value>).await;
        let token = made?;
        ended?;
        self.keep(address, &token).await?;
        tell(out, &session, &token)
    }

    async fn make_token(&self, client: &Client) -> Result<Value> {
        let body = json!({ "name": self.token_name, "expires_in_days": self.expires_in_days });
        client.send(Method::POST, "/api/v1/tokens", Some(&body)).await
    }

    async fn keep(&self, address: &Address, token: &Value) -> Result<()> {
        let secret = secret_of(token)?;
        let before = credentials::load().ok().flatten();
        let fresh = Credentials { server: address.origin(), token: secret, token_id: text(token, "/id") };
        credentials::save(&fresh)?;
        if let Some(before) = before.filter(|before| before.server == fresh.server) {
            // Best effort: the old token may be over, and ends by itself in any case.
            let old = Client::with_token(address.clone(), before.token);
            let _ = delete_token(&old, &before.token_id).await;
        }
        Ok(())
    }
}

/// Deletes the kept token, here and on the portal.
pub(crate) async fn logout(out: &Output) -> Result<()> {
    let Some(kept) = credentials::load()? else { return Err(ClientError::NotSignedIn) };
    let client = Client::with_token(Address::parse(&kept.server)?, kept.token);
    match delete_token(&client, &kept.token_id).await {
        Ok(()) => {}
        // It is over already, which is what was asked for.
        Err(ClientError::Refused(problem)) if matches!(problem.status, 401 | 404) => {}
        Err(error) => return Err(error),
    }
    credentials::forget()?;
    out.value(&json!({}), |_| "Signed out.".to_owned())
}

/// Who is signed in.
pub(crate) async fn whoami(out: &Output) -> Result<()> {
    let session: Value = credentials::client()?.get("/api/v1/session").await?;
    out.value(&session, |session| {
        let user = |field: &str| text(session, &format!("/user/{field}"));
        format!("{} (uid {}, gid {}, home {})", user("name"), user("uid"), user("gid"), user("home"))
    })
}

/// The contract, and what is in use.
pub(crate) async fn quota(out: &Output) -> Result<()> {
    let contract: Value = credentials::client()?.get("/api/v1/contract").await?;
    out.value(&contract, |contract| {
        let mut lines = Vec::new();
        if contract["contract"].is_null() {
            lines.push("No contract is on record.".to_owned());
        } else {
            let period = |end: &str| text(contract, &format!("/contract/{end}"));
            lines.push(format!("Contract from {} to {}", period("starts_at"), period("ends_at")));
            lines.push(format!("Limits:  {}", resources(&contract["contract"]["limits"])));
            if let Some(hours) = contract["contract"]["budget_sru_hours"].as_f64() {
                lines.push(format!("Budget:  {hours} SRU hours"));
            }
        }
        lines.push(format!("In use:  {}", resources(&contract["in_use"])));
        lines.push(format!("Machine: {}", resources(&contract["machine"])));
        lines.join("\n")
    })
}

/// Resources in words.
pub(crate) fn resources(value: &Value) -> String {
    let number = |field: &str| value[field].as_u64().unwrap_or(0);
    let (cpu, memory) = (size::show_cpu(number("cpu_millis")), size::show_bytes(number("memory_bytes")));
    format!("{cpu} cores, {memory} memory, {} GPUs", number("gpus"))
}

/// Says who is signed in, on one line also as JSON: a program that reads lines may have read the codes before.
fn tell(out: &Output, session: &Value, token: &Value) -> Result<()> {
    out.line(&json!({ "user": session["user"], "expires_at": token["expires_at"] }), |_| {
        format!("Signed in as {} until {}.", text(session, "/user/name"), text(token, "/expires_at"))
    })
}

fn secret_of(token: &Value) -> Result<String> {
    let secret = token["token"].as_str().map(str::to_owned);
    secret.ok_or_else(|| ClientError::Protocol("there is no token in the answer".to_owned()))
}

async fn delete_token(client: &Client, id: &str) -> Result<()> {
    client.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), None::<&Value>).await.map(|_| ())
}

/// One password from standard input, without the end of its line.
pub(crate) fn read_password() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(PASSWORD_LIMIT_BYTES).read_to_string(&mut text);
    read.map_err(|error| ClientError::File("standard input".to_owned(), error))?;
    // `echo` and editors end the line; a password itself never ends in one.
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(ClientError::Usage("there is no password on standard input".to_owned()));
    }
    Ok(password.to_owned())
}

fn session_cookie(headers: &HeaderMap) -> Result<String> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.filter_map(|value| value.split(';').next()).map(str::trim);
    pairs
        .find(|pair| pair.starts_with("__Host-myksc="))
        .map(str::to_owned)
        .ok_or_else(|| ClientError::Protocol("there is no session in the answer".to_owned()))
}
