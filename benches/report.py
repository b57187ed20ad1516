"""The tables of RESULTS.md: medians of the rounds, the spread in brackets, and ratios to nginx of the same round."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
MARK = "<!-- What follows is written by `make bench`. -->\n"


def number(value):
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"


def spread(values):
    if len(values) == 1:
        return number(values[0])
    return f"{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})"


def table(title, rounds, ratio_of=None, base="nginx"):
    """`rounds` maps a proxy to its measurements in order; `ratio_of` names the figure that is also given as ratio."""
    keys = list(next(iter(rounds.values()))[0])
    head = ["", *keys, *([f"{ratio_of}, × {base}"] if ratio_of else [])]
    lines = [f"\n### {title}\n", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, results in rounds.items():
        cells = [spread([result[key] for result in results]) for key in keys]
        if ratio_of:
            pairs = zip(results, rounds[base], strict=True)
            cells.append(spread([ours[ratio_of] / theirs[ratio_of] for ours, theirs in pairs]))
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines) + "\n"


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return (f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory / 2**20:.0f} GiB, "
            f"Linux {platform.release()}; load before the run {os.getloadavg()[0]:.2f}")


def head(command, versions):
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"## Run of {now}\n", f"`{command}` at {revision.stdout.strip()} on {machine()}.\n", "| Program | Version |\n|---|---|"]
    lines += [f"| {name} | {version} |" for name, version in versions.items()]
    return "\n".join(lines) + "\n"


def write(parts, results=RESULTS):
    """Puts the parts in place of those of the run before; what people wrote above stays."""
    kept = results.read_text().split(MARK)[0] if results.exists() else "# Results of the bench\n\n"
    results.write_text(kept + MARK + "\n" + "".join(parts))
