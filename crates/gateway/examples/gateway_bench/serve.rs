//! The gateway as it is measured, and the app behind it.

use std::convert::Infallible;
use std::io;
use std::num::NonZeroUsize;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use myksc_core::grant::{Endpoint, Grant, Route, RouteState};
use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, GrantId, Result, SessionId, Timestamp, UserId};
use myksc_gateway::{Config, Gateway, Listeners, Portal, ServerConfig, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
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
    let route = |state| Route { owner: user.clone(), name: "bench".to_owned(), state };
    for _ in 0..other_routes {
        gateway.set_route(AppId::random(), route(RouteState::Ended));
    }
    let endpoint = Endpoint::Unix(backend.into());
    gateway.set_route(app.clone(), route(RouteState::Ready { endpoint, authorization: None }));

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

/// An app that turns every request into an echo of raw bytes.
pub(crate) async fn echo_app(socket: &str) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(switch))
                .with_upgrades(),
        );
    }
}

async fn switch(mut request: Request<Incoming>) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut stream = TokioIo::new(upgraded);
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(http::header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(http::header::UPGRADE, HeaderValue::from_static("websocket"));
    Ok(response)
}
