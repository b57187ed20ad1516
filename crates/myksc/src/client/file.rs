//! `file …`.

use std::path::PathBuf;

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::download::{Download, Range};
use super::http::query_value;
use super::output::{Output, text};
use super::upload::Upload;
use super::{ClientError, Result, credentials, size};

/// Commands about files. A path is `home/folder/name`; in it `%` is written `%25`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is in a folder.
    Ls {
        /// The folder.
        #[arg(default_value = "home")]
        path: String,
    },
    /// Fetch a file.
    Get {
        /// The file.
        path: String,
        /// Where to: a file, a folder, or - for standard output; the same name here when absent.
        to: Option<PathBuf>,
        /// Only these bytes: FIRST-LAST, FIRST- or -COUNT; goes to standard output unless TO is given.
        #[arg(long)]
        range: Option<Range>,
        /// Replace the file that is there.
        #[arg(long)]
        overwrite: bool,
    },
    /// Upload a file; an upload that was cut goes on where it was.
    Put {
        /// The file here.
        from: PathBuf,
        /// Where to: a path, or a folder when it ends in /.
        #[arg(default_value = "home/")]
        to: String,
        /// Replace the file that is there.
        #[arg(long)]
        overwrite: bool,
    },
    /// Make a folder.
    Mkdir {
        /// The folder.
        path: String,
    },
    /// Move or rename.
    Mv {
        /// What.
        from: String,
        /// Where to.
        to: String,
        /// Replace what is there.
        #[arg(long)]
        overwrite: bool,
    },
    /// Remove files, and folders with all that is in them.
    Rm {
        /// What.
        #[arg(required = true)]
        paths: Vec<String>,
    },
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(self, out: &Output) -> Result<()> {
        let client = credentials::client()?;
        match self {
            Self::Ls { path } => {
                let path = path.trim_end_matches('/');
                let entries =
                    client.list(&format!("/api/v1/files/entries?path={}", query_value(path))).await?;
                out.list(&entries, ["KIND", "SIZE", "MODIFIED", "NAME"], row)
            }
            Self::Get { path, to, range, overwrite } => {
                Download { client, path, to, range, overwrite }.run(out).await
            }
            Self::Put { from, to, overwrite } => {
                let to = target(&from, &to)?;
                Upload { client, from, to, overwrite }.run(out).await
            }
            Self::Mkdir { path } => {
                let entry = client
                    .send(Method::POST, "/api/v1/files/folders", Some(&json!({ "path": path })))
                    .await?;
                out.value(&entry, |entry| text(entry, "/path"))
            }
            Self::Mv { from, to, overwrite } => {
                let body = json!({ "from": from, "to": to, "overwrite": overwrite });
                let entry = client.send(Method::POST, "/api/v1/files/move", Some(&body)).await?;
                out.value(&entry, |entry| text(entry, "/path"))
            }
            Self::Rm { paths } => {
                client.send(Method::POST, "/api/v1/files/remove", Some(&json!({ "paths": paths }))).await?;
                out.value(&json!({ "removed": paths }), |_| String::new())
            }
        }
    }
}

fn row(entry: &Value) -> [String; 4] {
    let bytes = entry["size_bytes"].as_u64().map(size::show_bytes).unwrap_or_default();
    let is_folder = entry["kind"] == "folder";
    let name = text(entry, "/name") + if is_folder { "/" } else { "" };
    [text(entry, "/kind"), if is_folder { String::new() } else { bytes }, text(entry, "/modified_at"), name]
}

/// The path to upload to: a folder takes the file's own name, spelled as paths are.
fn target(from: &std::path::Path, to: &str) -> Result<String> {
    let Some(folder) = to.strip_suffix('/') else { return Ok(to.to_owned()) };
    let refuse = |why: &dyn std::fmt::Display| ClientError::Usage(format!("{to}: {why}"));
    let folder: myksc_core::UserPath = folder.parse().map_err(|error| refuse(&error))?;
    let name = from.file_name().ok_or_else(|| refuse(&"the file has no name"))?;
    folder.join(name).map(|path| path.to_string()).map_err(|error| refuse(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_the_files_own_name() {
        assert_eq!(target("/tmp/결과 100%.csv".as_ref(), "home/").unwrap(), "home/결과 100%25.csv");
        assert_eq!(target("x".as_ref(), "home/a/b").unwrap(), "home/a/b");
        assert!(target("..".as_ref(), "home/").is_err());
        assert!(target("x".as_ref(), "/").is_err());
    }
}
