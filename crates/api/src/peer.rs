//! The address a request came from, for slowing down wrong passwords and for the list of sessions.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::header::USER_AGENT;
use http::request::Parts;
use myksc_identity::Client;

/// Address of the other end of the connection; the server puts a [`SocketAddr`] into the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The other end as the list of sessions shows it.
#[derive(Debug, Clone)]
pub(crate) struct Remote(pub(crate) Client);

impl<S: Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Without an address all such callers share one, so they slow each other down and nobody gets past.
        let address = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

impl<S: Sync> FromRequestParts<S> for Remote {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let PeerAddress(address) = PeerAddress::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        Ok(Self(Client { address, user_agent: agent.unwrap_or_default().into_owned() }))
    }
}
