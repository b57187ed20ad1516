//! The address a request came from, for slowing down wrong passwords and for the list of sessions.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use http::Extensions;
use http::request::Parts;

/// Address of the other end of the connection; the server puts a [`SocketAddr`] into the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

impl PeerAddress {
    /// The address that stands in a request's extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        // Without an address all such callers share one, so they slow each other down and nobody gets past.
        let address = extensions.get::<SocketAddr>().map(SocketAddr::ip);
        Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}

impl<S: Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}
