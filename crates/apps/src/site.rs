//! What the site gives every app, on either runtime: variables, and the small files that some of them name.

use std::collections::BTreeMap;

/// Below an app's own folder.
const FOLDER: &str = "site";
/// What every proxy leaves alone: an app's own machine.
const OWN_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Variables in which programs look for a bundle of authorities.
const CA_VARIABLES: [&str; 6] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
];
/// Variables that say who somebody is and what her app is; the portal's own.
const OWN_VARIABLES: [&str; 7] =
    ["HOME", "USER", "LOGNAME", "SHELL", "XDG_RUNTIME_DIR", "MYKSC_APP", "MYKSC_APP_SECRET"];

/// Settings of a site for every app. No template and no person says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// Further variables; they stand above those that follow from the rest.
    pub environment: BTreeMap<String, String>,
    /// Name of a time zone (tzdata), for example `Asia/Seoul`.
    pub time_zone: Option<String>,
    /// URL of the proxy for HTTP and HTTPS.
    pub proxy: Option<String>,
    /// Hosts and domains that are reached without it, beside loopback.
    pub no_proxy: Vec<String>,
    /// Authorities that certificates come from, as PEM: all of them, for many programs take these in place of their own.
    pub authorities: Option<String>,
    /// URL of an index of Python packages.
    pub pip_index: Option<String>,
    /// URLs of conda's channels, the first the most important.
    pub conda_channels: Vec<String>,
    /// URL of a mirror of CRAN.
    pub cran: Option<String>,
    /// URL of a registry of npm's packages.
    pub npm_registry: Option<String>,
}

impl SiteSettings {
    /// Whether a variable of this name is the portal's own, and so none of the site's.
    #[must_use]
    pub fn is_own_variable(name: &str) -> bool {
        OWN_VARIABLES.contains(&name)
    }

    /// The variables of an app whose own folder is `folder`.
    pub(crate) fn variables(&self, folder: &str) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        for (name, value) in [
            ("TZ", &self.time_zone),
            ("PIP_INDEX_URL", &self.pip_index),
            ("NPM_CONFIG_REGISTRY", &self.npm_registry),
        ] {
            if let Some(value) = value {
                set(name, value);
            }
        }
        if let Some(proxy) = &self.proxy {
            let own = OWN_HOSTS.iter().map(|&host| host.to_owned());
            let without = own.chain(self.no_proxy.iter().cloned()).collect::<Vec<_>>().join(",");
            // Programs disagree about the case of the letters.
            for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
                set(name, proxy);
            }
            for name in ["no_proxy", "NO_PROXY"] {
                set(name, &without);
            }
        }
        for (name, path) in self.file_variables() {
            set(name, &format!("{folder}/{FOLDER}/{path}"));
        }
        variables.extend(self.environment.clone());
        variables
    }

    /// The files that the variables name, by their paths below the app's own folder.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut put = |name: &str, text: String| files.insert(format!("{FOLDER}/{name}"), text);
        if let Some(authorities) = &self.authorities {
            put("ca.pem", authorities.clone());
        }
        if !self.conda_channels.is_empty() {
            // A text of JSON is one of YAML, too.
            let channels = self.conda_channels.iter().map(|url| format!("  - {}\n", serde_json::json!(url)));
            put("condarc", format!("channels:\n{}", channels.collect::<String>()));
        }
        if let Some(url) = &self.cran {
            // The configuration lets no quotation marks into URLs.
            put("Rprofile", format!("local({{ options(repos = c(CRAN = \"{url}\")) }})\n"));
        }
        files
    }

    /// Variables that name files, and the files' names.
    fn file_variables(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let authorities = self.authorities.iter().flat_map(|_| CA_VARIABLES.map(|name| (name, "ca.pem")));
        let conda = (!self.conda_channels.is_empty()).then_some(("CONDARC", "condarc"));
        let r = self.cran.as_ref().map(|_| ("R_PROFILE", "Rprofile"));
        authorities.chain(conda).chain(r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_says_nothing_changes_nothing() {
        let nothing = SiteSettings::default();
        assert_eq!((nothing.variables("/app"), nothing.files()), (BTreeMap::new(), BTreeMap::new()));
    }

    #[test]
    fn every_setting_is_where_programs_look_for_it() {
        let site = SiteSettings {
            environment: [("TZ", "UTC"), ("SITE", "ksc")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            time_zone: Some("Asia/Seoul".into()),
            proxy: Some("http://proxy.example.org:3128".into()),
            no_proxy: vec![".example.org".into()],
            authorities: Some("PEM".into()),
            pip_index: Some("https://m.example.org/simple".into()),
            conda_channels: vec!["https://m.example.org/conda".into()],
            cran: Some("https://m.example.org/cran".into()),
            npm_registry: Some("https://m.example.org/npm".into()),
        };
        let variables = site.variables("/app");
        for (name, expected) in [
            ("TZ", "UTC"),
            ("SITE", "ksc"),
            ("https_proxy", "http://proxy.example.org:3128"),
            ("HTTP_PROXY", "http://proxy.example.org:3128"),
            ("NO_PROXY", "localhost,127.0.0.1,::1,.example.org"),
            ("SSL_CERT_FILE", "/app/site/ca.pem"),
            ("NODE_EXTRA_CA_CERTS", "/app/site/ca.pem"),
            ("PIP_INDEX_URL", "https://m.example.org/simple"),
            ("CONDARC", "/app/site/condarc"),
            ("R_PROFILE", "/app/site/Rprofile"),
            ("NPM_CONFIG_REGISTRY", "https://m.example.org/npm"),
        ] {
            assert_eq!(variables.get(name).map(String::as_str), Some(expected), "{name}");
        }
        let files = site.files();
        assert_eq!(files["site/ca.pem"], "PEM");
        assert_eq!(files["site/condarc"], "channels:\n  - \"https://m.example.org/conda\"\n");
        assert_eq!(
            files["site/Rprofile"],
            "local({ options(repos = c(CRAN = \"https://m.example.org/cran\")) })\n"
        );
    }
}
