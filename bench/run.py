#!/usr/bin/env python3
"""Measures token-broker and nginx side by side on this machine: run.py BINARY [--seconds N] [--rounds N] [--write FILE]

The server has core 0, the load core 1. Both servers run all the time and are loaded by turns, so that both see the same
machine. Every answer is checked by status: a figure for answers of the wrong kind is not printed. Load goes to loopback
only and ends by itself.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from socket import socket

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "clients"))
import broker  # noqa: E402

import document  # noqa: E402

SERVER_CORE, LOAD_CORE = "0", "1"
CONNECTIONS = 64
STARTS = 9
FORM = b"grant_type=client_credentials&scope=orders%2Fread"
PATHS = {"granted": ("token from the cache", "200"), "refused": ("refused with 429", "429")}

# Four buckets and a quota stand in the way of either client, as in production; only the sizes are the benchmark's.
ABUNDANT = {"rate": 900_000, "burst": 5_000_000}
DEFINITION = {
    "api": {"throttle": ABUNDANT, "token_endpoint": {"throttle": ABUNDANT}},
    "plans": {
        "abundant": {
            "throttle": {"rate": 800_000, "burst": 4_000_000},
            "token_endpoint": {"rate": 700_000, "burst": 3_000_000},
            "quota": {"limit": 2_000_000_000, "period": "month"},
        },
        "scarce": {
            "throttle": {"rate": 800_000, "burst": 4_000_000},
            "token_endpoint": {"rate": 0.001, "burst": 1},
            "quota": {"limit": 2_000_000_000, "period": "month"},
        },
    },
    "clients": {
        "granted": {"plan": "abundant", "scopes": ["orders/read"]},
        "refused": {"plan": "scarce", "scopes": ["orders/read"]},
    },
    "homes": {
        "local": {
            "front_door": broker.FREE_PORT,
            "admin": broker.FREE_PORT,
            "user_pool_listen": broker.FREE_PORT,
            "account_throttle": {"rate": 1_000_000, "burst": 9_000_000},
            # One key alone uses half a batch of the default size up within one slow write.
            "limits": {"quota_batch": 100_000},
        }
    },
}


class Server:
    """What is loaded: where it is, which processes it has, and what it says it answered."""

    def __init__(self, name, url, processes, answered, strays=0):
        self.name, self.url, self.processes, self.answered = name, url, processes, answered
        # How many answers of a run may be of another kind.
        self.strays = strays
        self.runs = {path: [] for path in PATHS}

    def load(self, path, key, seconds):
        """Loads it for some seconds. Every answer must be what the path is for."""
        before = self.answered()
        command = [
            "taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s",
            "-s", HERE / "request.lua", self.url,
        ]
        environment = os.environ | {"API_KEY": key}
        printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        run = json.loads(printed.splitlines()[-1])
        answered = self.answered() - before
        wanted = PATHS[path][1]
        if answered.total() - answered[wanted] > self.strays or answered.total() < run["requests"] or run["broken"]:
            sys.exit(f"{self.name}, {PATHS[path][0]}: not only {wanted}: {dict(answered)}, {run}")
        return run

    def rate(self, path):
        return statistics.median(run["requests"] / run["seconds"] for run in self.runs[path])

    def quantile(self, path, name):
        return statistics.median(run[name] for run in self.runs[path])

    def memory(self):
        """Resident memory of all its processes, in MiB."""
        return sum(resident(pid) for pid in self.processes())


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def ask(url, key):
    request = urllib.request.Request(url, FORM, {"x-api-key": key})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


@contextmanager
def token_broker(binary, directory):
    (directory / "token-broker.yaml").write_text(json.dumps(DEFINITION))
    with broker.up(binary, directory, prefix=("taskset", "-c", SERVER_CORE)) as running:
        pid, admin = running.endpoints["pid"], running.endpoints["admin"]

        def answered():
            text = urllib.request.urlopen(f"{admin}/metrics", timeout=10).read().decode()
            found = re.findall(r'^token_broker_requests_total\{status="(\d+)"\} (\d+)$', text, re.MULTILINE)
            return Counter({status: int(count) for status, count in found})

        server = Server("token-broker", running.endpoints["invoke_url"], lambda: [pid], answered)
        yield server, {path: running.key(path) for path in PATHS}


@contextmanager
def nginx(directory, keys, body):
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    filled = {"PORT": str(port), "GRANTED_KEY": keys["granted"], "REFUSED_KEY": keys["refused"], "BODY": body}
    text = re.sub(r"@(\w+)@", lambda match: filled[match[1]] if match[1] in filled else match[0],
                  (HERE / "nginx.conf").read_text())
    (directory / "nginx.conf").write_text(text)
    command = ["taskset", "-c", SERVER_CORE, "/usr/sbin/nginx", "-p", directory, "-c", "nginx.conf", "-e", "stderr"]
    process = subprocess.Popen(command)
    log = directory / "access.log"
    counts, read = Counter(), 0

    def processes():
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [process.pid, *map(int, children)]

    def answered():
        nonlocal read
        time.sleep(1.5)  # its log is flushed once a second
        with open(log, "rb") as lines:
            lines.seek(read)
            written = lines.read()
        read += len(written)
        counts.update(status.decode() for status in re.findall(rb'"status":"(\d+)"', written))
        return counts.copy()

    try:
        url = f"http://127.0.0.1:{port}/dev/oauth2/token"
        wait_for(port)
        # Its slowest bucket lets one request a minute through.
        yield Server("nginx", url, processes, answered, strays=1)
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("nginx does not answer")


def measure(binary, seconds, rounds):
    """Both servers, loaded by turns."""
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        os.chmod(theirs, 0o755)  # its worker is another user
        with token_broker(binary, Path(ours)) as (us, keys):
            body = ask(us.url, keys["granted"]).decode()
            with nginx(Path(theirs), keys, body) as peer:
                for server in (us, peer):
                    ask(server.url, keys["refused"])  # the only one that is granted
                    server.load("granted", keys["granted"], 2)
                for _ in range(rounds):
                    for path in PATHS:
                        for server in (us, peer):
                            server.runs[path].append(server.load(path, keys[path], seconds))
                return us, peer, us.memory(), peer.memory(), len(body)


def startup(binary):
    """Milliseconds from `up` to the first token with existing state, and idle memory in MiB."""
    times, memory = [], []
    with tempfile.TemporaryDirectory() as place:
        for _ in range(STARTS + 1):
            (Path(place) / "token-broker.yaml").write_text(json.dumps(DEFINITION))
            began = time.monotonic()
            with broker.up(binary, Path(place)) as running:
                ask(running.endpoints["invoke_url"], running.key("granted"))
                times.append((time.monotonic() - began) * 1000)
                memory.append(resident(running.endpoints["pid"]))
    return statistics.median(times[1:]), statistics.median(memory[1:])


def report(us, peer, our_memory, peer_memory, length, started, idle, seconds, rounds):
    def row(what, ours, theirs, ratio, goal):
        return f"| {what} | {ours} | {theirs} | {ratio:.2f} | {goal} |"

    lines = [
        document.measured(),
        f"{document.machine()}, nginx {nginx_version()}. Server on one core,",
        f"`wrk -t1 -c{CONNECTIONS} -d{seconds}s` on another, {rounds} rounds by turns, medians. The token's reply has {length} bytes.",
        "",
        "| | token-broker | nginx | ratio | goal |",
        "|---|--:|--:|--:|--:|",
    ]
    for path, (what, _) in PATHS.items():
        ours, theirs = us.rate(path), peer.rate(path)
        lines.append(row(f"{what}, requests/s", f"{ours:,.0f}", f"{theirs:,.0f}", ours / theirs, "≥ 1.00"))
        for name, shown in (("p50_us", "median"), ("p99_us", "p99")):
            ours, theirs = us.quantile(path, name), peer.quantile(path, name)
            goal = "≤ 1.00" if (path, name) == ("granted", "p99_us") else "—"
            lines.append(row(f"{what}, {shown} ms", f"{ours / 1000:.2f}", f"{theirs / 1000:.2f}", ours / theirs, goal))
    lines += [
        row("memory after all of it, MiB", f"{our_memory:.1f}", f"{peer_memory:.1f}", our_memory / peer_memory, "—"),
        "",
        "| token-broker alone | measured | goal |",
        "|---|--:|--:|",
        f"| `up` to the first token, with existing state, median of {STARTS} | {started:.0f} ms | ≤ 150 ms |",
        f"| memory when idle after one token | {idle:.1f} MiB | ≤ 30 MiB |",
    ]
    return "\n".join(lines)


def nginx_version():
    version = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return version.split("/")[-1].strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    document.look_around()
    figures = measure(options.binary, options.seconds, options.rounds)
    text = report(*figures, *startup(options.binary), options.seconds, options.rounds)
    print(text)
    if options.write:
        document.write(options.write, "figures", text)


if __name__ == "__main__":
    main()
