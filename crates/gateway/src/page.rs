//! What a person or a program gets when there is no answer of an app to hand on: who failed, and what to do.

mod texts;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use myksc_core::secret::Secret;

use crate::body::ProxyBody;
use crate::fetch_rules;

use texts::Texts;

/// A reason for not handing on an app's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem<'a> {
    /// The app is being started or stopped.
    NotReady { name: &'a str },
    /// The app was stopped, or failed.
    Ended { name: &'a str },
    /// No such app.
    Unknown,
    /// The app is ready by our records, but does not take the request or breaks off.
    NoAnswer { name: &'a str },
    /// The app has too much open at once.
    Busy { name: &'a str },
    /// The portal does not answer the gateway.
    PortalFailed,
    /// The portal's database has been away for too long.
    DatabaseAway,
    /// The ticket is spent, expired or another's; `to` leads to the app from the beginning.
    TicketRefused { to: &'a str },
    /// No grant, and not a navigation that could be sent to the portal.
    Unauthenticated,
    /// A page of another origin sent it.
    OtherOrigin,
    /// It does not say where it comes from.
    UnknownOrigin,
    /// The request is not HTTP as we take it.
    Malformed,
    /// The method is none that an app gets.
    Method,
    /// A path of ours that leads nowhere.
    NoSuchPath,
    /// The host is nobody's.
    Misdirected,
    /// It came without TLS, and not by a proxy that we trust.
    PlainConnection,
}

/// Who reads the answer.
pub(crate) struct Reader {
    is_navigation: bool,
    accept_language: Option<HeaderValue>,
}

impl Reader {
    pub(crate) fn of(request: &Parts) -> Self {
        Self {
            is_navigation: fetch_rules::is_navigation(request),
            accept_language: request.headers.get(header::ACCEPT_LANGUAGE).cloned(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    Korean,
}

const RELOAD_SECS: u32 = 3;

impl Problem<'_> {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotReady { .. } | Self::Busy { .. } | Self::PortalFailed | Self::DatabaseAway => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Ended { .. } => StatusCode::GONE,
            Self::Unknown | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::NoAnswer { .. } => StatusCode::BAD_GATEWAY,
            Self::TicketRefused { .. } | Self::OtherOrigin | Self::UnknownOrigin | Self::PlainConnection => {
                StatusCode::FORBIDDEN
            }
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotReady { .. } => "app_not_ready",
            Self::Ended { .. } => "app_ended",
            Self::Unknown => "app_not_found",
            Self::NoAnswer { .. } => "app_no_answer",
            Self::Busy { .. } => "app_busy",
            Self::PortalFailed => "portal_failed",
            Self::DatabaseAway => "database_away",
            Self::TicketRefused { .. } => "ticket_refused",
            Self::Unauthenticated => "unauthenticated",
            Self::OtherOrigin => "other_origin",
            Self::UnknownOrigin => "unknown_origin",
            Self::Malformed => "malformed_request",
            Self::Method => "method_not_allowed",
            Self::NoSuchPath => "not_found",
            Self::Misdirected => "unknown_host",
            Self::PlainConnection => "plain_connection",
        }
    }

    fn app_name(&self) -> &str {
        match self {
            Self::NotReady { name }
            | Self::Ended { name }
            | Self::NoAnswer { name }
            | Self::Busy { name } => name,
            _ => "",
        }
    }

    /// Whether the same request may well succeed soon.
    fn reloads(&self) -> bool {
        matches!(
            self,
            Self::NotReady { .. }
                | Self::NoAnswer { .. }
                | Self::Busy { .. }
                | Self::PortalFailed
                | Self::DatabaseAway
        )
    }

    /// The page or the problem document, whichever the caller can use.
    pub(crate) fn answer(&self, request: &Parts, portal_origin: &str) -> Response<ProxyBody> {
        self.answer_to(&Reader::of(request), portal_origin)
    }

    /// The same for a request that is on its way already.
    pub(crate) fn answer_to(&self, reader: &Reader, portal_origin: &str) -> Response<ProxyBody> {
        let language = language(reader.accept_language.as_ref());
        let mut response = if reader.is_navigation {
            self.html(Texts::of(self, language), language, portal_origin)
        } else {
            self.json(Texts::of(self, Language::English))
        };
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if self.reloads() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RELOAD_SECS));
        }
        if matches!(self, Self::Malformed | Self::PlainConnection) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn json(&self, texts: Texts) -> Response<ProxyBody> {
        let status = self.status();
        let mut params = serde_json::Map::new();
        if !self.app_name().is_empty() {
            params.insert("name".to_owned(), self.app_name().into());
        }
        let document = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": texts.explanation.replace("{name}", self.app_name()),
            "code": self.code(),
            "params": params,
            "fields": [],
        });
        let mut response = Response::new(ProxyBody::from(document.to_string()));
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    fn html(&self, texts: Texts, language: Language, portal_origin: &str) -> Response<ProxyBody> {
        let nonce = Secret::random();
        let nonce = nonce.expose();
        let fill = |text: &str| escape(&text.replace("{name}", self.app_name()));
        let title = fill(texts.title);
        let explanation = fill(texts.explanation);
        let advice = fill(texts.advice);
        let lang = match language {
            Language::English => "en",
            Language::Korean => "ko",
        };
        let refresh = if self.reloads() {
            format!("<meta http-equiv=\"refresh\" content=\"{RELOAD_SECS}\">")
        } else {
            String::new()
        };
        let link = match self {
            Self::TicketRefused { to } => escape(to),
            _ => format!("{}/", escape(portal_origin)),
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{refresh}\
             <title>{title}</title><style nonce=\"{nonce}\">{STYLE}</style></head><body><main>\
             <h1>{title}</h1><p>{explanation}</p><p>{advice}</p>\
             <p><a href=\"{link}\">{link_text}</a></p><p class=\"code\">{status} {code}</p>\
             </main></body></html>\n",
            link_text = texts.link,
            status = self.status().as_u16(),
            code = self.code(),
        );
        let mut response = Response::new(ProxyBody::from(page));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Sec-Fetch-Mode"));
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        let policy = HeaderValue::try_from(policy).expect("the policy is visible ASCII");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5a6675;--ground:#f4f6f9;--card:#fff;--line:#d8dee6;--link:#0b5cad}\
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#9aa7b6;--ground:#12161c;--card:#1b212a;--line:#2f3844;--link:#7db7f5}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--ink);\
font:1rem/1.6 system-ui,-apple-system,'Segoe UI','Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR',sans-serif;word-break:keep-all;overflow-wrap:anywhere}\
main{max-width:34rem;width:100%;background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:2rem}\
h1{font-size:1.35rem;line-height:1.35;margin:0 0 1rem}p{margin:.5rem 0}\
a{color:var(--link)}.code{color:var(--soft);font-size:.85rem;margin-top:1.5rem}";

/// Text made safe for element content and quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// The reader's language by `Accept-Language` (RFC 9110 section 12.5.4); English where neither is named.
fn language(accept_language: Option<&HeaderValue>) -> Language {
    let Some(ranges) = accept_language.and_then(|value| value.to_str().ok()) else {
        return Language::English;
    };
    let mut best = (0.0, Language::English);
    for range in ranges.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |text| text.parse::<f32>().unwrap_or(0.0));
        let language = match tag.split('-').next().map(str::to_ascii_lowercase).as_deref() {
            Some("ko") => Language::Korean,
            Some("en") => Language::English,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept_language: &str) -> Language {
        language(Some(&HeaderValue::from_str(accept_language).unwrap()))
    }

    #[test]
    fn the_language_with_the_greatest_weight_wins() {
        for text in ["ko", "ko-KR,ko;q=0.9,en;q=0.8", "en;q=0.1, KO;q=0.2", "fr, ko;q=0.5"] {
            assert_eq!(of(text), Language::Korean, "{text}");
        }
        for text in ["", "en-GB", "fr", "*", "en, ko", "ko;q=0, en;q=0.1", "ko;q=x", "korean;q=0"] {
            assert_eq!(of(text), Language::English, "{text}");
        }
    }
}
