//! `[apps]`: the catalogue, and what every app gets.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use myksc_apps::SiteSettings;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Idle, broken};
use crate::exit::Failure;

/// Less of a log would tell nobody anything.
const MIN_LOG_LIMIT_BYTES: u64 = 64 << 10;
/// A secret of a cluster holds 1 MiB in all.
const MAX_CA_BYTES: usize = 512 << 10;

/// Apps, wherever they run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Apps {
    /// Folder of the templates; the ones that ship with the portal when absent.
    pub(crate) catalogue: Option<PathBuf>,
    /// Folders in which programs of apps are looked for, before those of `PATH`.
    pub(crate) program_folders: Vec<PathBuf>,
    /// The most bytes of an app's log that are kept, its beginning and its end.
    pub(crate) log_limit_bytes: u64,
    /// When they end by themselves.
    pub(crate) idle: Idle,
    /// Variables of every app.
    pub(crate) environment: BTreeMap<String, String>,
    /// What every app knows of the site.
    pub(crate) site: AppsSite,
}

/// What every app knows of the site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AppsSite {
    /// Name of the time zone.
    pub(crate) time_zone: Option<String>,
    /// URL of the proxy for HTTP and HTTPS.
    pub(crate) proxy: Option<String>,
    /// Hosts and domains that are reached without it.
    pub(crate) no_proxy: Vec<String>,
    /// PEM: all authorities that certificates come from.
    pub(crate) ca_file: Option<PathBuf>,
    /// URL of an index of Python packages.
    pub(crate) pip_index: Option<String>,
    /// URLs of conda's channels.
    pub(crate) conda_channels: Vec<String>,
    /// URL of a mirror of CRAN.
    pub(crate) cran: Option<String>,
    /// URL of a registry of npm's packages.
    pub(crate) npm_registry: Option<String>,
}

impl Default for Apps {
    fn default() -> Self {
        Self {
            catalogue: None,
            program_folders: Vec::new(),
            log_limit_bytes: myksc_apps::DEFAULT_LOG_LIMIT_BYTES,
            idle: Idle::default(),
            environment: BTreeMap::new(),
            site: AppsSite::default(),
        }
    }
}

impl Apps {
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.log_limit_bytes < MIN_LOG_LIMIT_BYTES {
            return Err(broken(format!("apps.log_limit_bytes: must be at least {MIN_LOG_LIMIT_BYTES}")));
        }
        self.idle.check()?;
        for (name, value) in &self.environment {
            if !is_variable(name) || SiteSettings::is_own_variable(name) {
                return Err(broken(format!(
                    "apps.environment: {name:?} is no variable that apps can be given"
                )));
            }
            if value.contains(char::is_control) {
                return Err(broken(format!("apps.environment.{name}: a value is one line")));
            }
        }
        self.site.check()
    }

    /// What every app gets; reads the authorities.
    ///
    /// # Errors
    /// When they can't be read or are none.
    pub(crate) fn site_settings(&self) -> Result<SiteSettings, Failure> {
        let site = self.site.clone();
        Ok(SiteSettings {
            environment: self.environment.clone(),
            authorities: site.authorities()?,
            time_zone: site.time_zone,
            proxy: site.proxy,
            no_proxy: site.no_proxy,
            pip_index: site.pip_index,
            conda_channels: site.conda_channels,
            cran: site.cran,
            npm_registry: site.npm_registry,
        })
    }
}

impl AppsSite {
    fn check(&self) -> Result<(), Failure> {
        let is_zone = |zone: &String| {
            !zone.is_empty()
                && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte))
        };
        if !self.time_zone.as_ref().is_none_or(is_zone) {
            return Err(broken("apps.site.time_zone: the name of a time zone, such as Asia/Seoul"));
        }
        let urls = [
            ("proxy", &self.proxy),
            ("pip_index", &self.pip_index),
            ("cran", &self.cran),
            ("npm_registry", &self.npm_registry),
        ];
        let urls = urls.into_iter().flat_map(|(key, url)| url.iter().map(move |url| (key, url)));
        let channels = self.conda_channels.iter().map(|url| ("conda_channels", url));
        for (key, url) in urls.chain(channels) {
            if !is_url(url) {
                return Err(broken(format!("apps.site.{key}: {url:?} is no http or https URL")));
            }
        }
        let is_host = |host: &String| {
            !host.is_empty() && !host.contains([',', ' ']) && !host.contains(char::is_control)
        };
        if !self.no_proxy.iter().all(is_host) {
            return Err(broken("apps.site.no_proxy: a list of hosts and domains, each by itself"));
        }
        Ok(())
    }

    fn authorities(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let wrong = |what: String| broken(format!("apps.site.ca_file: {}: {what}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        if !text.contains("-----BEGIN CERTIFICATE-----") || text.contains("PRIVATE KEY") {
            return Err(wrong("certificates as PEM, and no key".to_owned()));
        }
        if text.len() > MAX_CA_BYTES {
            return Err(wrong(format!("at most {MAX_CA_BYTES} bytes")));
        }
        Ok(Some(text))
    }
}

/// A name that shells take (POSIX, 3.231).
fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A URL that stands in files and shells as it is.
fn is_url(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\`$".contains(&byte));
    is_plain && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Apps {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_does_not_hold_is_told_by_its_key() {
        parse("environment = { PIP_NO_INPUT = \"1\" }\n[site]\nproxy = \"http://p:3128\"").check().unwrap();
        for (text, key) in [
            ("log_limit_bytes = 1", "apps.log_limit_bytes"),
            ("environment = { HOME = \"/\" }", "apps.environment"),
            ("environment = { \"A-B\" = \"x\" }", "apps.environment"),
            ("environment = { A = \"x\\ny\" }", "apps.environment.A"),
            ("[site]\ntime_zone = \"Asia Seoul\"", "apps.site.time_zone"),
            ("[site]\nproxy = \"proxy:3128\"", "apps.site.proxy"),
            ("[site]\ncran = \"https://m/\\\"); system(\\\"id\"", "apps.site.cran"),
            ("[site]\nconda_channels = [\"conda-forge\"]", "apps.site.conda_channels"),
            ("[site]\nno_proxy = [\"a,b\"]", "apps.site.no_proxy"),
        ] {
            let error = parse(text).check().unwrap_err().to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
    }

    #[test]
    fn authorities_are_certificates_and_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let settings = || {
            let site = AppsSite { ca_file: Some(file.clone()), ..AppsSite::default() };
            Apps { site, ..Apps::default() }.site_settings()
        };
        assert!(settings().unwrap_err().to_string().contains("ca.pem"));
        let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        fs::write(&file, certificate).unwrap();
        assert_eq!(settings().unwrap().authorities.as_deref(), Some(certificate));
        for wrong in ["", "-----BEGIN PRIVATE KEY-----", &format!("{certificate}-----BEGIN PRIVATE KEY-----")]
        {
            fs::write(&file, wrong).unwrap();
            assert!(settings().is_err(), "{wrong:?}");
        }
    }
}
