//! The address a request came from, for slowing down wrong passwords and for the list of sessions.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// Address of the other end of the connection; the server puts a [`SocketAddr`] into the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

impl<S: Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Without an address all such callers share one, so they slow each other down and nobody gets past.
        let address = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}
