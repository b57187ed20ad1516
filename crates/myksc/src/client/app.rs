//! `app …`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::account::resources;
use super::http::{Client, query_value};
use super::output::{Output, plain, text};
use super::{ClientError, Result, credentials, follow, patience, size};

/// How often `--wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Commands about apps. An app is named by its name or its id.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What can be launched.
    Catalogue,
    /// Launch an app.
    Launch(Launch),
    /// The apps.
    List,
    /// One app, with its steps.
    Show {
        /// Name or id.
        app: String,
    },
    /// An app's log.
    Logs {
        /// Name or id.
        app: String,
        /// Go on until the app ends.
        #[arg(short, long)]
        follow: bool,
    },
    /// The address of an app, with a ticket that opens it once within 30 seconds.
    Open {
        /// Name or id.
        app: String,
    },
    /// Stop an app; its definition is kept.
    Stop(Change),
    /// Let an app go on that is about to end because nothing uses it.
    Keep {
        /// Name or id.
        app: String,
    },
    /// Start a stopped or failed app.
    Start(Change),
    /// Stop an app and forget it.
    Delete(Change),
}

/// Arguments of `launch`.
#[derive(Debug, Args)]
pub(crate) struct Launch {
    /// The template's id, as in `app catalogue`.
    template: String,
    /// Name of the app: 3 to 40 characters of a-z, 0-9 and -.
    #[arg(long)]
    name: Option<String>,
    /// CPU cores, for example 1 or 0.5.
    #[arg(long, value_parser = size::parse_cpu)]
    cpu: Option<u32>,
    /// Memory, for example 1Gi.
    #[arg(long, value_parser = size::parse_bytes)]
    memory: Option<u64>,
    /// GPUs.
    #[arg(long)]
    gpu: Option<u32>,
    /// A field of the template's form.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = parse_field)]
    fields: Vec<(String, String)>,
    /// Wait until it answers, and tell its steps.
    #[arg(long)]
    wait: bool,
}

/// Arguments of a change.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Name or id.
    app: String,
    /// Wait until it is done.
    #[arg(long)]
    wait: bool,
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(&self, out: &Output) -> Result<()> {
        let client = credentials::client()?;
        match self {
            Self::Catalogue => catalogue(&client, out).await,
            Self::Launch(launch) => launch.run(&client, out).await,
            Self::List => list(&client, out).await,
            Self::Show { app } => {
                let app: Value = client.get(&path_of(&client, app).await?).await?;
                out.value(&app, describe)
            }
            Self::Logs { app, follow } => {
                let path = path_of(&client, app).await? + "/log";
                follow::print(&client, out, &path, 0, *follow).await
            }
            Self::Open { app } => {
                let path = path_of(&client, app).await? + "/tickets";
                let ticket = client.send(Method::POST, &path, Some(&json!({}))).await?;
                out.value(&ticket, |ticket| text(ticket, "/url"))
            }
            Self::Stop(change) => change.run(&client, out, Method::POST, "/stop", "stopped").await,
            Self::Keep { app } => {
                let path = path_of(&client, app).await? + "/keep";
                let app = client.send(Method::POST, &path, None::<&Value>).await?;
                out.value(&app, describe)
            }
            Self::Start(change) => change.run(&client, out, Method::POST, "/start", "ready").await,
            Self::Delete(change) => change.run(&client, out, Method::DELETE, "", "deleted").await,
        }
    }
}

impl Launch {
    async fn run(&self, client: &Client, out: &Output) -> Result<()> {
        let templates = client.list("/api/v1/templates").await?;
        let template = templates.iter().find(|template| template["id"] == self.template.as_str());
        let template = template.ok_or_else(|| ClientError::NotFound("template", self.template.clone()))?;
        let mut resources = template["defaults"].clone();
        let asked = [
            ("cpu_millis", self.cpu.map(Value::from)),
            ("memory_bytes", self.memory.map(Value::from)),
            ("gpus", self.gpu.map(Value::from)),
        ];
        for (name, value) in asked {
            if let Some(value) = value {
                resources[name] = value;
            }
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => free_name(client, &self.template).await?,
        };
        let values: BTreeMap<_, _> = self.fields.iter().cloned().collect();
        let body =
            json!({ "template": self.template, "name": name, "resources": resources, "values": values });
        let app = client.send(Method::POST, "/api/v1/apps", Some(&body)).await?;
        let app = if self.wait { wait(client, out, &app, "ready").await? } else { app };
        out.value(&app, describe)
    }
}

impl Change {
    async fn run(
        &self,
        client: &Client,
        out: &Output,
        method: Method,
        action: &str,
        end: &str,
    ) -> Result<()> {
        let path = path_of(client, &self.app).await? + action;
        let app = client.send(method, &path, None::<&Value>).await?;
        let app = if self.wait { wait(client, out, &app, end).await? } else { app };
        out.value(&app, describe)
    }
}

async fn catalogue(client: &Client, out: &Output) -> Result<()> {
    let templates = client.list("/api/v1/templates").await?;
    out.list(&templates, ["ID", "TITLE", "VERSION", "NEEDS"], |template| {
        let missing = template["missing"].as_array().into_iter().flatten();
        let missing: Vec<_> = missing.map(|part| text(part, "/what")).collect();
        [text(template, "/id"), text(template, "/title/en"), text(template, "/version"), missing.join(", ")]
    })
}

async fn list(client: &Client, out: &Output) -> Result<()> {
    let apps = client.list("/api/v1/apps").await?;
    out.list(&apps, ["NAME", "ID", "TEMPLATE", "PHASE", "LAUNCHED", "STOPS"], |app| {
        let [name, id, template, phase, launched] =
            ["/name", "/id", "/template", "/phase", "/launched_at"].map(|field| text(app, field));
        let stops = if phase == "ready" { text(app, "/auto_stop/at") } else { String::new() };
        [name, id, template, phase, launched, stops]
    })
}

/// When and why the portal ends the app by itself, or has ended it.
fn auto_stop(app: &Value) -> Option<String> {
    let since = text(app, "/auto_stop/since");
    let why = match app.pointer("/auto_stop/cause")?.as_str()? {
        "idle" => format!("not in use since {since}"),
        _ => format!("it has run since {since}, as long as an app may"),
    };
    match app["phase"].as_str()? {
        "ready" => Some(format!("stops     {}, {why}", text(app, "/auto_stop/at"))),
        "stopping" | "stopped" => Some(format!("stopped   {why}")),
        _ => None,
    }
}

/// Tells the steps on standard error until the app's phase is `end`. That it failed is an error, unless it was
/// to stop.
async fn wait(client: &Client, out: &Output, app: &Value, end: &str) -> Result<Value> {
    let path = format!("/api/v1/apps/{}", query_value(&text(app, "/id")));
    let mut told = BTreeSet::new();
    loop {
        let app: Value = match patience::get(client, &path).await {
            Err(ClientError::Refused(problem)) if problem.status == 404 && end == "deleted" => {
                return Ok(json!({ "id": app["id"], "name": app["name"], "phase": "deleted" }));
            }
            app => app?,
        };
        for step in app["steps"].as_array().into_iter().flatten() {
            let key = (text(step, "/step"), text(step, "/at"));
            if end == "ready" && told.insert(key.clone()) {
                out.note(&format!("{}  {}  {}", key.1, key.0, text(step, "/source")));
            }
        }
        let phase = text(&app, "/phase");
        match phase.as_str() {
            phase if phase == end => return Ok(app),
            "failed" if end == "stopped" => return Ok(app),
            "failed" | "stopped" if end == "ready" => {
                return Err(ClientError::Failed(format!("the app is {phase}{}", failure(&app))));
            }
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

fn failure(app: &Value) -> String {
    if app["failure"].is_null() {
        return String::new();
    }
    let log = app["failure"]["log_tail"].as_array().into_iter().flatten();
    let log: String = log.filter_map(Value::as_str).map(|line| format!("\n  {}", plain(line))).collect();
    format!(": {}{log}", text(app, "/failure/detail"))
}

fn describe(app: &Value) -> String {
    let mut lines = vec![
        format!("{}  {}", text(app, "/name"), text(app, "/id")),
        format!("template  {}", text(app, "/template")),
        format!("phase     {}{}", text(app, "/phase"), failure(app)),
    ];
    lines.extend(auto_stop(app));
    if app["resources"].is_object() {
        lines.push(format!("resources {}", resources(&app["resources"])));
    }
    for step in app["steps"].as_array().into_iter().flatten() {
        lines.push(format!("{}  {}  {}", text(step, "/at"), text(step, "/step"), text(step, "/source")));
    }
    lines.join("\n")
}

/// The path of the app that a person named by its id or its name. A name may look like an id; an id goes first.
async fn path_of(client: &Client, named: &str) -> Result<String> {
    let apps = client.list("/api/v1/apps").await?;
    let by = |field: &str| apps.iter().find(|app| app[field] == named);
    let found =
        by("id").or_else(|| by("name")).ok_or_else(|| ClientError::NotFound("app", named.to_owned()))?;
    Ok(format!("/api/v1/apps/{}", query_value(&text(found, "/id"))))
}

/// The template's id with the first number that no app has yet.
async fn free_name(client: &Client, template: &str) -> Result<String> {
    let apps = client.list("/api/v1/apps").await?;
    let taken: BTreeSet<_> = apps.iter().map(|app| text(app, "/name")).collect();
    let mut names = (1..).map(|number| format!("{template}-{number}"));
    Ok(names.find(|name| !taken.contains(name)).unwrap_or_default())
}

pub(super) fn parse_field(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or_else(|| "write field=value".to_owned())?;
    Ok((field.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_before_and_after_it_came_with_its_reason() {
        let told = |phase: &str, cause: &str| {
            let (at, since) = ("2026-11-28T12:00:00Z", "2026-11-28T09:00:00Z");
            auto_stop(&json!({ "phase": phase, "auto_stop": { "cause": cause, "at": at, "since": since } }))
        };
        let stops = "stops     2026-11-28T12:00:00Z, not in use since 2026-11-28T09:00:00Z";
        assert_eq!(told("ready", "idle").as_deref(), Some(stops));
        assert_eq!(told("stopped", "idle").unwrap(), "stopped   not in use since 2026-11-28T09:00:00Z");
        assert!(told("stopped", "max_life").unwrap().ends_with("as long as an app may"));
        assert_eq!(told("starting", "idle"), None);
        assert_eq!(auto_stop(&json!({ "phase": "ready", "auto_stop": null })), None);
    }
}
