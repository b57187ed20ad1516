//! Apps that the portal launches: they listen on 127.0.0.1 at $PORT.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

const BACKLOG: u32 = 4096;

/// Answers at once, and echoes the bytes of every WebSocket.
pub(crate) async fn echo() -> io::Result<()> {
    let port = std::env::var("PORT").map_err(io::Error::other)?.parse().map_err(io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(BACKLOG)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .with_upgrades(),
        );
    }
}

/// As [`echo`], after a start that takes a known time.
pub(crate) async fn slow(start_millis: u64) -> io::Result<()> {
    tokio::time::sleep(Duration::from_millis(start_millis)).await;
    echo().await
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if !request.headers().contains_key(header::UPGRADE) {
        return Ok(Response::new(Full::from("an app")));
    }
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
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    // The answer to the fixed key that the load sends (RFC 6455 section 4.2.2).
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("ICX+Yqv66kxgM0FcWaLWlFLwTAI="));
    Ok(response)
}
