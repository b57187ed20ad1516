//! Asking an app by its own way in: its socket, or its port past its guard.

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use myksc_core::grant::Endpoint;
use myksc_core::guard;

use super::Place;
use super::local::is_own_listener;

/// Status and body of `GET path`; a limit of 0 takes no body.
///
/// # Errors
/// What went wrong, in words; also when the body is larger than `body_limit` bytes.
pub(crate) async fn get(place: &Place, path: &str, body_limit: usize) -> Result<(StatusCode, Bytes), String> {
    match &place.endpoint {
        Endpoint::Unix(socket) => {
            let stream = UnixStream::connect(socket).await.map_err(words)?;
            get_over(stream, place, path, body_limit).await
        }
        Endpoint::Tcp(address) => {
            let mut stream = TcpStream::connect(address).await.map_err(words)?;
            match &place.guard {
                Some(key) => guard::pass(&mut stream, key).await.map_err(words)?,
                None if is_own_listener(address) => {}
                None => return Err(format!("port {} is not the app's own", address.port())),
            }
            get_over(stream, place, path, body_limit).await
        }
    }
}

async fn get_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    place: &Place,
    path: &str,
    body_limit: usize,
) -> Result<(StatusCode, Bytes), String> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let mut request = Request::get(path).header(HOST, "localhost");
    if let Some(authorization) = &place.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(words)?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(words)?;
        let status = answer.status();
        if body_limit == 0 {
            return Ok((status, Bytes::new()));
        }
        let body = Limited::new(answer.into_body(), body_limit).collect().await.map_err(words)?;
        Ok((status, body.to_bytes()))
    };
    // The connection ends with what is of interest. One that an app closes behind its answer has brought the answer.
    match select(std::pin::pin!(exchange), std::pin::pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, exchange)) => exchange.await,
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
