#!/usr/bin/env python3
"""Measures a good client among many that only hold connections: attack.py BINARY [--idle N] [--dripping N] [--write FILE]

token-broker and nginx, one after the other, in the same way. The crowd comes from forty other addresses of this machine: some say
nothing, the others half a head or half a body and a byte more every few seconds; whoever is closed comes again. The good
client asks for tokens, each on a connection of its own, before the crowd is there, while it is, and after it. The server has
core 0, crowd and client share core 1. Load goes to loopback only and ends by itself.
"""

import argparse
import errno
import multiprocessing
import os
import resource
import select
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import document
import run

# So many addresses that none of them comes to its own bound.
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 41)]
HALF_A_HEAD = b"POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\nX-Dripping: "
HALF_A_BODY = b"POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
# What nobody waits longer for, in seconds.
PATIENCE = 2
# Between two requests, so that they see more of the crowd than one moment.
PAUSE = 0.01
# As many as either server has.
PLACES = 4096
MOMENTS = ("alone", "among the crowd", "afterwards")


class Crowd:
    """Connections that are held; those that are closed are opened again, so that there are always as many."""

    def __init__(self, address, idle, dripping):
        self.address, self.idle, self.dripping = address, idle, dripping
        self.open, self.opened = [], 0

    def keep(self, held, opened, stopping):
        """Holds them until it is told to stop, and says how many there are and were."""
        os.sched_setaffinity(0, {int(run.LOAD_CORE)})
        dripped = 0.0
        while not stopping.is_set():
            dripping = [said is not None for _, said in self.open].count(True)
            for _ in range(min(200, self.idle - len(self.open) + dripping)):
                self.connect(None)
            for number in range(min(50, self.dripping - dripping)):
                self.connect(HALF_A_HEAD if number % 2 else HALF_A_BODY)
            self.drop_closed()
            held.value, opened.value = len(self.open), self.opened
            if time.monotonic() - dripped > 3:
                dripped = time.monotonic()
                self.drip()
            stopping.wait(0.05)

    def connect(self, said):
        stream = socket.socket()
        stream.setblocking(False)
        stream.bind((ADDRESSES[self.opened % len(ADDRESSES)], 0))
        if stream.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            stream.close()
            return
        self.opened += 1
        self.open.append((stream, said))

    def drop_closed(self):
        watched, by_number = select.poll(), {}
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
                stream.send(said)
                self.open[position] = (stream, b"x")
            except OSError:
                pass  # closed meanwhile, and opened again in the next round


class Measured:
    """What a good client saw at one moment."""

    def __init__(self, server, head, requests):
        url = urlsplit(server.url)
        took = []
        for _ in range(requests):
            took.append(ask((url.hostname, url.port), head))
            time.sleep(PAUSE)
        granted = sorted(one for one in took if one is not None)
        self.granted = len(granted) / requests
        self.p50 = statistics.median(granted) if granted else float("nan")
        self.p99 = granted[int(len(granted) * 0.99) - 1] if granted else float("nan")
        self.memory = server.memory()


def ask(address, head):
    """One request on a connection of its own; how many milliseconds it took, if it was granted before patience was over."""
    began = time.perf_counter()
    try:
        with socket.create_connection(address, timeout=PATIENCE) as stream:
            stream.sendall(head + run.FORM)
            answer = b""
            while piece := stream.recv(65536):
                answer += piece
    except OSError:
        return None
    took = time.perf_counter() - began
    return took * 1000 if answer.startswith(b"HTTP/1.1 200") and took < PATIENCE else None


def measure(server, key, options):
    url = urlsplit(server.url)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-api-key: {key}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(run.FORM)}\r\n\r\n"
    ).encode()
    for _ in range(50):
        ask((url.hostname, url.port), head)
    measured = [Measured(server, head, options.requests)]
    held, opened, stopping = multiprocessing.Value("i"), multiprocessing.Value("i"), multiprocessing.Event()
    crowd = Crowd((url.hostname, url.port), options.idle, options.dripping)
    process = multiprocessing.Process(target=crowd.keep, args=(held, opened, stopping), daemon=True)
    process.start()
    until = time.monotonic() + 60
    while opened.value < options.idle + options.dripping and time.monotonic() < until:
        time.sleep(0.2)
    before = opened.value
    measured.append(Measured(server, head, options.requests))
    print(f"{server.name}: {held.value} connections are held, {opened.value} were opened, {opened.value - before} of them meanwhile")
    if held.value < min(PLACES, options.idle + options.dripping) * 0.9:
        sys.exit("that is no crowd")
    stopping.set()
    process.join(20)
    measured.append(Measured(server, head, options.requests))
    return measured


def report(us, peer, options):
    def row(what, ours, theirs, form):
        ratio = f"{ours / theirs:.2f}" if theirs else "—"
        return f"| {what} | {ours:{form}} | {theirs:{form}} | {ratio} |"

    lines = [
        document.measured(),
        f"{document.machine()}, nginx {run.nginx_version()}.",
        f"{options.idle:,} silent connections and {options.dripping:,} that drip, {options.requests:,} good requests each time, one every {PAUSE * 1000:.0f} ms.",
        "",
        "| | token-broker | nginx | ratio |",
        "|---|--:|--:|--:|",
    ]
    for what, value, form in (
        (f"granted within {PATIENCE} s", "granted", ".1%"),
        ("median ms", "p50", ".2f"),
        ("p99 ms", "p99", ".2f"),
        ("memory MiB", "memory", ".1f"),
    ):
        for moment, ours, theirs in zip(MOMENTS, us, peer):
            lines.append(row(f"{moment}: {what}", getattr(ours, value), getattr(theirs, value), form))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--dripping", type=int, default=2_000)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    document.look_around()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < options.idle + options.dripping + 100:
        sys.exit(f"only {hard} files may be open: fewer connections, please")
    os.sched_setaffinity(0, {int(run.LOAD_CORE)})
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        os.chmod(theirs, 0o755)  # nginx's worker is another user
        with run.token_broker(options.binary, Path(ours)) as (us, keys):
            body = run.ask(us.url, keys["granted"]).decode()
            with run.nginx(Path(theirs), keys, body) as peer:
                text = report(*(measure(server, keys["granted"], options) for server in (us, peer)), options)
    print(text)
    if options.write:
        document.write(options.write, "attack", text)


if __name__ == "__main__":
    main()
