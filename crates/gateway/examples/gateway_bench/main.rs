//! The parts of the bench that no usual program offers; `benches/run.py` puts them together.
//!
//! ```text
//! gateway_bench echo-app NOTE             an app at $PORT that echoes WebSockets; NOTE only names it among processes
//! gateway_bench slow-app MILLIS NOTE      an app that answers at $PORT only so long after its start
//! gateway_bench ws-echo ADDRESS HOST COOKIE CONNECTIONS SECS    prints round trips
//! gateway_bench ws-idle ADDRESS HOST COOKIE CONNECTIONS         opens, prints "open", closes at the end of input
//! gateway_bench paced ADDRESS HOST COOKIE CONNECTIONS SECS RATE prints latencies at a fixed rate
//! gateway_bench serve LISTEN BACKEND ROUTES   the gateway alone, for a profiler; prints its app's host and cookie
//! ```

#![allow(clippy::print_stdout, reason = "standard output is how the script hears of results")]

mod app;
mod load;
mod serve;

use std::io;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    if cfg!(debug_assertions) {
        return Err(io::Error::other("a debug build measures nothing: build it with --release"));
    }
    raise_open_files_limit()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match texts[..] {
            ["serve", listen, backend, routes] => serve::gateway(listen, backend, number(routes)?).await,
            ["echo-app", _] => app::echo().await,
            ["slow-app", millis, _] => app::slow(number(millis)? as u64).await,
            ["ws-echo", address, host, cookie, connections, secs] => {
                let target = load::Target::new(address, host, cookie)?;
                load::echo(target, number(connections)?, number(secs)? as u64).await
            }
            ["ws-idle", address, host, cookie, connections] => {
                load::idle(load::Target::new(address, host, cookie)?, number(connections)?).await
            }
            ["paced", address, host, cookie, connections, secs, rate] => {
                let target = load::Target::new(address, host, cookie)?;
                load::paced(target, number(connections)?, number(secs)? as u64, number(rate)?).await
            }
            _ => Err(io::Error::other("see the head of main.rs for what it can do")),
        }
    })
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("not a number: {text:?}")))
}

fn raise_open_files_limit() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
