//! The way of one request to an app.

use std::rc::Rc;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use myksc_core::AppId;

use crate::body::{AppBody, ProxyBody};
use crate::connection::Client;
use crate::exchange::Registration;
use crate::fetch_rules::{self, Refusal};
use crate::grants::{Found, Held};
use crate::headers::{self, Forwarded};
use crate::page::{Problem, Reader};
use crate::routes::{Entry, State, Way};
use crate::tunnel;
use crate::upstream::{ResponseBody, UpstreamError};
use crate::way_in;
use crate::worker::Worker;

/// Refuses a request that a server may understand in more than one way, among them one that names two hosts.
pub(crate) fn check(client: &Client, request: &Parts) -> Result<(), Problem<'static>> {
    if request.headers.contains_key(header::TRANSFER_ENCODING) && client.sent_ambiguous_framing() {
        return Err(Problem::Malformed);
    }
    if matches!(request.method, Method::CONNECT | Method::TRACE) {
        return Err(Problem::Method);
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Problem::Malformed);
    };
    let host = host.to_str().map_err(|_| Problem::Malformed)?;
    if request.uri.authority().is_some_and(|authority| authority.as_str() != host) {
        return Err(Problem::Malformed);
    }
    Ok(())
}

/// Answers a request for an app's host.
pub(crate) async fn answer(
    worker: &Rc<Worker>,
    client: &Client,
    request: Request<Incoming>,
    app: &AppId,
) -> Response<ProxyBody> {
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = route(worker, client, request, app).await;
    if chunked {
        close_after(&mut response);
    }
    response
}

/// Ends the connection after a chunked request: its heads are read along only up to there.
pub(crate) fn close_after<B>(response: &mut Response<B>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

async fn route(
    worker: &Rc<Worker>,
    client: &Client,
    request: Request<Incoming>,
    app: &AppId,
) -> Response<ProxyBody> {
    let shared = &worker.shared;
    let portal_origin = shared.config.portal_origin();
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let websocket = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && headers::asks_for_websocket(&parts.headers);
    if let Err(refusal) = fetch_rules::check(&shared.config, &parts, host, websocket) {
        let problem = match refusal {
            Refusal::OtherOrigin => Problem::OtherOrigin,
            Refusal::UnknownOrigin => Problem::UnknownOrigin,
        };
        return problem.answer(&parts, portal_origin);
    }
    if shared.is_suspended() {
        return Problem::DatabaseAway.answer(&parts, portal_origin);
    }
    let Some(mut entry) = shared.routes.get(app) else {
        return Problem::Unknown.answer(&parts, portal_origin);
    };
    if way_in::is_reserved(parts.uri.path()) {
        return way_in::serve_reserved(shared, &parts, app).await;
    }
    let held = match way_in::known(shared, &parts.headers, app) {
        Some(held) => held,
        None => {
            let held = match way_in::find(shared, &parts.headers, app).await {
                Found::Grant(held) => held,
                Found::Nothing => return way_in::begin(shared, &parts, app),
                Found::PortalFailed => return Problem::PortalFailed.answer(&parts, portal_origin),
            };
            // The portal was asked, so the route may be another one by now.
            let Some(present) = shared.routes.get(app) else {
                return Problem::Unknown.answer(&parts, portal_origin);
            };
            entry = present;
            held
        }
    };
    // From here on nothing waits until the exchange is registered.
    if shared.is_suspended() {
        return Problem::DatabaseAway.answer(&parts, portal_origin);
    }
    match &entry.state {
        State::NotReady => Problem::NotReady { name: &entry.name }.answer(&parts, portal_origin),
        State::Ended => Problem::Ended { name: &entry.name }.answer(&parts, portal_origin),
        State::Ready(way) => {
            let is_poll = entry.is_poll(&parts.uri);
            let exchange = Exchange { worker, client, way, held, entry: &entry, websocket, is_poll };
            exchange.run(parts, body).await
        }
    }
}

/// One request that may pass, and everything that its way needs.
struct Exchange<'a> {
    worker: &'a Rc<Worker>,
    client: &'a Client,
    way: &'a Arc<Way>,
    held: Arc<Held>,
    entry: &'a Entry,
    websocket: bool,
    /// A page of the app asks for it by itself.
    is_poll: bool,
}

impl Exchange<'_> {
    async fn run(self, mut parts: Parts, body: Incoming) -> Response<ProxyBody> {
        let Some(registration) =
            self.worker.live.register(self.way.clone(), self.held.clone(), self.client.signal.clone())
        else {
            let problem = Problem::Busy { name: &self.entry.name };
            return problem.answer(&parts, self.worker.shared.config.portal_origin());
        };
        if !self.is_poll && !fetch_rules::is_safe(&parts.method) {
            self.worker.shared.touch(&self.held, &self.entry.used);
        }
        let reader = Reader::of(&parts);
        self.prepare(&mut parts);
        let mut request = Request::from_parts(parts, body);
        let result = if self.websocket {
            let switched = hyper::upgrade::on(&mut request);
            let sent = self.worker.pool.send_alone(self.way, request).await;
            sent.and_then(|response| self.finish(response, registration, Some(switched)))
        } else {
            let sent = self.worker.pool.send(self.way, request).await;
            sent.and_then(|response| self.finish(response, registration, None))
        };
        result.unwrap_or_else(|error| self.failed(&error, &reader))
    }

    fn prepare(&self, parts: &mut Parts) {
        headers::prepare_request(
            &mut parts.headers,
            &Forwarded {
                client: &self.client.address_header,
                scheme: self.worker.shared.config.scheme(),
                authorization: self.way.authorization.as_ref(),
                websocket: self.websocket,
            },
        );
        if self.websocket && tunnel::reads_payload(self.entry.frames) {
            parts.headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        }
        parts.version = Version::HTTP_11;
    }

    fn finish(
        &self,
        mut response: Response<ResponseBody>,
        registration: Registration,
        switched: Option<hyper::upgrade::OnUpgrade>,
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            headers::prepare_response(response.headers_mut(), false);
            return Ok(response.map(|body| ProxyBody::App(AppBody::new(body, registration))));
        }
        let client = switched.filter(|_| headers::asks_for_websocket(response.headers()));
        headers::prepare_response(response.headers_mut(), true);
        let (parts, body) = response.into_parts();
        let (Some(client), Some(app)) = (client, body.into_stream()) else {
            return Err(UpstreamError::UnaskedSwitch);
        };
        let worked = (!self.is_poll).then(|| tunnel::Worked {
            held: self.held.clone(),
            app: self.entry.used.clone(),
            frames: self.entry.frames,
        });
        tunnel::open(self.worker.clone(), tunnel::Opening { client, app, registration, worked });
        Ok(Response::from_parts(parts, ProxyBody::empty()))
    }

    fn failed(&self, error: &UpstreamError, reader: &Reader) -> Response<ProxyBody> {
        tracing::info!(app = %self.held.grant.app, %error, "an app did not answer");
        Problem::NoAnswer { name: &self.entry.name }
            .answer_to(reader, self.worker.shared.config.portal_origin())
    }
}
