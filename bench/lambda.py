#!/usr/bin/env python3
"""Measures the broker as a Lambda function beside the example brokers: lambda.py TOKEN-BROKER BOOTSTRAP [--write FILE]

Each function is a process that asks a Runtime API here for invocations, as it would on AWS: how long until its first
`next`, how much memory it has, and how long an invocation takes once its token is cached. The user pool is the embedded
one. Starts are by turns, and so are the rounds of warm invocations; every reply is checked. Loopback only.
"""

import argparse
import json
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "clients"))
import broker  # noqa: E402

import document  # noqa: E402

STARTS, ROUNDS, INVOCATIONS = 15, 5, 1000
SCOPES = ["orders/read"]


def definition(command):
    local = {"front_door": broker.FREE_PORT, "admin": broker.FREE_PORT, "user_pool_listen": broker.FREE_PORT}
    return {
        "api": {"throttle": {"rate": 1000, "burst": 1000}},
        "plans": {"roomy": {"throttle": {"rate": 900, "burst": 900}}},
        "clients": {"billing": {"plan": "roomy", "scopes": SCOPES, "default_scopes": SCOPES}},
        "homes": {"local": local | {"function": {"command": command}}},
    }


class RuntimeApi:
    """The Runtime API of one process."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.asked, self.events, self.replies = queue.Queue(), queue.Queue(), queue.Queue()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.until_it_ends, args=(connection,), daemon=True).start()

    def until_it_ends(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass  # The process was killed, as every one is in the end.

    def serve(self, connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            method, path, _ = line.split(b" ", 2)
            length = 0
            while (header := stream.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = stream.read(length)
            if method == b"GET":
                self.asked.put(time.perf_counter_ns())
                event = self.events.get()
                if event is None:
                    return
                deadline = int(time.time() * 1000) + 20_000
                head = (
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8\r\n"
                    f"Lambda-Runtime-Deadline-Ms: {deadline}\r\nLambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n"
                    "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:000000000000:function:broker\r\n"
                    f"Content-Length: {len(event)}\r\n\r\n"
                )
                connection.sendall(head.encode() + event)
            else:
                self.replies.put((time.perf_counter_ns(), path, body))
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    def invoke(self, event):
        """Microseconds from handing over the event to the whole reply, which must be a token."""
        self.asked.get(timeout=20)
        began = time.perf_counter_ns()
        self.events.put(event)
        ended, path, body = self.replies.get(timeout=20)
        reply = json.loads(body)
        assert path.endswith(b"/response") and reply["statusCode"] == 200, (path, reply)
        assert json.loads(reply["body"])["access_token"]
        return (ended - began) / 1000


class Function:
    """One of the functions that are compared."""

    def __init__(self, name, command, place):
        self.name, self.command, self.place = name, command, place
        self.starts, self.idle, self.warm, self.cold, self.busy = [], [], [], [], []

    @contextmanager
    def process(self):
        """Starts it, and says once it has asked for its first invocation."""
        api = RuntimeApi()
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "broker",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_REGION": "eu-central-1",
            "LAMBDA_TASK_ROOT": str(self.place),
            "TOKEN_BROKER_DEFINITION": str(self.place / "token-broker.yaml"),
            "TOKEN_BROKER_BINDINGS": f"file:{self.place}/.token-broker/function/bindings.json",
        }
        began = time.perf_counter_ns()
        with open(self.place / f"{self.name}.log", "ab") as log:
            process = subprocess.Popen(self.command, env=environment, cwd=self.place, stdout=log, stderr=log)
        try:
            asked = api.asked.get(timeout=20)
            self.starts.append((asked - began) / 1e6)
            self.idle.append(resident(process.pid))
            api.asked.put(asked)
            yield api, process
        finally:
            process.kill()
            process.wait()
            api.listener.close()
            api.events.put(None)


def resident(pid):
    """MiB of memory that a process has resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no resident memory is known")


def event(key_id):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": "api.example.com", "x-api-key": "not-looked-at"}
    path, form = "/oauth2/token", "grant_type=client_credentials&scope=orders%2Fread"
    context = {
        "resourceId": "abc123", "resourcePath": path, "httpMethod": "POST", "extendedRequestId": "x", "path": "/dev" + path,
        "requestTime": "23/Nov/2026:12:00:00 +0000", "accountId": "000000000000", "protocol": "HTTP/1.1", "stage": "dev",
        "domainPrefix": "api", "requestTimeEpoch": 1795435200000, "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "identity": {"apiKeyId": key_id, "sourceIp": "127.0.0.1", "userAgent": "bench"}, "domainName": "api.example.com",
        "deploymentId": "dep123", "apiId": "api1234567",
    }
    return json.dumps({
        "resource": path, "path": path, "httpMethod": "POST", "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()}, "queryStringParameters": None,
        "multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None,
        "requestContext": context, "body": form, "isBase64Encoded": False,
    }).encode()


def measure(functions, payload):
    for _ in range(STARTS):
        for function in functions:
            with function.process() as (api, _):
                function.cold.append(api.invoke(payload) / 1000)
    for _ in range(ROUNDS):
        for function in functions:
            with function.process() as (api, process):
                for _ in range(50):
                    api.invoke(payload)
                function.warm.append(sorted(api.invoke(payload) for _ in range(INVOCATIONS)))
                function.busy.append(resident(process.pid))


def report(functions, package):
    def percentile(function, part):
        return statistics.median(round_[int(len(round_) * part)] for round_ in function.warm)

    ours = functions[0]
    rows = [
        ("start until the first `next`, ms", lambda f: statistics.median(f.starts), 1, "≤ 10"),
        ("resident when started, MiB", lambda f: statistics.median(f.idle), 1, ""),
        ("resident after a thousand invocations, MiB", lambda f: statistics.median(f.busy), 1, "≤ 16"),
        ("first invocation, which fetches the token, ms", lambda f: statistics.median(f.cold), 1, ""),
        ("warm invocation, median, µs", lambda f: percentile(f, 0.5), 0, ""),
        ("warm invocation, 99th percentile, µs", lambda f: percentile(f, 0.99), 0, ""),
    ]
    lines = ["| | " + " | ".join(f"{f.name}" for f in functions) + " | goal |", "|---|" + "--:|" * (len(functions) + 1)]
    for title, figure, digits, goal in rows:
        cells = []
        for function in functions:
            ratio = "" if function is ours else f" ({figure(function) / figure(ours):.1f}×)"
            cells.append(f"{figure(function):.{digits}f}{ratio}")
        lines.append(f"| {title} | {' | '.join(cells)} | {goal} |")
    lines.append(f"| package, MB | {package / 1e6:.2f} |" + " — |" * (len(functions) - 1) + " ≤ 5 |")
    return "\n".join([
        document.measured(),
        f"{document.machine()}. {STARTS} starts, {ROUNDS} rounds of {INVOCATIONS} invocations, by turns, medians.",
        "",
        *lines,
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("bootstrap", type=lambda path: Path(path).resolve())
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    document.look_around()
    examples, python = HERE.parent / "examples", HERE.parent / "tests/clients/python/.venv/bin/python"
    node = subprocess.run(["sh", "-c", "command -v node"], capture_output=True, text=True, check=True).stdout.strip()
    commands = {
        "bootstrap": [str(options.bootstrap)],
        "Python": [str(python), str(examples / "python-broker/broker.py")],
        "Node.js": [node, str(examples / "node-broker/broker.mjs")],
    }
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "token-broker.yaml").write_text(json.dumps(definition(commands["bootstrap"])))
        package = place / "broker.zip"
        make = [options.binary, "package", "--bootstrap", options.bootstrap, "--output", package]
        subprocess.run(make, cwd=place, check=True, stdout=subprocess.DEVNULL)
        size = package.stat().st_size
        with broker.up(options.binary, place):
            bindings = json.loads((place / ".token-broker/function/bindings.json").read_text())
            functions = [Function(name, command, place) for name, command in commands.items()]
            measure(functions, event(next(iter(bindings["keys"]))))
    text = report(functions, size)
    print(text)
    if options.write:
        document.write(options.write, "lambda", text)


if __name__ == "__main__":
    main()
