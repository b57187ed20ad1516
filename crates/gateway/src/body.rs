//! Response bodies without a box: our own pages, an app's stream, the portal's answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use crate::exchange::Registration;
use crate::upstream::{ResponseBody, UpstreamError};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Body of a response of the proxy.
pub(crate) enum ProxyBody {
    /// Made here.
    Own(Full<Bytes>),
    /// From the app, frame by frame as it arrives.
    App(AppBody),
}

/// Body of any response of the server.
pub(crate) enum ServerBody<B> {
    Proxy(ProxyBody),
    Portal(B),
}

/// An app's body, listed among the open exchanges until it is dropped.
pub(crate) struct AppBody {
    body: ResponseBody,
    _registration: Registration,
}

impl AppBody {
    pub(crate) fn new(mut body: ResponseBody, registration: Registration) -> Self {
        body.end_if_empty();
        Self { body, _registration: registration }
    }
}

impl ProxyBody {
    pub(crate) fn empty() -> Self {
        Self::Own(Full::default())
    }
}

impl From<String> for ProxyBody {
    fn from(text: String) -> Self {
        Self::Own(Full::new(Bytes::from(text)))
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Own(full) => {
                let frame = ready!(Pin::new(full).poll_frame(cx));
                Poll::Ready(frame.map(|result| result.map_err(|never| match never {})))
            }
            Self::App(app) => Pin::new(&mut app.body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(full) => full.is_end_stream(),
            Self::App(app) => app.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(full) => full.size_hint(),
            Self::App(app) => app.body.size_hint(),
        }
    }
}

impl<B> Body for ServerBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Proxy(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Portal(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Proxy(body) => body.is_end_stream(),
            Self::Portal(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Proxy(body) => body.size_hint(),
            Self::Portal(body) => body.size_hint(),
        }
    }
}
