"""What both benchmarks put into docs/benchmarks.md besides their figures."""

import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent


def measured():
    """The beginning of a sentence: when and from what."""
    return f"Measured {datetime.now(timezone.utc):%Y-%m-%d} by `make bench`, commit {commit()}:"


def commit():
    git = ["git", "-C", HERE, "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


def machine():
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = model[1] if model else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"


def look_around():
    """Says what would spoil the figures."""
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    # Whatever else runs takes its part of both cores; the ratios suffer less than the figures.
    others = os.getloadavg()[0]
    if others > 0.5:
        print(f"warning: the machine is busy (load {others:.1f})", file=sys.stderr)


def write(path, name, text):
    """Puts text between the markers of that name in a document."""
    document = path.read_text()
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, rest = document.split(begin)
    _, tail = rest.split(end)
    path.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}")
