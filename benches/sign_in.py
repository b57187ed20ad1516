#!/usr/bin/env python3
"""Measures signing in and writes the tables of SIGN-IN.md: sign-ins a second, what a storm of wrong passwords does to
everybody else, and how soon a person whom her directory locks is out.

The portal runs on one core, whoever asks it on the other. What the storm does is given beside the same portal at rest,
in the same run.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import http.client
import json
import multiprocessing
import os
import pathlib
import statistics
import tempfile
import threading
import time

import report
from directory import PASSWORD, Directory
from portal import Portal
from processes import CLOCK_TICKS, LOAD_CORE, Started, fail, wait_for
from run import absolute, release_version, show

RESULTS = report.HERE / "SIGN-IN.md"
WRONG_PASSWORDS = 10_000
STORM_AT_ONCE = 64
PROBE_EVERY_SECS = 0.02
SHUT_OUT_SECS = 60


def post_session(port, body, address="127.0.0.1"):
    """One sign-in from an address of this machine; status, headers and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(address, 0))
    headers = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/session", json.dumps(body), headers)
    response = connection.getresponse()
    answer = response.status, response.headers, json.loads(response.read())
    connection.close()
    return answer


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def sign_ins(portal, at_once, seconds):
    """Right passwords, so many at once, each answered before the next."""
    body = {"name": portal.name, "password": portal.password}
    counts = collections.Counter()
    deadline = time.monotonic() + seconds

    def sign_in_until_then():
        while time.monotonic() < deadline:
            counts[post_session(portal.port, body)[0]] += 1

    before, start = cpu_seconds(portal.process), time.monotonic()
    threads = [threading.Thread(target=sign_in_until_then) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # An attempt counts as a guess until it turns out right, so several at once under one name may be slowed.
    if set(counts) - {200, 429}:
        fail(f"sign-ins were answered {dict(counts)}")
    used = cpu_seconds(portal.process) - before
    return {"sign-ins/s": counts[200] / (time.monotonic() - start), "CPU ms each": 1000 * used / counts[200],
            "slowed (429)": counts[429]}


class Prober:
    """A signed-in person who asks for something all the time, on one connection."""

    def __init__(self, portal):
        self.headers = {"Host": f"localhost:{portal.port}", "Cookie": portal.cookie}
        self.connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)
        self.latencies = []

    def ask(self, path="/api/v1/apps"):
        asked = time.monotonic()
        self.connection.request("GET", path, headers=self.headers)
        response = self.connection.getresponse()
        response.read()
        self.latencies.append(time.monotonic() - asked)
        return response.status

    def ask_while(self, goes_on):
        while goes_on():
            if self.ask() != 200:
                fail("somebody who was signed in was refused")
            time.sleep(PROBE_EVERY_SECS)

    def figures(self):
        cuts = statistics.quantiles(self.latencies, n=100)
        return {"p50 ms": 1000 * cuts[49], "p99 ms": 1000 * cuts[98], "worst ms": 1000 * max(self.latencies)}


def wrong_passwords(port, done):
    """The storm, in a process of its own: every attempt with another name and from another address of this machine, so
    that no throttle of a name or an address ends it early; the statuses of the answers."""
    os.nice(5)

    def attempt(number):
        address = f"127.{1 + number // 65025}.{number // 255 % 255}.{1 + number % 254}"
        return post_session(port, {"name": f"user{number}", "password": "a wrong password"}, address)[0]

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(STORM_AT_ONCE) as pool:
        counts = collections.Counter(pool.map(attempt, range(WRONG_PASSWORDS)))
    done.put((time.monotonic() - start, dict(counts)))


def sign_in_anyhow(portal):
    """A person's sign-in that is repeated while the portal says that it is busy: seconds until she is in."""
    body = {"name": portal.name, "password": portal.password}
    start = time.monotonic()
    while True:
        status = post_session(portal.port, body)[0]
        if status == 200:
            return time.monotonic() - start
        if status != 503:
            fail(f"a right password was answered {status} in the storm")
        time.sleep(0.5)


def storm(portal, rest_secs):
    """Everybody else at rest and in the storm, and who signs in meanwhile."""
    at_rest, in_storm = Prober(portal), Prober(portal)
    until = time.monotonic() + rest_secs
    at_rest.ask_while(lambda: time.monotonic() < until)
    done = multiprocessing.Queue()
    process = multiprocessing.Process(target=wrong_passwords, args=(portal.port, done))
    process.start()
    waits = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        def keep_signing_in():
            while process.is_alive():
                waits.append(sign_in_anyhow(portal))
                time.sleep(1)

        signing_in = pool.submit(keep_signing_in)
        in_storm.ask_while(process.is_alive)
        signing_in.result()
    seconds, counts = done.get()
    process.join()
    if set(counts) - {401, 429, 503}:
        fail(f"wrong passwords were answered {counts}")
    yield show(report.table(
        "GET /api/v1/apps of somebody who is signed in",
        {"at rest": [at_rest.figures()], f"in a storm of {WRONG_PASSWORDS:,} wrong passwords": [in_storm.figures()]},
        "p99 ms", "at rest"))
    figures = {"seconds": seconds, "looked at (401)": counts.get(401, 0), "slowed (429)": counts.get(429, 0),
               "told to come back (503)": counts.get(503, 0), "right sign-ins meanwhile": len(waits),
               "longest wait of these, s": max(waits)}
    yield show(report.table("The storm", {"myksc": [figures]}))


def shut_out(started, options):
    """From the moment the directory locks a person until her session is refused and her open events have ended."""
    directory = Directory(started)
    settings = {"MYKSC_CONFIG": str(directory.configuration)}
    portal = Portal(started, options.program, "directory", first_account=False, **settings)
    rounds = []
    for _ in range(options.rounds):
        body = {"provider": "centre", "name": "kim", "password": PASSWORD}
        status, headers, answer = post_session(portal.port, body)
        if status != 200:
            fail(f"kim was not let in: {status} {answer}")
        portal.cookie = headers["Set-Cookie"].split(";")[0]
        events, prober = Prober(portal), Prober(portal)
        events.connection.request("GET", "/api/v1/events", headers=events.headers)
        ended = threading.Event()

        def read_to_the_end(response):
            with contextlib.suppress(OSError, http.client.HTTPException):
                response.read()
            ended.set()

        threading.Thread(target=read_to_the_end, args=[events.connection.getresponse()], daemon=True).start()
        locked_at = time.monotonic()
        directory.lock()
        wait_for("her session is refused", lambda: prober.ask() == 401, SHUT_OUT_SECS, 0.1)
        refused = time.monotonic() - locked_at
        if not ended.wait(SHUT_OUT_SECS - refused):
            fail(f"her events go on {SHUT_OUT_SECS} s after she was locked")
        rounds.append({"session refused, s": refused, "events ended, s": time.monotonic() - locked_at})
        directory.unlock()
        # She is let in again as soon as she signs in and the directory says so.
        wait_for("she is let in again", lambda: post_session(portal.port, body)[0] == 200, SHUT_OUT_SECS, 1)
    yield show(report.table(f"Locked in the directory: out within {SHUT_OUT_SECS} s", {"myksc": rounds}))
    portal.stop()


def measure(started, options):
    versions = {"myksc": options.version}
    yield show(report.head(options.command, versions))
    # Each answer 503 is a line of the log.
    portal = Portal(started, options.program, "local", MYKSC__LOG__FILTER="off")
    portal.sign_in()
    rows = {f"{at_once} at once": [sign_ins(portal, at_once, options.seconds) for _ in range(options.rounds)]
            for at_once in (1, 4)}
    yield show(report.table("Sign-ins of a local account", rows))
    portal.sign_in()
    yield from storm(portal, options.seconds * options.rounds)
    portal.stop()
    yield from shut_out(started, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=absolute, required=True, help="the release build of myksc")
    parser.add_argument("--command", default="make bench", help="what to call the run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--dry", action="store_true", help="leave SIGN-IN.md as it is")
    options = parser.parse_args()
    options.version = release_version(options.program)
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with tempfile.TemporaryDirectory(prefix="myksc-bench-") as folder:
        started = Started(pathlib.Path(folder))
        try:
            parts = list(measure(started, options))
        finally:
            started.stop_all()
    if not options.dry:
        report.write(parts, RESULTS)


if __name__ == "__main__":
    main()
