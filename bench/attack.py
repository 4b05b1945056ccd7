#!/usr/bin/env python3
"""Measures a good client among many that only hold connections: attack.py BINARY [--idle N] [--dripping N] [--requests N]

The crowd comes from other addresses of this machine: some say nothing, the others half a head or half a body and a byte more
every few seconds. The good client asks for tokens, each on a connection of its own, before the crowd is there and while it
is. Every request must be granted. It goes to loopback only and ends by itself.
"""

import argparse
import errno
import json
import re
import resource
import select
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "clients"))
import broker  # noqa: E402

FORM = b"grant_type=client_credentials&scope=orders%2Fread"
# As high as the guardrails let each limit stand beside the others.
KEY, METHOD, ACCOUNT = ({"rate": rate, "burst": rate} for rate in (10_000, 20_000, 50_000))
DEFINITION = {
    "api": {"throttle": METHOD, "token_endpoint": {"throttle": METHOD}},
    "plans": {"abundant": {"throttle": KEY}},
    "clients": {"good": {"plan": "abundant", "scopes": ["orders/read"]}},
    "homes": {
        "local": {
            "front_door": broker.FREE_PORT,
            "admin": broker.FREE_PORT,
            "user_pool_listen": broker.FREE_PORT,
            "account_throttle": ACCOUNT,
        }
    },
}
# So many addresses that none of them comes to its own bound.
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 41)]
HALF_A_HEAD = b"POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\nX-Dripping: "
HALF_A_BODY = b"POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"


class Crowd(threading.Thread):
    """Connections that are held; those that are closed are opened again, so that there are always as many."""

    def __init__(self, address, idle, dripping):
        super().__init__(daemon=True)
        self.address, self.idle, self.dripping = address, idle, dripping
        self.open, self.opened, self.stopping = [], 0, threading.Event()

    def connect(self, said):
        stream = socket.socket()
        stream.setblocking(False)
        stream.bind((ADDRESSES[self.opened % len(ADDRESSES)], 0))
        if stream.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            stream.close()
            return
        self.opened += 1
        self.open.append((stream, said))

    def run(self):
        poll = {"dripped": 0.0}
        while not self.stopping.is_set():
            held = [said is not None for _, said in self.open]
            for _ in range(min(200, self.idle - held.count(False))):
                self.connect(None)
            for number in range(min(50, self.dripping - held.count(True))):
                self.connect(HALF_A_HEAD if number % 2 else HALF_A_BODY)
            self.drop_closed()
            if time.monotonic() - poll["dripped"] > 3:
                poll["dripped"] = time.monotonic()
                self.drip()
            self.stopping.wait(0.05)

    def drop_closed(self):
        watched = select.poll()
        by_number = {}
        for stream, said in self.open:
            watched.register(stream, select.POLLIN | select.POLLHUP | select.POLLERR)
            by_number[stream.fileno()] = (stream, said)
        closed = {number for number, _ in watched.poll(0)}
        for number in closed:
            by_number[number][0].close()
        self.open = [held for number, held in by_number.items() if number not in closed]

    def drip(self):
        for position, (stream, said) in enumerate(self.open):
            if said is None:
                continue
            try:
                stream.send(said if len(said) > 1 else b"x")
                self.open[position] = (stream, b"x")
            except OSError:
                pass


def ask(address, head):
    """One request on a connection of its own; how long it took, in milliseconds."""
    began = time.perf_counter()
    with socket.create_connection(address, timeout=20) as stream:
        stream.sendall(head + FORM)
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"a good request was not granted: {answer[:200]!r}")
    return (time.perf_counter() - began) * 1000


def measure(title, address, head, requests, pid, metrics):
    took = sorted(ask(address, head) for _ in range(requests))
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024
    figures = {
        "requests": requests,
        "p50_ms": round(statistics.median(took), 2),
        "p99_ms": round(took[int(requests * 0.99) - 1], 2),
        "resident_mib": round(resident, 1),
        "connections_open": metrics(),
    }
    print(title, json.dumps(figures), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--dripping", type=int, default=2_000)
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < options.idle + options.dripping + 100:
        sys.exit(f"only {hard} files may be open: fewer connections, please")
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        (directory / "token-broker.yaml").write_text(json.dumps(DEFINITION))
        with broker.up(options.binary.resolve(), directory) as running:
            invoke = urlsplit(running.endpoints["invoke_url"])
            admin = urlsplit(running.endpoints["admin"])
            address = (invoke.hostname, invoke.port)
            head = (
                f"POST {invoke.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-api-key: {running.key('good')}\r\n"
                f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(FORM)}\r\n\r\n"
            ).encode()

            def metrics():
                with socket.create_connection((admin.hostname, admin.port), timeout=20) as stream:
                    stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    text = b"".join(iter(lambda: stream.recv(65536), b"")).decode()
                return int(re.search(r"^token_broker_connections_open (\d+)$", text, re.MULTILINE)[1])

            pid = running.endpoints["pid"]
            ask(address, head)
            measure("alone", address, head, options.requests, pid, metrics)
            crowd = Crowd(address, options.idle, options.dripping)
            crowd.start()
            until = time.monotonic() + 60
            while len(crowd.open) < (options.idle + options.dripping) * 0.9 and time.monotonic() < until:
                time.sleep(0.2)
            print(f"the crowd holds {len(crowd.open)} connections, {crowd.opened} opened", flush=True)
            measure("among the crowd", address, head, options.requests, pid, metrics)
            print(f"the crowd holds {len(crowd.open)} connections, {crowd.opened} opened", flush=True)
            crowd.stopping.set()
            crowd.join()
            measure("afterwards", address, head, options.requests, pid, metrics)


if __name__ == "__main__":
    main()
