//! Which of a file's forms a browser takes (RFC 9110 section 12.5.3): the web UI's build leaves each text beside
//! what Brotli and gzip make of it.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A form in which the build keeps a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in HTTP.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the build adds to the file's name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Whether a path names such a form rather than a file.
    pub(super) fn is_form(path: &str) -> bool {
        Self::ALL.iter().any(|encoding| path.ends_with(encoding.suffix()))
    }

    /// Those that the browser takes, the smallest first.
    pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|encoding| is_accepted(headers, encoding.name()))
    }
}

fn is_accepted(headers: &HeaderMap, name: &str) -> bool {
    let items = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut by_star = false;
    for item in items {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_wanted = weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        if coding.eq_ignore_ascii_case(name) {
            return is_wanted;
        }
        by_star |= coding == "*" && is_wanted;
    }
    by_star
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_browser_does_not_name_or_weighs_nought_is_not_sent() {
        use Encoding::{Brotli, Gzip};
        let cases: &[(&str, &[Encoding])] = &[
            ("gzip, deflate, br, zstd", &[Brotli, Gzip]),
            ("GZIP", &[Gzip]),
            ("br;q=0, gzip;q=0.5", &[Gzip]),
            ("br; q=0.001", &[Brotli]),
            ("*", &[Brotli, Gzip]),
            ("br;q=0, *", &[Gzip]),
            ("*;q=0", &[]),
            ("br;q=x", &[]),
            ("identity", &[]),
            ("brotli", &[]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(text));
            assert_eq!(Encoding::accepted(&headers).collect::<Vec<_>>(), *expected, "{text:?}");
        }
        assert_eq!(Encoding::accepted(&HeaderMap::new()).count(), 0);
    }
}
