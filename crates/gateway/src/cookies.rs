//! Cookies of ours on an app's host, and keeping them from the app.

use http::header::{self, HeaderMap, HeaderValue};

/// Every cookie of ours begins so; browsers compare the `__Host-` prefix without regard to case.
const OUR_PREFIX: &str = "__host-myksc";
/// Holds the grant of one app, on that app's host alone.
pub(crate) const GRANT: &str = "__Host-myksc-app";
/// Ties the way in to the browser that began it.
pub(crate) const NONCE: &str = "__Host-myksc-nonce";

/// The value of the first cookie with this name; other cookies may hold any bytes.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .find_map(|pair| pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    std::str::from_utf8(value.trim_ascii_end()).ok()
}

/// A `Set-Cookie` for one of ours; `max_age_secs` of 0 clears it, none lets it live as long as the browser.
pub(crate) fn set(name: &str, value: &str, max_age_secs: Option<u32>) -> HeaderValue {
    let age = max_age_secs.map(|secs| format!("; Max-Age={secs}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    HeaderValue::try_from(text).expect("names and base64 secrets are visible ASCII")
}

/// Takes our cookies out of a request; the others keep their bytes.
pub(crate) fn strip_ours(headers: &mut HeaderMap) {
    let header::Entry::Occupied(mut entry) = headers.entry(header::COOKIE) else { return };
    if !entry.iter().any(|value| value.as_bytes().split(|byte| *byte == b';').any(is_ours)) {
        return;
    }
    let mut kept: Vec<u8> = Vec::new();
    for value in entry.iter() {
        for pair in value.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_ours(pair)) {
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair.trim_ascii_start());
        }
    }
    match HeaderValue::from_maybe_shared(bytes::Bytes::from(kept)) {
        Ok(value) if !value.is_empty() => {
            entry.insert(value);
        }
        _ => {
            entry.remove();
        }
    }
}

/// Drops `Set-Cookie` of our names and every `Domain` attribute, so that an app's cookies stay on its own host.
pub(crate) fn tame_set_cookie(headers: &mut HeaderMap) {
    let header::Entry::Occupied(entry) = headers.entry(header::SET_COOKIE) else { return };
    let (name, values) = entry.remove_entry_mult();
    let tamed: Vec<HeaderValue> =
        values.filter(|value| !is_ours(value.as_bytes())).filter_map(without_domain).collect();
    for value in tamed {
        headers.append(name.clone(), value);
    }
}

fn is_ours(pair: &[u8]) -> bool {
    // A cookie without a name is sent back as its bare value, so an empty name must not hide one of ours.
    let pair = pair.trim_ascii_start();
    let pair = pair.strip_prefix(b"=").unwrap_or(pair).trim_ascii_start();
    pair.get(..OUR_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OUR_PREFIX.as_bytes()))
}

fn without_domain(value: HeaderValue) -> Option<HeaderValue> {
    let mut parts = value.as_bytes().split(|byte| *byte == b';');
    let cookie = parts.next().unwrap_or_default();
    let attributes: Vec<&[u8]> = parts.collect();
    if !attributes.iter().any(is_domain) {
        return Some(value);
    }
    let mut kept = cookie.to_vec();
    for attribute in attributes.iter().filter(|attribute| !is_domain(attribute)) {
        kept.push(b';');
        kept.extend_from_slice(attribute);
    }
    HeaderValue::from_bytes(&kept).ok()
}

fn is_domain(attribute: &&[u8]) -> bool {
    let name = attribute.split(|byte| *byte == b'=').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"domain")
}
