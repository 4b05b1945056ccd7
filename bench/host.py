#!/usr/bin/env python3
"""Measures functions in processes beside a bare Runtime API loop on this machine: host.py BINARY [--write FILE]

The binary does it all, by turns and in less than half a minute; this makes a table of what it says. Loopback only.
"""

import argparse
import json
import subprocess
from pathlib import Path

import document


def report(measured):
    lines = [
        document.measured(),
        f"{document.machine()}. {measured['rounds']} rounds of {measured['invocations']:,} invocations by turns, medians.",
        "",
        "| processes | bare loop, per second | host, per second | ratio | bare loop, median / p99, µs | host, median / p99, µs |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for row in measured["rows"]:
        bare, host = row["bare"], row["host"]
        rates = f"{bare['per_second']:,.0f} | {host['per_second']:,.0f} | {host['per_second'] / bare['per_second']:.2f}×"
        latencies = " | ".join(f"{one['p50_us']:.0f} / {one['p99_us']:.0f}" for one in (bare, host))
        lines.append(f"| {row['processes']} | {rates} | {latencies} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    document.look_around()
    printed = subprocess.run([options.binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    text = report(json.loads(printed))
    print(text)
    if options.write:
        document.write(options.write, "host", text)


if __name__ == "__main__":
    main()
