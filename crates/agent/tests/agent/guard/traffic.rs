//! Bytes of those who hold the key.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::time::sleep;

use myksc_core::grant::Endpoint;

use super::rig::{App, Guard, Stream, echo, echoes, pattern, rest, within};

#[tokio::test(flavor = "multi_thread")]
async fn bytes_pass_both_ways_up_to_the_end_of_each() {
    for app in [App::on_unix(echo).await, App::on_tcp(echo).await] {
        let guard = Guard::of(&app.endpoint).await;
        let mut stream = guard.pass().await;
        echoes(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await;
        echoes(&mut stream, &pattern(8 << 20)).await;
        stream.write_all(b"the last").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(rest(&mut stream).await.unwrap(), b"the last");
    }
}

/// Says goodbye first, and tells later how much it still heard.
async fn ends_first(mut stream: Box<dyn Stream>) {
    stream.write_all(b"bye").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    assert!(heard == pattern(1 << 20), "{}", heard.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_ended_its_half_still_hears_the_other() {
    let app = App::on_tcp(ends_first).await;
    let guard = Guard::of(&app.endpoint).await;
    let mut stream = guard.pass().await;
    assert_eq!(rest(&mut stream).await.unwrap(), b"bye");
    sleep(Duration::from_millis(100)).await;
    within(stream.write_all(&pattern(1 << 20))).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_every_deadline_of_the_handshake() {
    let app = App::on_unix(echo).await;
    let guard = Guard::of(&app.endpoint).await;
    let (mut talks, mut waits) = (guard.pass().await, guard.pass().await);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        echoes(&mut talks, b"ping").await;
        sleep(Duration::from_millis(200)).await;
    }
    echoes(&mut waits, b"still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_holds_up_nobody_else() {
    let app = App::on_unix(|mut stream| async move {
        let _ = stream.write_all(&pattern(64 << 20)).await;
    })
    .await;
    let guard = Guard::of(&app.endpoint).await;
    let mut slow = guard.pass().await;
    let mut quick = guard.pass().await;
    assert!(rest(&mut quick).await.unwrap() == pattern(64 << 20));
    assert!(rest(&mut slow).await.unwrap() == pattern(64 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_refuses_an_upload_early_is_heard() {
    async fn refuses(mut stream: Box<dyn Stream>) {
        let _ = stream.read(&mut [0; 100]).await;
        let _ = stream.write_all(b"HTTP/1.1 413 too much\r\n\r\n").await;
    }
    for app in [App::on_unix(refuses).await, App::on_tcp(refuses).await] {
        let guard = Guard::of(&app.endpoint).await;
        let mut stream = guard.pass().await;
        let (mut reader, mut writer) = stream.split();
        let upload = async {
            // Its end is the answer's.
            let _ = writer.write_all(&pattern(64 << 20)).await;
        };
        let answer = async {
            let mut answer = vec![0; 25];
            reader.read_exact(&mut answer).await.unwrap();
            answer
        };
        let ((), answer) = within(async { tokio::join!(upload, answer) }).await;
        assert_eq!(answer, b"HTTP/1.1 413 too much\r\n\r\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_does_not_look_like_an_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = Guard::of(&Endpoint::Tcp(listener.local_addr().unwrap())).await;
    let mut stream = guard.pass().await;
    let (mut app, _) = listener.accept().await.unwrap();
    app.write_all(b"half of").await.unwrap();
    stream.read_exact(&mut [0; 7]).await.unwrap();
    rustix::net::sockopt::set_socket_linger(&app, Some(Duration::ZERO)).unwrap();
    drop(app);
    assert_eq!(rest(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_app_a_connection_ends_and_the_next_one_may_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let unbound = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let guard = Guard::of(&Endpoint::Unix(path.clone())).await;
    let other = Guard::of(&Endpoint::Tcp(unbound)).await;
    for guard in [&guard, &other, &guard] {
        assert_eq!(rest(&mut guard.pass().await).await.unwrap(), b"");
    }
    let listener = UnixListener::bind(&path).unwrap();
    let mut stream = guard.pass().await;
    tokio::spawn(echo(Box::new(listener.accept().await.unwrap().0)));
    echoes(&mut stream, b"there you are").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_whose_queue_is_full_is_waited_for() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let listener = std::os::unix::net::UnixListener::from(listener);
    listener.set_nonblocking(true).unwrap();
    let guard = Guard::of(&Endpoint::Unix(path)).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(guard.pass().await);
    }
    sleep(Duration::from_millis(300)).await;
    let listener = UnixListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        loop {
            tokio::spawn(echo(Box::new(listener.accept().await.unwrap().0)));
        }
    });
    for stream in &mut streams {
        echoes(stream, b"in the end").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_talks_when_it_is_stopped_may_finish() {
    let app = App::on_unix(echo).await;
    let mut guard = Guard::of(&app.endpoint).await;
    let mut stream = guard.pass().await;
    guard.stop();
    within(async {
        while tokio::net::TcpStream::connect(guard.address).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    echoes(&mut stream, b"one more").await;
    stream.shutdown().await.unwrap();
    let begun = Instant::now();
    guard.ended().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited for nothing: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_ends_is_cut_off_a_while_after_the_stop() {
    let app = App::on_unix(echo).await;
    let mut guard = Guard::of(&app.endpoint).await;
    let mut stream = guard.pass().await;
    guard.stop();
    let begun = Instant::now();
    guard.ended().await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
    assert!(matches!(within(stream.read(&mut [0])).await, Ok(0) | Err(_)));
}
