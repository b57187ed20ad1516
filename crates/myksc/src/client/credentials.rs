//! The token of the last sign-in, in the user's configuration folder.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::http::Client;
use super::{ClientError, Result};

/// What `login` keeps.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The portal's URL.
    pub(crate) server: String,
    /// The API token.
    pub(crate) token: String,
    /// The token's id, to delete it when another replaces it.
    pub(crate) token_id: String,
}

/// A client with what the environment says, else with what `login` kept.
pub(crate) fn client() -> Result<Client> {
    let server = variable("MYKSC_SERVER");
    let token = variable("MYKSC_TOKEN");
    if let (Some(server), Some(token)) = (&server, &token) {
        return Ok(Client::with_token(Address::parse(server)?, token.clone()));
    }
    let kept = load()?;
    if let Some(token) = token {
        let server = server.or(kept.map(|kept| kept.server)).ok_or(ClientError::NotSignedIn)?;
        return Ok(Client::with_token(Address::parse(&server)?, token));
    }
    let kept = kept.ok_or(ClientError::NotSignedIn)?;
    let address = Address::parse(&kept.server)?;
    if let Some(server) = server {
        let asked = Address::parse(&server)?;
        // A token is shown to the portal that gave it and to no other.
        if asked != address {
            return Err(ClientError::NotSignedIn);
        }
    }
    Ok(Client::with_token(address, kept.token))
}

/// What `login` kept, if it did.
pub(crate) fn load() -> Result<Option<Credentials>> {
    let path = path()?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ClientError::File(path.display().to_string(), error)),
    };
    let open = std::fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    if open {
        return Err(ClientError::Usage(format!(
            "{} can be read by others; run `myksc login` again",
            path.display()
        )));
    }
    toml::from_str(&text)
        .map(Some)
        .map_err(|_| ClientError::Usage(format!("{} is damaged; run `myksc login` again", path.display())))
}

/// Keeps the credentials, readable by their owner alone.
pub(crate) fn save(credentials: &Credentials) -> Result<()> {
    let path = path()?;
    let text = toml::to_string(credentials).map_err(|error| ClientError::Failed(error.to_string()))?;
    replace(&path, text.as_bytes()).map_err(|error| ClientError::File(path.display().to_string(), error))
}

/// Forgets them.
pub(crate) fn forget() -> Result<()> {
    let path = path()?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ClientError::File(path.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = folder.join(format!(".credentials.{}", std::process::id()));
    let written = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    let written = written.and_then(|mut file| {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&new);
    })
}

fn path() -> Result<PathBuf> {
    let configured = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = configured.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
    let folder =
        folder.ok_or_else(|| ClientError::Usage("there is no home folder to keep a token in".to_owned()))?;
    Ok(folder.join("myksc/credentials.toml"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
