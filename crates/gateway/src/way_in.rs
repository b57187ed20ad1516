//! How a browser gets into an app: a nonce, the portal's ticket, a cookie of the app's own host.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use myksc_core::AppId;
use myksc_core::grant::Grant;
use myksc_core::secret::{Secret, SecretHash};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::body::ProxyBody;
use crate::cookies;
use crate::fetch_rules;
use crate::gateway::Shared;
use crate::grants::{Found, Held};
use crate::page::Problem;

/// Long enough to sign in on the way.
const NONCE_SECS: u32 = 3600;
const MAX_TARGET_BYTES: usize = 8192;
/// Length of a [`Secret`] as text.
const SECRET_CHARS: usize = 43;
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a request's cookie opens, if the gateway knows it.
pub(crate) fn known(shared: &Shared, headers: &HeaderMap, app: &AppId) -> Option<Arc<Held>> {
    let cookie = cookies::get(headers, cookies::GRANT)?;
    shared.grants.get(&SecretHash::of(cookie), app)
}

/// What a request's cookie opens; the portal may be asked.
pub(crate) async fn find(shared: &Shared, headers: &HeaderMap, app: &AppId) -> Found {
    match cookies::get(headers, cookies::GRANT) {
        Some(cookie) => {
            let hash = SecretHash::of(cookie);
            shared.grants.find(hash, app, &shared.portal, &shared.home).await
        }
        None => Found::Nothing,
    }
}

/// Whether a path is the gateway's own; no such request reaches an app.
pub(crate) fn is_reserved(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    if !rest.starts_with(['.', '%', '/']) {
        return false;
    }
    let decoded = percent_decode_str(rest).decode_utf8_lossy();
    let first = decoded.split(['/', '\\']).find(|part| !part.is_empty() && *part != ".");
    first.is_some_and(|part| part.eq_ignore_ascii_case(".myksc"))
}

/// Sends a navigation without a grant to the portal; anything else is told that it lacks one.
pub(crate) fn begin(shared: &Shared, request: &Parts, app: &AppId) -> Response<ProxyBody> {
    if request.method != Method::GET || !fetch_rules::is_navigation(request) {
        return Problem::Unauthenticated.answer(request, shared.config.portal_origin());
    }
    // A nonce that is there already serves the other tabs on their way in, so it stays.
    let known = cookies::get(&request.headers, cookies::NONCE).filter(|nonce| is_secret(nonce));
    let fresh = known.is_none().then(Secret::random);
    let nonce = match (known, &fresh) {
        (Some(nonce), _) => nonce,
        (None, Some(fresh)) => fresh.expose(),
        (None, None) => unreachable!("made just above"),
    };
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    let location = format!(
        "{}/open/{app}?n={}&to={}",
        shared.config.portal_origin(),
        SecretHash::of(nonce).to_hex(),
        utf8_percent_encode(clean_target(target), QUERY_VALUE),
    );
    let mut response = redirect(&location);
    response.headers_mut().append(header::SET_COOKIE, cookies::set(cookies::NONCE, nonce, Some(NONCE_SECS)));
    response
}

/// Serves the gateway's own paths on an app's host: the entrance is the only one.
pub(crate) async fn serve_reserved(
    shared: &Arc<Shared>,
    request: &Parts,
    app: &AppId,
) -> Response<ProxyBody> {
    let portal_origin = shared.config.portal_origin();
    if request.uri.path() != "/.myksc/enter" {
        return Problem::NoSuchPath.answer(request, portal_origin);
    }
    if request.method != Method::GET {
        return Problem::Method.answer(request, portal_origin);
    }
    enter(shared, request, app).await
}

async fn enter(shared: &Arc<Shared>, request: &Parts, app: &AppId) -> Response<ProxyBody> {
    let portal_origin = shared.config.portal_origin();
    let query = request.uri.query().unwrap_or_default();
    let target = parameter(query, "to").unwrap_or_default();
    let target = clean_target(&target);
    match find(shared, &request.headers, app).await {
        // Another tab was faster, or the person came back to an old address.
        Found::Grant(_) => return redirect(target),
        Found::PortalFailed => return Problem::PortalFailed.answer(request, portal_origin),
        Found::Nothing => {}
    }
    let Some(ticket) = parameter(query, "ticket").filter(|ticket| !ticket.is_empty() && ticket.len() <= 512)
    else {
        return Problem::TicketRefused { to: target }.answer(request, portal_origin);
    };
    let epoch = shared.grants.epoch();
    let Ok(redeemed) = redeem(shared, request, app, &ticket).await else {
        return Problem::PortalFailed.answer(request, portal_origin);
    };
    let admitted = redeemed.filter(|(_, grant)| grant.app == *app).and_then(|(cookie, grant)| {
        shared.grants.admit(cookie.hash(), grant, epoch)?;
        Some(cookie)
    });
    let Some(cookie) = admitted else {
        return Problem::TicketRefused { to: target }.answer(request, portal_origin);
    };
    let mut response = redirect(target);
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookies::set(cookies::GRANT, cookie.expose(), None));
    headers.append(header::SET_COOKIE, cookies::set(cookies::NONCE, "", Some(0)));
    response
}

/// Asks the portal with the browser's nonce, and without one where no page can have started the navigation.
async fn redeem(
    shared: &Arc<Shared>,
    request: &Parts,
    app: &AppId,
    ticket: &str,
) -> Result<Option<(Secret, Grant)>, ()> {
    let nonce = cookies::get(&request.headers, cookies::NONCE).filter(|nonce| is_secret(nonce));
    if let Some(nonce) = nonce {
        let redeemed = ask(shared, app, ticket, Some(SecretHash::of(nonce))).await?;
        if redeemed.is_some() {
            return Ok(redeemed);
        }
    }
    if fetch_rules::is_unprompted(&request.headers) { ask(shared, app, ticket, None).await } else { Ok(None) }
}

async fn ask(
    shared: &Arc<Shared>,
    app: &AppId,
    ticket: &str,
    nonce: Option<SecretHash>,
) -> Result<Option<(Secret, Grant)>, ()> {
    let portal = shared.portal.clone();
    let (app, ticket) = (app.clone(), ticket.to_owned());
    let answer = shared.home.spawn(async move { portal.redeem(&ticket, &app, nonce).await }).await;
    match answer {
        Ok(Ok(redeemed)) => Ok(redeemed),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the portal could not redeem a ticket");
            Err(())
        }
        Err(error) => {
            tracing::error!(%error, "redeeming a ticket failed");
            Err(())
        }
    }
}

fn redirect(location: &str) -> Response<ProxyBody> {
    let mut response = Response::new(ProxyBody::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(location).unwrap_or_else(|_| HeaderValue::from_static("/"));
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The target if it is a path on this very host, else its root.
fn clean_target(target: &str) -> &str {
    let stays_here = target.starts_with('/')
        && !target.starts_with("//")
        && target.len() <= MAX_TARGET_BYTES
        && target.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\')
        && !is_reserved(target.split(['?', '#']).next().unwrap_or_default());
    if stays_here { target } else { "/" }
}

/// The first value of a query parameter, percent-decoded; `+` stands for itself, as paths hold no blanks.
fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn is_secret(text: &str) -> bool {
    text.len() == SECRET_CHARS
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_never_leads_to_another_host_or_back_to_the_entrance() {
        for target in ["/", "/lab", "/lab/tree/a%20b?x=1&y=//z", "/lab/https://x"] {
            assert_eq!(clean_target(target), target);
        }
        for target in [
            "",
            "lab",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "https://evil.example/",
            "/\t/evil.example",
            "/\n",
            "/a b",
            "/한글",
            "/.myksc/enter?ticket=x",
            "/%2emyksc/enter",
        ] {
            assert_eq!(clean_target(target), "/", "{target:?}");
        }
    }

    #[test]
    fn our_own_paths_are_known_in_every_spelling() {
        for path in [
            "/.myksc",
            "/.myksc/",
            "/.myksc/enter",
            "/%2emyksc/x",
            "/.%6Dyksc",
            "//.myksc/x",
            "/./.myksc/x",
            "/.MYKSC/enter",
        ] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/lab/.myksc", "/.mykscs", "/myksc", "/.well-known/x", "/%zz", ""] {
            assert!(!is_reserved(path), "{path}");
        }
    }
}
