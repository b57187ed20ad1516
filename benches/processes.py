"""Programs of the bench: started on one core, looked at through /proc, ended with the bench."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

PROXY_CORE, LOAD_CORE = "0", "1"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def fail(message):
    sys.exit(f"bench: {message}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, holds, seconds=30, every=0.02):
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > deadline:
            fail(f"still not: {what}")
        time.sleep(every)
    return value


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def load(*arguments):
    """Runs a load generator on its core; its output."""
    command = ["taskset", "-c", LOAD_CORE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Started:
    """Everything that was started, until it is stopped."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def start(self, command, **options):
        process = subprocess.Popen(["taskset", "-c", PROXY_CORE, *map(str, command)], **options)
        self.processes.append(process)
        return process

    def stop(self, process):
        self.processes.remove(process)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self):
        for process in list(self.processes):
            self.stop(process)
        # Apps outlive the portal on purpose; theirs name the bench's folder.
        for kind in (signal.SIGTERM, signal.SIGKILL):
            for entry in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if str(self.folder).encode() in (entry / "cmdline").read_bytes():
                        os.kill(int(entry.name), kind)
            time.sleep(0.5)


class Proxy:
    """A running proxy: its port, the headers that every request carries, and the processes that do the work."""

    def __init__(self, name, port, process, host, cookie, with_children=True):
        self.name, self.port, self.process, self.host, self.cookie = name, port, process, host, cookie
        self.with_children = with_children
        wait_for(f"{name} accepts", lambda: process.poll() is not None or accepts(port))
        if process.poll() is not None:
            fail(f"{name} did not start")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pids(self):
        pid = self.process.pid
        if not self.with_children:
            return [pid]
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / CLOCK_TICKS

    def private_bytes(self):
        return sum(private_bytes(pid) for pid in self.pids)

    def sockets(self):
        count = 0
        for pid in self.pids:
            for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    count += os.readlink(entry).startswith("socket:")
        return count


def private_bytes(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) * 1024 for kib in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.M))


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1]) * 1024
