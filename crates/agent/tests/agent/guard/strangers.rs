//! Those who do not hold the key.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use myksc_core::guard::{Challenge, GuardKey, Response, random_nonce};

use super::rig::{App, Guard, Stream, echo, echoes, hello, key, raise_open_files_limit, within};

/// Connections that the app of a test has seen.
static SEEN: AtomicUsize = AtomicUsize::new(0);

async fn counts(stream: Box<dyn Stream>) {
    SEEN.fetch_add(1, Ordering::SeqCst);
    echo(stream).await;
}

/// Waits for the end of a connection, fails if a byte comes; how long that took.
async fn is_closed(stream: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    let end = within(stream.read(&mut [0])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_a_random_number_and_nothing_else() {
    let app = App::on_tcp(counts).await;
    let guard = Guard::of(&app.endpoint).await;
    let mut before = [0; 40];
    type Say = fn(&[u8; 40]) -> Vec<u8>;
    let sayings: [(&str, Say); 6] = [
        ("another key", |hello| {
            Response::new(&GuardKey::new([8; 32]), hello, random_nonce()).unwrap().answer().to_vec()
        }),
        ("HTTP", |_| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100)).into_bytes()),
        ("nothing right", |_| vec![0; 64]),
        ("its own bytes", |hello| [&hello[8..], &hello[8..]].concat()),
        ("an answer to another number", |_| {
            let other = Challenge::new(random_nonce()).hello();
            Response::new(&key(), &other, random_nonce()).unwrap().answer().to_vec()
        }),
        ("a guard's hello", |hello| [&hello[..], &hello[..24]].concat()),
    ];
    for (what, say) in sayings {
        let mut stream = TcpStream::connect(guard.address).await.unwrap();
        let hello = within(hello(&mut stream)).await.unwrap();
        assert!(hello.starts_with(b"mykscgd1") && hello != before, "{what}");
        before = hello;
        stream.write_all(&say(&hello)).await.unwrap();
        assert!(is_closed(&mut stream).await < Duration::from_secs(2), "{what}");
    }
    // Half an answer, and then the end of it.
    let mut stream = TcpStream::connect(guard.address).await.unwrap();
    let hello = within(hello(&mut stream)).await.unwrap();
    let response = Response::new(&key(), &hello, random_nonce()).unwrap();
    stream.write_all(&response.answer()[..63]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(is_closed(&mut stream).await < Duration::from_secs(2));
    assert_eq!(SEEN.load(Ordering::SeqCst), 0);
    echoes(&mut guard.pass().await, b"and the gateway gets in").await;
    assert_eq!(SEEN.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_takes_its_time_is_closed_after_five_seconds() {
    let app = App::on_tcp(echo).await;
    let guard = Guard::of(&app.endpoint).await;
    let mut silent = TcpStream::connect(guard.address).await.unwrap();
    let mut slow = TcpStream::connect(guard.address).await.unwrap();
    let begun = Instant::now();
    within(hello(&mut silent)).await.unwrap();
    within(hello(&mut slow)).await.unwrap();
    while slow.write_all(&[0]).await.is_ok() && begun.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(200)).await;
    }
    is_closed(&mut silent).await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

/// Takes a place at the door for as long as it is let, again and again.
async fn loiter(address: std::net::SocketAddr, comings: &AtomicUsize) {
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        comings.fetch_add(1, Ordering::Relaxed);
        if hello(&mut stream).await.is_err() {
            continue;
        }
        while stream.write_all(&[0]).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_strangers_do_not_keep_the_gateway_out() {
    static COMINGS: AtomicUsize = AtomicUsize::new(0);
    raise_open_files_limit();
    let app = App::on_unix(echo).await;
    let guard = Guard::of(&app.endpoint).await;
    let mut open = guard.pass().await;
    let mut strangers = JoinSet::new();
    for _ in 0..1000 {
        strangers.spawn(loiter(guard.address, &COMINGS));
    }
    within(async {
        while COMINGS.load(Ordering::Relaxed) < 1500 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let begun = Instant::now();
        echoes(&mut guard.pass().await, b"hello").await;
        slowest = slowest.max(begun.elapsed());
        echoes(&mut open, b"still here").await;
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}
