#!/usr/bin/env python3
"""Measures `myksc serve` beside other proxies and writes the tables of RESULTS.md.

Every proxy runs on one core with one worker; load and backend run on the other. All have the same backend, an app
that the portal launched, and get the same requests, with the browser's cookie of that app. Rounds are interleaved.
"""

import argparse
import pathlib
import shutil
import tempfile
import time

import measures
import report
from peers import Peers, first_line
from portal import Portal, echo_app, slow_catalogue, web_app
from processes import Started, fail, resident_bytes

CONNECTIONS = 64
SIGN_INS = 100
MEGABYTE = 1e6


def interleaved(rounds, proxies, measure):
    results = {proxy.name: [] for proxy in proxies}
    for _ in range(rounds):
        for proxy in proxies:
            results[proxy.name].append(measure(proxy))
    return results


def show(text):
    print(text, flush=True)
    return text


def memory_and_launches(started, options):
    """A fresh portal: its memory in use, and what a launch costs."""
    catalogue = slow_catalogue(started.folder, options.load_program)
    portal = Portal(started, options.program, "fresh", MYKSC__APPS__CATALOGUE=str(catalogue))
    portal.sign_in()
    time.sleep(options.settle)
    resident = {"60 s after the start, one session": resident_bytes(portal.process.pid)}
    for _ in range(SIGN_INS):
        portal.sign_in()
    resident[f"after {SIGN_INS} sign-ins"] = resident_bytes(portal.process.pid)
    agent = portal.agent_pid()
    portal.ask("GET", "/files/entries?path=home&limit=1000")
    resident["a person's file agent"] = resident_bytes(agent)
    rows = {what: [{"resident MB": bytes_ / MEGABYTE}] for what, bytes_ in resident.items()}
    yield show(report.table("Memory", rows))
    launches = [measures.launch(portal) for _ in range(options.rounds)]
    yield show(report.table("Launch of a program that needs 0.5 s to answer", {"myksc": launches}))
    portal.stop()


def proxies(started, options):
    """A portal with many apps, and the peers, in front of the same backends."""
    portal = Portal(started, options.program, "portal")
    portal.sign_in()
    portal.add_other_apps()
    web, web_port = web_app(portal)
    echo, echo_port = echo_app(portal, options.load_program)
    myksc = portal.proxy(web)
    peers = Peers(started, options.peers, myksc)
    versions = peers.versions() | {"myksc": options.version}
    yield show(report.head(options.command, versions))
    everybody = [myksc, *peers.all(web_port)]
    nginx = everybody[1]
    for connections in (1, CONNECTIONS, 256):
        results = interleaved(options.rounds, everybody,
                              lambda proxy: measures.small_answers(proxy, connections, options.seconds))
        yield show(report.table(f"Small answers, {connections} connections", results, "requests/s"))
        if connections == CONNECTIONS:
            most = max(result["requests/s"] for result in results["nginx"])
    rate = int(most / 2)
    results = interleaved(options.rounds, [myksc, nginx], lambda proxy: measures.paced(
        options.load_program, proxy, CONNECTIONS, options.seconds, rate))
    yield show(report.table(f"{rate:,} requests/s, half of nginx's maximum", results, "p99 ms"))
    streaming = [proxy for proxy in everybody if proxy.name not in ("nginx, 32 kept", "nginx-auth")]
    results = interleaved(options.rounds, streaming, measures.stream)
    yield show(report.table("Stream of 1 GiB", results, "CPU s"))
    for peer in everybody[1:]:
        started.stop(peer.process)
    yield from websockets(portal, peers, portal.proxy(echo), echo_port, options)
    for app in (web, echo):
        portal.remove(app)
    portal.stop()


def websockets(portal, peers, myksc, backend, options):
    peers.like = myksc
    everybody = [myksc, *peers.all_for_websockets(backend)]
    results = interleaved(options.rounds, everybody, lambda proxy: measures.echo(
        options.load_program, proxy, CONNECTIONS, options.seconds))
    yield show(report.table(f"WebSocket echo, {CONNECTIONS} connections", results, "messages/s"))
    connections = measures.most_connections(options.idle)
    results = interleaved(1, everybody, lambda proxy: measures.idle(options.load_program, proxy, connections))
    yield show(report.table(f"{connections:,} idle WebSockets", results))


def release_version(program):
    """What the program says it is; figures of a debug build would mislead."""
    version = first_line(program, "--version")
    if "release build" not in version:
        fail(f"{program} is no release build: {version}")
    return version


def absolute(path):
    return pathlib.Path(path).resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=absolute, required=True, help="the release build of myksc")
    parser.add_argument("--load-program", type=absolute, required=True, help="the release build of gateway_bench")
    parser.add_argument("--peers", type=absolute, required=True, help="the folder that tools/peers printed")
    parser.add_argument("--command", default="make bench", help="what to call the run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--settle", type=int, default=60, help="seconds until the portal's memory is read")
    parser.add_argument("--idle", type=int, default=10_000, help="WebSockets, if the limit of open files allows")
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    for program in ("wrk", "curl", "taskset", "node"):
        if not shutil.which(program):
            fail(f"{program} is missing")
    options.version = release_version(options.program)
    with tempfile.TemporaryDirectory(prefix="myksc-bench-") as folder:
        started = Started(pathlib.Path(folder))
        try:
            fresh = list(memory_and_launches(started, options))
            beside = list(proxies(started, options))
        finally:
            started.stop_all()
    if not options.dry:
        head, *tables = beside
        report.write([head, *tables, *fresh])


if __name__ == "__main__":
    main()
