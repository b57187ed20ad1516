//! WebSockets, and what cuts them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::App;
use crate::rig::{PATIENCE, Rig, Visitor, until};

/// Opens a WebSocket as the app's own page would; the head of the answer comes with it.
pub(crate) async fn open(rig: &Rig, visitor: &Visitor) -> (TcpStream, String) {
    let host = visitor.host();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        visitor.cookie_header(),
    );
    raw(rig, head.as_bytes()).await
}

/// Sends raw bytes, returns the connection and the head of the answer.
pub(crate) async fn raw(rig: &Rig, request: &[u8]) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let head = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(head).unwrap()
    };
    let head = tokio::time::timeout(PATIENCE, head).await.unwrap();
    (stream, head)
}

async fn echoes(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    let mut back = vec![0; bytes.len()];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(back, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_bytes_both_ways_until_its_session_is_revoked() {
    let rig = Rig::start().await;
    for app in [App::on_unix().await, App::on_tcp().await] {
        let visitor = rig.visitor_at(app.endpoint.clone());
        let (mut stream, head) = open(&rig, &visitor).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: as-the-app-said"), "{head}");
        echoes(&mut stream, b"hello").await;
        echoes(&mut stream, &vec![5; 300_000]).await;
        rig.gateway.revoke_session(&visitor.session);
        let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        until("the app's side is closed", || app.open() == 0).await;
    }
}
