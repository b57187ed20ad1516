#!/usr/bin/env python3
"""Measures the gateway beside nginx; prints a table, or JSON with --json.

Proxy pinned to one core, load and app to the other; one worker each; the same app on the same Unix socket; runs
interleaved, median and spread. Needs nginx, wrk, curl and two cores. A missing program fails the bench.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROXY_CORE, LOAD_CORE = "0", "1"
STREAM_BYTES = 1 << 30
OTHER_ROUTES = 1000
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"bench: still not: {what}")
        time.sleep(0.02)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


class Proxy:
    """A running proxy: its port, what a client sends, and the processes that do the work."""

    def __init__(self, name, port, host, cookie, process):
        self.name, self.port, self.host, self.cookie, self.process = name, port, host, cookie, process
        wait_for(f"{name} accepts", lambda: accepts(port))

    @property
    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / CLOCK_TICKS

    def private_bytes(self):
        total = 0
        for pid in self.pids:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(kib) * 1024 for kib in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.M))
        return total

    def sockets(self):
        count = 0
        for pid in self.pids:
            for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    count += os.readlink(entry).startswith("socket:")
        return count

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"


class Bench:
    def __init__(self, program, folder, stack):
        self.program, self.folder, self.stack = str(program), folder, stack

    def start(self, core, command, **options):
        process = subprocess.Popen(["taskset", "-c", core, *command], **options)
        self.stack.callback(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def nginx(self, core, template, **values):
        # As root, nginx's workers would turn into somebody who cannot reach the app's socket.
        user = "user root;" if os.geteuid() == 0 else ""
        values |= {"folder": self.folder, "name": template, "user": user}
        text = (HERE / f"{template}.conf").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        path = self.folder / f"{template}.conf"
        path.write_text(text)
        return self.start(core, ["nginx", "-c", str(path), "-e", "stderr", "-g", "daemon off;"])

    def app(self):
        with open(self.folder / "stream", "wb") as file:
            file.truncate(STREAM_BYTES)
        self.nginx(LOAD_CORE, "app")
        self.start(LOAD_CORE, [self.program, "echo-app", str(self.folder / "echo.sock")])
        for name in ("app.sock", "echo.sock"):
            wait_for(f"{name} is there", (self.folder / name).exists)

    def gateway(self, backend):
        port = free_port()
        command = [self.program, "serve", f"127.0.0.1:{port}", str(self.folder / backend), str(OTHER_ROUTES)]
        process = self.start(PROXY_CORE, command, stdout=subprocess.PIPE, text=True)
        host, cookie = process.stdout.readline().split()
        return Proxy("gateway", port, host, cookie, process)

    def nginx_proxy(self, template, backend, like):
        port = free_port()
        process = self.nginx(PROXY_CORE, template, port=port, backend=self.folder / backend)
        return Proxy(template, port, like.host, like.cookie, process)

    def load(self, *arguments, **options):
        command = ["taskset", "-c", LOAD_CORE, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def small_answers(bench, proxy, connections, seconds):
    before = proxy.cpu_seconds()
    out = bench.load(
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
        "-H", f"Host: {proxy.host}", "-H", f"Cookie: {proxy.cookie}", proxy.url("/"),
    )
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: {proxy.name} failed requests:\n{out}")
    used = proxy.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", out)[1])
    latency = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}[latency[2]]
    return {
        "requests_per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        "p99_ms": float(latency[1]) * scale,
        "cpu_us_per_request": used * 1e6 / requests,
    }


def paced(bench, proxy, seconds, rate):
    arguments = [f"127.0.0.1:{proxy.port}", proxy.host, proxy.cookie, "64", str(seconds), str(rate)]
    median, p99, worst, _ = map(int, bench.load(bench.program, "paced", *arguments).split())
    return {"p50_ms": median / 1e3, "p99_ms": p99 / 1e3, "max_ms": worst / 1e3}


def stream(bench, proxy):
    before, start = proxy.cpu_seconds(), time.monotonic()
    size = bench.load(
        "curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}",
        "-H", f"Host: {proxy.host}", "-H", f"Cookie: {proxy.cookie}", proxy.url("/stream"),
    )
    if int(size) != STREAM_BYTES:
        sys.exit(f"bench: {proxy.name} sent {size} bytes")
    return {
        "mib_per_s": STREAM_BYTES / (1 << 20) / (time.monotonic() - start),
        "cpu_s": proxy.cpu_seconds() - before,
    }


def echo(bench, proxy, seconds):
    arguments = [f"127.0.0.1:{proxy.port}", proxy.host, proxy.cookie, "64", str(seconds)]
    before = proxy.cpu_seconds()
    count = int(bench.load(bench.program, "ws-echo", *arguments))
    return {"messages_per_s": count / seconds, "cpu_us_per_message": (proxy.cpu_seconds() - before) * 1e6 / count}


def idle(bench, proxy, connections):
    sockets, before = proxy.sockets(), proxy.private_bytes()
    command = ["taskset", "-c", LOAD_CORE, bench.program, "ws-idle", f"127.0.0.1:{proxy.port}"]
    holder = subprocess.Popen(
        [*command, proxy.host, proxy.cookie, str(connections)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    if holder.stdout.readline().strip() != "open":
        sys.exit(f"bench: {proxy.name} did not open {connections} WebSockets")
    time.sleep(2)
    used = proxy.private_bytes() - before
    holder.stdin.close()
    holder.wait()
    wait_for(f"{proxy.name} closes its sockets", lambda: proxy.sockets() <= sockets + 2, 60)
    return {"bytes_each": used / connections, "sockets_left": max(0, proxy.sockets() - sockets)}


def summary(runs):
    return {
        key: {"median": statistics.median(run[key] for run in runs),
              "least": min(run[key] for run in runs),
              "most": max(run[key] for run in runs)}
        for key in runs[0]
    }


def interleaved(rounds, proxies, measure):
    runs = {proxy.name: [] for proxy in proxies}
    for _ in range(rounds):
        for proxy in proxies:
            runs[proxy.name].append(measure(proxy))
    return {name: summary(results) for name, results in runs.items()}


def measure(bench, options):
    bench.app()
    gateway = bench.gateway("app.sock")
    nginx = bench.nginx_proxy("nginx", "app.sock", gateway)
    checked = bench.nginx_proxy("nginx-auth", "app.sock", gateway)
    results = {}
    for connections in (1, 64, 256):
        results[f"small answers, {connections} connections"] = interleaved(
            options.rounds, [gateway, nginx, checked],
            lambda proxy: small_answers(bench, proxy, connections, options.seconds))
    half = results["small answers, 64 connections"]["nginx"]["requests_per_s"]["median"] / 2
    results[f"64 connections at {half:.0f} requests/s"] = interleaved(
        options.rounds, [gateway, nginx], lambda proxy: paced(bench, proxy, options.seconds, int(half)))
    results["stream of 1 GiB"] = interleaved(
        options.rounds, [gateway, nginx], lambda proxy: stream(bench, proxy))
    sockets = [bench.gateway("echo.sock"), bench.nginx_proxy("nginx-ws", "echo.sock", gateway)]
    sockets[1].host, sockets[1].cookie = sockets[0].host, sockets[0].cookie
    results["WebSocket echo, 64 connections"] = interleaved(
        options.rounds, sockets, lambda proxy: echo(bench, proxy, options.seconds))
    results[f"{options.idle} idle WebSockets"] = interleaved(
        1, sockets, lambda proxy: idle(bench, proxy, options.idle))
    return results


def show(results):
    for what, proxies in results.items():
        print(f"\n### {what}\n")
        keys = list(next(iter(proxies.values())))
        print("| | " + " | ".join(keys) + " |")
        print("|---" * (len(keys) + 1) + "|")
        for name, values in proxies.items():
            cells = (f"{v['median']:,.2f} ({v['least']:,.2f} to {v['most']:,.2f})" for v in (values[k] for k in keys))
            print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / "target/release/examples/gateway_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for program in ("nginx", "wrk", "curl", "taskset"):
        if not shutil.which(program):
            sys.exit(f"bench: {program} is missing")
    if not os.access(options.program, os.X_OK):
        sys.exit("bench: build it first: cargo build --release -p myksc-gateway --example gateway_bench")
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # The table names the number that was opened.
    options.idle = min(options.idle, (most_files - 500) // 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        results = measure(Bench(options.program, pathlib.Path(folder), stack), options)
    if options.json:
        json.dump(results, sys.stdout, indent=1)
    else:
        show(results)


if __name__ == "__main__":
    main()
