"""One measurement of one proxy each; a request that fails fails the bench."""

import pathlib
import re
import subprocess
import time

from processes import LOAD_CORE, fail, load, wait_for

STREAM_BYTES = 1 << 30
WARM_UP_SECS = 1
# As configs/slow.toml says.
SLOW_START_SECS = 0.5
# Once opened, so long until the memory is read.
SETTLE_SECS = 3


def small_answers(proxy, connections, seconds):
    """Answers of 131 bytes as fast as one thread of wrk can ask for them."""
    # Proxies differ in how long they keep idle connections to the app; all begin with as many as they need.
    ask(proxy, connections, WARM_UP_SECS)
    before = proxy.cpu_seconds()
    out = ask(proxy, connections, seconds)
    used = proxy.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", out)[1])
    return {
        "requests/s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        "CPU µs/request": used * 1e6 / requests,
        "p50 ms": latency_ms(out, 50),
        "p99 ms": latency_ms(out, 99),
    }


def ask(proxy, connections, seconds):
    out = load("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency",
               "-H", f"Host: {proxy.host}", "-H", f"Cookie: {proxy.cookie}", f"http://{proxy.address}/")
    if "Non-2xx" in out or "Socket errors" in out:
        fail(f"{proxy.name} failed requests:\n{out}")
    return out


def latency_ms(out, percentile):
    number, unit = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def paced(load_program, proxy, connections, seconds, rate):
    """Answers of 131 bytes at a fixed rate; a request counts from when it was due."""
    before = proxy.cpu_seconds()
    out = load(load_program, "paced", proxy.address, proxy.host, proxy.cookie, connections, seconds, rate)
    median, p99, worst, count = map(int, out.split())
    used = proxy.cpu_seconds() - before
    return {"p50 ms": median / 1e3, "p99 ms": p99 / 1e3, "worst ms": worst / 1e3, "CPU µs/request": used * 1e6 / count}


def stream(proxy):
    """One answer of 1 GiB."""
    before, start = proxy.cpu_seconds(), time.monotonic()
    size = load("curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}",
                "-H", f"Host: {proxy.host}", "-H", f"Cookie: {proxy.cookie}", f"http://{proxy.address}/stream")
    if int(size) != STREAM_BYTES:
        fail(f"{proxy.name} sent {size} bytes")
    return {
        "MiB/s": STREAM_BYTES / (1 << 20) / (time.monotonic() - start),
        "CPU s": proxy.cpu_seconds() - before,
    }


def echo(load_program, proxy, connections, seconds):
    """Frames of 32 bytes there and back over WebSockets, one under way on each."""
    before = proxy.cpu_seconds()
    count = int(load(load_program, "ws-echo", proxy.address, proxy.host, proxy.cookie, connections, seconds))
    used = proxy.cpu_seconds() - before
    return {"messages/s": count / seconds, "CPU µs/message": used * 1e6 / count}


def idle(load_program, proxy, connections):
    """WebSockets that are open and say nothing: the private memory that they add, the sockets that stay."""
    sockets, before = proxy.sockets(), proxy.private_bytes()
    command = ["taskset", "-c", LOAD_CORE, load_program, "ws-idle", proxy.address, proxy.host, proxy.cookie]
    holder = subprocess.Popen(
        [*map(str, command), str(connections)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if holder.stdout.readline().strip() != "open":
        fail(f"{proxy.name} did not open {connections} WebSockets")
    time.sleep(SETTLE_SECS)
    used = proxy.private_bytes() - before
    holder.stdin.close()
    holder.wait()
    wait_for(f"{proxy.name} closes its sockets", lambda: proxy.sockets() <= sockets + 2, 60)
    return {"kB each": used / connections / 1000, "sockets left": max(0, proxy.sockets() - sockets)}


def launch(portal):
    """From the request to launch a program until the API calls it ready, without the program's own start."""
    asked = time.monotonic()
    app = portal.launch("slow", "slow", {})
    portal.wait_ready(app, every=0.004)
    overhead = time.monotonic() - asked - SLOW_START_SECS
    portal.remove(app)
    return {"overhead s": overhead}


def most_connections(wanted):
    """As many WebSockets as the limit of open files lets one proxy hold: each takes two, some are for the rest."""
    hard = int(re.search(r"Max open files\s+\d+\s+(\d+)", pathlib.Path("/proc/self/limits").read_text())[1])
    return min(wanted, hard // 2 - 100)
