//! Load: WebSockets that echo or idle, and requests at a fixed rate.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Handshakes under way at once, so that no listen queue overflows.
const OPENING_AT_ONCE: usize = 100;
/// A masked text frame of 32 bytes, as a key stroke in a notebook makes it.
const FRAME: [u8; 38] = {
    let mut frame = [b'x'; 38];
    frame[0] = 0x81;
    frame[1] = 0x80 | 32;
    frame
};

/// Where the load goes.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    host: Rc<str>,
    cookie: Rc<str>,
}

impl Target {
    pub(crate) fn new(address: &str, host: &str, cookie: &str) -> io::Result<Self> {
        let address = address.parse().map_err(io::Error::other)?;
        Ok(Self { address, host: host.into(), cookie: cookie.into() })
    }

    async fn open(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (host, cookie) = (&self.host, &self.cookie);
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let answer = read_head(&mut stream).await?;
        if answer.starts_with(b"HTTP/1.1 101 ") {
            Ok(stream)
        } else {
            Err(io::Error::other(format!("no WebSocket: {}", String::from_utf8_lossy(&answer))))
        }
    }

    async fn open_many(&self, count: usize) -> io::Result<Vec<TcpStream>> {
        let mut streams = Vec::with_capacity(count);
        while streams.len() < count {
            let some = OPENING_AT_ONCE.min(count - streams.len());
            streams.extend(futures_util::future::try_join_all((0..some).map(|_| self.open())).await?);
        }
        Ok(streams)
    }
}

async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// Sends a frame on each connection, again as soon as it is back; prints how many came back.
pub(crate) async fn echo(target: Target, connections: usize, secs: u64) -> io::Result<()> {
    let streams = target.open_many(connections).await?;
    let until = Instant::now() + Duration::from_secs(secs);
    let mut all = JoinSet::new();
    for mut stream in streams {
        all.spawn(async move {
            let (mut back, mut count) = ([0; FRAME.len()], 0_u64);
            while Instant::now() < until {
                stream.write_all(&FRAME).await?;
                stream.read_exact(&mut back).await?;
                count += 1;
            }
            io::Result::Ok(count)
        });
    }
    let counts: io::Result<Vec<u64>> = all.join_all().await.into_iter().collect();
    println!("{}", counts?.iter().sum::<u64>());
    Ok(())
}

/// Holds WebSockets open until standard input ends.
pub(crate) async fn idle(target: Target, connections: usize) -> io::Result<()> {
    let streams = target.open_many(connections).await?;
    println!("open");
    let mut line = String::new();
    tokio::io::BufReader::new(tokio::io::stdin()).read_line(&mut line).await?;
    drop(streams);
    Ok(())
}

/// Sends requests at a fixed rate in all, prints median, 99th percentile and maximum in microseconds and the count.
///
/// A request that must wait for its connection counts from when it was due, so a slow proxy cannot hide.
pub(crate) async fn paced(target: Target, connections: usize, secs: u64, rate: usize) -> io::Result<()> {
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", target.host, target.cookie);
    let interval = Duration::from_secs_f64(connections as f64 / rate as f64);
    let start = Instant::now() + Duration::from_millis(200);
    let mut all = JoinSet::new();
    for number in 0..connections {
        let mut stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let head = head.clone();
        let mut due = start + interval.mul_f64(number as f64 / connections as f64);
        all.spawn(async move {
            let mut latencies = Vec::new();
            let until = start + Duration::from_secs(secs);
            let mut buffer = vec![0; 16 * 1024];
            while due < until {
                tokio::time::sleep_until(due.into()).await;
                stream.write_all(head.as_bytes()).await?;
                read_answer(&mut stream, &mut buffer).await?;
                latencies.push(due.elapsed().as_micros());
                due += interval;
            }
            io::Result::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    for result in all.join_all().await {
        latencies.extend(result?);
    }
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!("{} {} {} {}", at(0.5), at(0.99), at(1.0), latencies.len());
    Ok(())
}

/// Reads one response with a `Content-Length`.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        let Some(end) = buffer[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") {
            return Err(io::Error::other(format!("not 200: {head}")));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let length: usize = length.ok_or_else(|| io::Error::other("no content-length"))?;
        if filled >= end + 4 + length {
            return Ok(());
        }
    }
}
