#!/usr/bin/env python3
"""Measures the limiters beside the `governor` crate on this machine: limits.py BINARY [--quick] [--write FILE]

The binary does it all, by turns and in less than three minutes; this makes tables of what it says. The file for durable
limits is made in the directory for temporary files (TMPDIR), so that is the disk that is measured.
"""

import argparse
import json
import subprocess
from pathlib import Path

import document

# Columns: what the binary calls them, and how many limits one spend charges.
OURS = [("memory", 1), ("memory", 5), ("sqlite", 1), ("sqlite", 5)]
PEERS = [("governor, direct", 1), ("governor", 1)]
OWN_CLOCK, IN_TURN = ("governor, own clock", 1), ("governor, in turn", 5)


class Figures:
    """What the binary printed."""

    def __init__(self, text):
        self.all = json.loads(text)
        self.rows = {
            (row["admitted"], row["keys"], row["threads"], row["name"], row["limits"]): row for row in self.all["rows"]
        }

    def scenes(self, admitted):
        """Keys and threads that were measured with this answer, in order."""
        return list(dict.fromkeys(scene[1:3] for scene in self.rows if scene[0] == admitted))

    def row(self, admitted, scene, column):
        return self.rows.get((admitted, *scene, *column))


def report(figures):
    measured = figures.all
    clock = measured["clock"]
    return "\n".join([
        document.measured(),
        f"{document.machine()}. {measured['rounds']} rounds by turns, medians.",
        "",
        "Millions of spends per second, and the ratio to `governor` (one limit) with the same keys and threads:",
        "",
        *rates(figures, admitted=True),
        "",
        "The same where every spend is refused:",
        "",
        *rates(figures, admitted=False),
        "",
        "Nanoseconds of single spends, median / 99th percentile. A reading of the clock is in each:",
        f"{clock['p50_ns']:.0f} / {clock['p99_ns']:.0f} by itself.",
        "",
        *latencies(figures),
        "",
        *size(measured),
        "",
        *eviction(measured),
        "",
        *batches(measured["batches"]),
    ])


def rates(figures, admitted):
    yield (
        "| keys | threads | governor | governor, own clock | governor, 5 in turn "
        "| memory, 1 limit | memory, 5 limits | SQLite, 1 limit | SQLite, 5 limits |"
    )
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for scene in figures.scenes(admitted):
        peer = peer_of(figures, admitted, scene)["per_second"]
        others = (figures.row(admitted, scene, column) for column in (OWN_CLOCK, IN_TURN, *OURS))
        cells = [f"{peer / 1e6:.2f}", *(rate(other, peer) for other in others)]
        yield row(*scene_cells(scene), *cells)


def rate(measured, peer):
    return f"{measured['per_second'] / 1e6:.2f} ({measured['per_second'] / peer:.2f}×)" if measured else "—"


def latencies(figures):
    yield (
        "| answer | keys | threads | governor | governor, own clock | governor, 5 in turn "
        "| memory, 1 limit | memory, 5 limits | SQLite, 1 limit | SQLite, 5 limits |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for admitted, answer in ((True, "admitted"), (False, "refused")):
        for scene in figures.scenes(admitted):
            others = (figures.row(admitted, scene, column) for column in (OWN_CLOCK, IN_TURN, *OURS))
            cells = map(latency, [peer_of(figures, admitted, scene), *others])
            yield row(answer, *scene_cells(scene), *cells)


def latency(measured):
    return f"{measured['latency']['p50_ns']:.0f} / {measured['latency']['p99_ns']:.0f}" if measured else "—"


def peer_of(figures, admitted, scene):
    """The peer in its fastest form: for one key without a table, otherwise without a clock of its own."""
    return next(found for peer in PEERS if (found := figures.row(admitted, scene, peer)))


def scene_cells(scene):
    keys, threads = scene
    return f"{keys:,}", str(threads)


def size(measured):
    names = {
        "governor": "governor, 1 limit",
        "memory 1": "memory, 1 limit of each key",
        "memory 3": "memory, 3 limits of each key",
        "sqlite 3": "SQLite, 3 limits of each key, with all that the process needs for it",
    }
    yield f"| bytes per key, by resident memory with {measured['keys']:,} keys | measured | goal |"
    yield "|---|--:|--:|"
    for name, shown in names.items():
        goal = "≤ 200" if name.startswith("memory") else "—"
        yield row(shown, f"{measured['bytes_per_key'][name]:.0f}", goal)


def eviction(measured):
    found = measured["eviction"]

    def call(name):
        duration = found[name]["duration"]
        # A call locks so many shards in turn, and each has about the same to do.
        hold = duration["p99_ns"] / found[name]["locks"] / 1000
        return f"{duration['p50_ns'] / 1000:.0f} / {duration['p99_ns'] / 1000:.0f} µs, so a lock is held for about {hold:.0f} µs"

    def spends(name):
        return f"{found[name]['p50_ns']:.0f} / {found[name]['p99_ns']:.0f} ns"

    yield f"| dropping idle state, {measured['keys']:,} keys with 3 limits each | measured |"
    yield "|---|--:|"
    yield row("one call that drops nothing, median / p99", call("calls_that_keep"))
    yield row("one call that drops all it looks at, median / p99", call("calls_that_drop"))
    yield row("calls one after the other until nothing is left", f"{found['drop_all_ms']:.0f} ms")
    yield row("spends (5 limits) with nothing beside them, median / p99", spends("spends_alone"))
    yield row("spends while another thread calls it without pause, nothing to drop", spends("spends_while_keeping"))
    yield row("the same, all to drop", spends("spends_while_dropping"))


def batches(found):
    yield f"| one key as fast as possible, quota in batches of {found['batch']:,} | measured |"
    yield "|---|--:|"
    yield row("admitted per second", f"{found['admitted_per_second']:,.0f}")
    yield row("transactions per second, each on disk", f"{found['commits_per_second']:,.0f}")


def row(*cells):
    return f"| {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that it works")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    document.look_around()
    command = [options.binary, *(["quick"] if options.quick else [])]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    text = report(Figures(printed))
    print(text)
    if options.write:
        document.write(options.write, "limits", text)


if __name__ == "__main__":
    main()
