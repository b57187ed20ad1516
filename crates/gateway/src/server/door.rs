//! What a listener asks of a request before anybody answers it.

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::Uri;
use http::{Method, Response, StatusCode};

use crate::body::ProxyBody;
use crate::config::{Config, Target};
use crate::connection::Client;
use crate::forwarded::{self, TrustedProxies};
use crate::page::Problem;
use crate::proxy;
use crate::server::Protocol;

/// A year. Sub-domains are not named: each app's host says it for itself, and other hosts are not ours.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// One listener's way in.
pub(super) struct Door {
    pub(super) protocol: Protocol,
    pub(super) proxies: TrustedProxies,
}

/// Whom a request is for, and from whom it really comes.
pub(super) struct Admitted {
    pub(super) client: Rc<Client>,
    pub(super) target: Target,
}

/// A request that goes no further.
pub(super) enum Refused {
    With(Problem<'static>),
    /// The same address under https.
    ToHttps(String),
}

impl Door {
    /// Finds out host and client of a request, and leaves it with a path as its target and no word of proxies.
    pub(super) fn admit(
        &self,
        config: &Config,
        client: Rc<Client>,
        request: &mut Parts,
    ) -> Result<Admitted, Refused> {
        proxy::check(&client, request).map_err(Refused::With)?;
        if request.uri.scheme().is_some() || request.uri.authority().is_some() {
            let target = request.uri.path_and_query().cloned();
            request.uri = target.map_or_else(|| Uri::from_static("/"), Uri::from);
        }
        let peer = client.address.ip();
        let is_proxy = self.proxies.contain(peer);
        let mut is_plain = matches!(self.protocol, Protocol::Redirect);
        let mut client = client;
        if is_proxy {
            let told = self.proxies.take(&mut request.headers, peer);
            is_plain |= told.is_plain;
            client = Rc::new(client.on_behalf_of(told.client));
        } else {
            forwarded::strip(&mut request.headers);
            if matches!(self.protocol, Protocol::Http) && !self.proxies.is_empty() {
                return Err(Refused::With(Problem::PlainConnection));
            }
        }
        let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let target = config.target(host);
        if is_plain {
            return Err(to_https(config, &target, request));
        }
        Ok(Admitted { client, target })
    }

    /// Tells browsers to come by https alone, where that is certain to work: it is ours to say only where TLS is.
    pub(super) fn finish<B>(&self, response: &mut Response<B>, is_local: bool) {
        if matches!(self.protocol, Protocol::Https(_)) && !is_local {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
    }
}

/// Whether a host is this machine by its name. HSTS would hold for every server on it, whatever its port.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

impl Refused {
    pub(super) fn answer(&self, request: &Parts, portal_origin: &str) -> Response<ProxyBody> {
        match self {
            Self::With(problem) => problem.answer(request, portal_origin),
            Self::ToHttps(location) => {
                let mut response = Response::new(ProxyBody::empty());
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
                let location = HeaderValue::from_str(location);
                let location = location.unwrap_or_else(|_| HeaderValue::from_static("/"));
                response.headers_mut().insert(header::LOCATION, location);
                response
            }
        }
    }
}

/// A request that was sent in the clear has shown its secrets already, so only a person's way is mended.
fn to_https(config: &Config, target: &Target, request: &Parts) -> Refused {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Refused::With(Problem::PlainConnection);
    }
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    match config.origin_of(target) {
        Some(origin) => Refused::ToHttps(format!("{origin}{path}")),
        None => Refused::With(Problem::Misdirected),
    }
}
