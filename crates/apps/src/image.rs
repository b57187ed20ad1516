//! References of container images, and the site's rules of which ones people may run.
//!
//! A reference is parsed where it comes in, by the grammar of registries (github.com/distribution/reference), into the
//! whole name that every registry client would make of it. Rules and manifests see that form alone, so no two spellings
//! of one image are judged differently.

use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The registry of a name without a host, as all clients have it.
const DOCKER_HOST: &str = "docker.io";
/// Another name of it.
const DOCKER_INDEX: &str = "index.docker.io";
/// Where its images without a folder are.
const DOCKER_FOLDER: &str = "library";
/// The longest host and repository together (distribution/reference, `NameTotalLengthMax`).
const MAX_NAME_BYTES: usize = 255;
const MAX_TAG_BYTES: usize = 128;

/// One image by its whole name: `HOST/REPOSITORY`, with tag, digest or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ImageReference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is no reference that can be launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    /// It is no name that a registry takes.
    #[error("write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST, with the path in lower case")]
    Invalid,
    /// What `latest` is changes from day to day.
    #[error("name a tag or a digest, for example :1.0")]
    TagMissing,
}

/// Images that people may run. Nothing else of a site's configuration says that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageRules(Vec<ImagePattern>);

/// A pattern of images: `HOST/PATH` and, if it asks for more, `:TAG` or `@DIGEST`.
///
/// `*` stands for a whole host, for one part of a path, and for any letters of a tag or digest; `**` for any number of
/// parts of a path.
#[derive(Debug, Clone)]
struct ImagePattern {
    text: String,
    regex: Regex,
}

impl FromStr for ImageReference {
    type Err = ImageFault;

    fn from_str(text: &str) -> Result<Self, ImageFault> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash is that of a port.
        let path_from = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[path_from..].find(':') {
            Some(at) => (&rest[..path_from + at], Some(&rest[path_from + at + 1..])),
            None => (rest, None),
        };
        let (host, repository) = place_of(name);
        let holds = is_domain(&host)
            && is_repository(&repository)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest)
            && host.len() + repository.len() < MAX_NAME_BYTES;
        if !holds {
            return Err(ImageFault::Invalid);
        }
        if tag.is_none() && digest.is_none() {
            return Err(ImageFault::TagMissing);
        }
        Ok(Self { host, repository, tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ImageFault;

    fn try_from(text: String) -> Result<Self, ImageFault> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> Self {
        image.to_string()
    }
}

impl ImageReference {
    /// The registry, with its port if it names one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl ImageFault {
    /// A stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "image_invalid",
            Self::TagMissing => "image_tag_missing",
        }
    }
}

impl ImageRules {
    /// Reads patterns.
    ///
    /// # Errors
    /// The first that is none, and what is wrong with it.
    pub fn parse(texts: &[impl AsRef<str>]) -> Result<Self, String> {
        let patterns = texts.iter().map(|text| ImagePattern::parse(text.as_ref()));
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// Whether people may run this image.
    #[must_use]
    pub fn allow(&self, image: &ImageReference) -> bool {
        let name = image.to_string();
        self.0.iter().any(|pattern| pattern.regex.is_match(&name))
    }

    /// Whether people may run any image of this registry.
    #[must_use]
    pub fn allow_host(&self, host: &str) -> bool {
        let is_of =
            |pattern: &ImagePattern| pattern.text.split('/').next().is_some_and(|of| of == host || of == "*");
        self.0.iter().any(is_of)
    }

    /// Whether there are none that people may run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns as they were written.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|pattern| pattern.text.clone()).collect()
    }
}

impl ImagePattern {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{text:?}: {what}");
        let (host, rest) = text.split_once('/').ok_or_else(|| wrong("write HOST/PATH"))?;
        if host != "*" && !(is_host(host) && is_domain(host)) {
            return Err(wrong("the first part is a registry's host, for example docker.io, or *"));
        }
        if host == DOCKER_INDEX || (host == DOCKER_HOST && !rest.contains('/') && rest != "**") {
            return Err(wrong(
                "images of Docker's registry are docker.io/library/NAME or docker.io/NAME/NAME",
            ));
        }
        let (path, suffix) = rest.find([':', '@']).map_or((rest, ""), |at| rest.split_at(at));
        let sample = path.replace("**", "x").replace('*', "x");
        let suffix_sample = suffix.replace('*', "x");
        let suffix_holds = match suffix.split_at_checked(1) {
            None | Some((_, "")) => suffix.is_empty(),
            Some((":", _)) => is_tag(&suffix_sample[1..]),
            Some((_, digest)) => digest == "*" || is_digest(digest),
        };
        if !is_repository(&sample) || !suffix_holds {
            return Err(wrong("write HOST/PATH, HOST/PATH:TAG or HOST/PATH@DIGEST, the path in lower case"));
        }
        let regex = Regex::new(&format!("^{}/{}{}$", host_of(host), path_of(path), suffix_of(suffix)));
        Ok(Self { text: text.to_owned(), regex: regex.map_err(|error| wrong(&error.to_string()))? })
    }
}

impl PartialEq for ImagePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ImagePattern {}

/// A registry's host as references have it; `None` for what is none.
pub(crate) fn normal_host(text: &str) -> Option<String> {
    let host = if text == DOCKER_INDEX { DOCKER_HOST } else { text };
    (is_host(host) && is_domain(host)).then(|| host.to_owned())
}

/// Host and repository of a name, as clients of registries take it.
fn place_of(name: &str) -> (String, String) {
    let (host, repository) = match name.split_once('/') {
        Some((first, rest)) if is_host(first) => (first, rest),
        _ => (DOCKER_HOST, name),
    };
    let host = if host == DOCKER_INDEX { DOCKER_HOST } else { host };
    if host == DOCKER_HOST && !repository.contains('/') {
        return (host.to_owned(), format!("{DOCKER_FOLDER}/{repository}"));
    }
    (host.to_owned(), repository.to_owned())
}

/// Whether the first part of a name is a host and not a folder.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn host_of(pattern: &str) -> String {
    if pattern == "*" { "[a-zA-Z0-9.-]+(:[0-9]+)?".to_owned() } else { regex::escape(pattern) }
}

fn path_of(pattern: &str) -> String {
    regex::escape(pattern).replace(r"\*\*", "[a-z0-9._/-]+").replace(r"\*", "[a-z0-9._-]+")
}

/// A digest stands above a tag beside it, so a pattern of tags takes none with a digest.
fn suffix_of(pattern: &str) -> String {
    match pattern.get(..1) {
        Some(":") => regex::escape(pattern).replace(r"\*", "[A-Za-z0-9_.-]*"),
        Some("@") => {
            format!("(:[A-Za-z0-9_.-]+)?{}", regex::escape(pattern).replace(r"\*", "sha256:[0-9a-f]+"))
        }
        _ => "(:[A-Za-z0-9_.-]+)?(@sha256:[0-9a-f]+)?".to_owned(),
    }
}

/// A host, with a port if it names one.
fn is_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_letter) && !label.starts_with('-') && !label.ends_with('-')
    };
    host.split('.').all(is_label)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok()
}

/// Parts between slashes, each of lower-case words with `.`, `_`, `__` or any number of `-` between two.
fn is_repository(text: &str) -> bool {
    let is_letter = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let is_part = |part: &str| {
        let mut between = part.split(is_letter).filter(|between| !between.is_empty());
        part.starts_with(is_letter)
            && part.ends_with(is_letter)
            && between.all(|one| matches!(one, "." | "_" | "__") || one.bytes().all(|byte| byte == b'-'))
    };
    text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    (1..=MAX_TAG_BYTES).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn is_digest(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST_OF: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn parse(text: &str) -> Result<String, ImageFault> {
        text.parse::<ImageReference>().map(|image| image.to_string())
    }

    #[test]
    fn a_reference_becomes_its_whole_name() {
        let cases = [
            ("python:3.12", "docker.io/library/python:3.12"),
            ("lab/app:1", "docker.io/lab/app:1"),
            ("docker.io/python:3.12", "docker.io/library/python:3.12"),
            ("index.docker.io/lab/app:1", "docker.io/lab/app:1"),
            ("registry.example.org/app:v1.2_3-x", "registry.example.org/app:v1.2_3-x"),
            ("127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000/a/b/c:1"),
            ("localhost/a:1", "localhost/a:1"),
            ("REGISTRY/a:1", "REGISTRY/a:1"),
            ("registry.example.org/a__b--c.d:1", "registry.example.org/a__b--c.d:1"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [format!("r.example.org/a@{DIGEST_OF}"), format!("r.example.org/a:1@{DIGEST_OF}")] {
            assert_eq!(parse(&text), Ok(text));
        }
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        let long = format!("r.example.org/{}:1", "a".repeat(250));
        let texts = [
            "",
            ":1",
            "/a:1",
            "a/:1",
            "a//b:1",
            "r.example.org/A:1",
            "r.example.org/a:",
            "r.example.org/a:.x",
            "r.example.org/a b:1",
            "r.example.org/a:1 ",
            " r.example.org/a:1",
            "r.example.org/a:1\n",
            "r.example.org/../a:1",
            "r.example.org/a:$(HOME)",
            "r.example.org:port/a:1",
            "r.example.org:123456/a:1",
            "-r.example.org/a:1",
            "user:pass@r.example.org/a:1",
            "https://r.example.org/a:1",
            "r.example.org/a@sha256:12",
            "r.example.org/a@md5:0123456789abcdef0123456789abcdef",
            "r.example.org/에이:1",
            "r.example.org/a:1;id",
            &long,
        ];
        for text in texts {
            assert_eq!(parse(text), Err(ImageFault::Invalid), "{text:?}");
        }
        assert_eq!(parse("r.example.org/a"), Err(ImageFault::TagMissing));
        assert_eq!(parse("r.example.org:5000/a"), Err(ImageFault::TagMissing));
        assert_eq!(parse("python"), Err(ImageFault::TagMissing));
    }

    #[test]
    fn rules_allow_what_they_name_and_nothing_beside_it() {
        let digest = format!("r.example.org/a/b@{DIGEST_OF}");
        let both = format!("r.example.org/a/b:1@{DIGEST_OF}");
        let cases = [
            ("r.example.org/**", "r.example.org/a/b:1", true),
            ("r.example.org/**", &digest, true),
            ("r.example.org/**", "r-example.org/a/b:1", false),
            ("r.example.org/**", "r.example.org:5000/a:1", false),
            ("r.example.org/**", "evil.example.org/r.example.org/a:1", false),
            ("r.example.org/a/*", "r.example.org/a/b:1", true),
            ("r.example.org/a/*", "r.example.org/a/b/c:1", false),
            ("r.example.org/a/*", "r.example.org/ab/c:1", false),
            ("r.example.org/a/b", "r.example.org/a/b:1", true),
            ("r.example.org/a/b", "r.example.org/a/bc:1", false),
            ("r.example.org/a/b:1.*", "r.example.org/a/b:1.2", true),
            ("r.example.org/a/b:1.*", "r.example.org/a/b:12", false),
            ("r.example.org/a/b:1", &both, false),
            ("r.example.org/a/b@*", "r.example.org/a/b:1", false),
            ("r.example.org/a/b@*", &both, true),
            ("docker.io/library/*", "python:3.12", true),
            ("docker.io/library/*", "lab/python:3.12", false),
            ("*/**", "python:3.12", true),
            ("127.0.0.1:5000/**", "127.0.0.1:5000/a:1", true),
        ];
        for (pattern, image, expected) in cases {
            let rules = ImageRules::parse(&[pattern]).unwrap();
            assert_eq!(rules.allow(&image.parse().unwrap()), expected, "{pattern} {image}");
        }
        assert!(!ImageRules::default().allow(&"python:3.12".parse().unwrap()));
    }

    #[test]
    fn patterns_that_would_mean_something_else_are_refused() {
        for pattern in [
            "r.example.org",
            "python:*",
            "library/*",
            "docker.io/python",
            "docker.io/*",
            "index.docker.io/library/*",
            "*.example.org/**",
            "r.example.org/",
            "r.example.org/A",
            "r.example.org/a:",
            "r.example.org/a@sha256:12",
            "r.example.org/a@sha*",
        ] {
            assert!(ImageRules::parse(&[pattern]).is_err(), "{pattern}");
        }
    }
}
