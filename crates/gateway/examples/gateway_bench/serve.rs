//! The gateway alone, with one ready app among other routes.

use std::convert::Infallible;
use std::io;
use std::num::NonZeroUsize;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use myksc_core::grant::{Endpoint, Frames, Grant, Route, RouteState};
use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, GrantId, Result, SessionId, Timestamp, UserId};
use myksc_gateway::{Config, Gateway, Listeners, Portal, ServerConfig, server};
use tokio_util::sync::CancellationToken;

/// Knows one grant.
struct OneGrant {
    hash: SecretHash,
    grant: Grant,
}

impl Portal for OneGrant {
    async fn redeem(&self, _: &str, _: &AppId, _: Option<SecretHash>) -> Result<Option<(Secret, Grant)>> {
        Ok(None)
    }

    async fn find_grant(&self, hash: SecretHash) -> Result<Option<Grant>> {
        Ok(hash.matches(&self.hash).then(|| self.grant.clone()))
    }

    async fn touched(&self, _: &SessionId) {}
}

/// Serves one ready app among other routes, with one worker, until killed.
pub(crate) async fn gateway(listen: &str, backend: &str, other_routes: usize) -> io::Result<()> {
    let (app, user, cookie) = (AppId::random(), UserId::random(), Secret::random());
    let grant = Grant {
        id: GrantId::random(),
        app: app.clone(),
        user: user.clone(),
        session: SessionId::random(),
        expires_at: Timestamp::now().plus_secs(24 * 3600),
    };
    let config = Config::new("http://localhost", [], "localhost").map_err(io::Error::other)?;
    let gateway = Gateway::new(config, OneGrant { hash: cookie.hash(), grant });
    let route = |state| Route {
        owner: user.clone(),
        name: "bench".to_owned(),
        polls: Vec::new(),
        frames: Frames::Any,
        state,
    };
    for _ in 0..other_routes {
        gateway.set_route(AppId::random(), route(RouteState::Ended));
    }
    let endpoint = Endpoint::Tcp(backend.parse().map_err(io::Error::other)?);
    gateway.set_route(app.clone(), route(RouteState::Ready { endpoint, authorization: None, guard: None }));

    let address = listen.parse().map_err(io::Error::other)?;
    let listeners = Listeners::bind(&[address], NonZeroUsize::MIN).map_err(io::Error::other)?;
    println!("{app}.localhost __Host-myksc-app={}", cookie.expose());
    let portal = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"portal"))))
    });
    server::run(ServerConfig::default(), listeners, gateway, portal, CancellationToken::new())
        .await
        .map_err(io::Error::other)
}
