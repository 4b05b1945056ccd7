"""What is around a function in a test: a Runtime API that starts it and invokes it, and a user pool that misbehaves."""

import base64
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

PATIENCE_SECONDS = 20
STOPS_WITHIN_SECONDS = 0.01
SECRET, OTHER_SECRET = "s1-4JmQkW8rTzYbLx2N", "s2-9PvHdGc6uEaXf3Ko"
# Stands in every answer of the user pool that is no token, and must not come out anywhere.
UPSTREAM_TEXT = "said-by-the-user-pool"
FORM = "application/x-www-form-urlencoded"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        # A function that is killed at the end breaks off its request for the next invocation.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(handler: type, around) -> Iterator[str]:
    """An HTTP server on a free port; its handlers find `around`."""
    server = Server(("127.0.0.1", 0), handler)
    server.around = around
    threading.Thread(target=server.serve_forever, args=(STOPS_WITHIN_SECONDS,), daemon=True).start()
    try:
        yield "{}:{}".format(*server.server_address)
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: the second of two would wait until the first is acknowledged.
    wbufsize = -1

    def log_message(self, *_):
        pass

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


@dataclass
class Runtime:
    """The Runtime API of one process."""

    invocations: queue.Queue = field(default_factory=queue.Queue)
    outcomes: queue.Queue = field(default_factory=queue.Queue)
    count: int = 0

    def invoke(self, payload: bytes, seconds: float = 15) -> tuple[str, dict]:
        """What the function said: `response` or `error`, and the JSON of it."""
        self.count += 1
        deadline = int((time.time() + seconds) * 1000)
        self.invocations.put((f"invocation-{self.count}", deadline, payload))
        said_of, kind, said = self.outcomes.get(timeout=PATIENCE_SECONDS)
        assert said_of == f"invocation-{self.count}"
        return kind, json.loads(said)


class RuntimeHandler(Handler):
    def do_GET(self):
        assert self.path == "/2018-06-01/runtime/invocation/next", self.path
        name, deadline, payload = self.server.around.invocations.get()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": name,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:broker",
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        }
        self.answer(200, payload, headers)

    def do_POST(self):
        *_, of, kind = self.path.split("/")
        self.server.around.outcomes.put((of, kind, self.body()))
        self.answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})


@dataclass
class Pool:
    """A user pool. `behave` answers one request, given its form: status, headers, body."""

    behave: Callable[[dict[str, str]], tuple[int, dict[str, str], bytes]] | None = None
    accepts: tuple[str, ...] = (SECRET,)
    requests: list[dict[str, str]] = field(default_factory=list)
    minted: list[str] = field(default_factory=list)
    slow: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def mint(self, scope: str, life: int = 3600, **claims) -> bytes:
        """The answer with a token. Nobody here verifies its signature."""
        claims = {"scope": scope, "client_id": "m2m-id", "token_use": "access", "exp": int(time.time()) + life} | claims
        parts = [{"alg": "RS256"}, claims | {"jti": str(len(self.minted))}, "signature-of-nothing-at-all"]
        self.minted.append(".".join(encoded(json.dumps(part).encode()) for part in parts))
        return json.dumps({"access_token": self.minted[-1], "expires_in": life, "token_type": "Bearer"}).encode()


class PoolHandler(Handler):
    def do_POST(self):
        pool = self.server.around
        form = {name: value for name, [value] in parse_qs(self.body().decode(), strict_parsing=True).items()}
        basic = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        pool.requests.append(form | {"basic": basic, "path": self.path})
        if basic.split(":", 1)[1] not in pool.accepts:
            self.answer(400, error("invalid_client"), JSON)
        elif pool.slow:
            self.drip(pool)
        else:
            status, headers, body = pool.behave(form) if pool.behave else (200, JSON, pool.mint(form["scope"]))
            self.answer(status, body, headers)

    def drip(self, pool):
        """An answer that always goes on and never ends."""
        self.answer(200, b"", JSON | {"Content-Length": "60000"})
        try:
            while not pool.released.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            pass  # It gave up, as it should.
        self.close_connection = True


JSON = {"Content-Type": "application/json;charset=UTF-8"}


def error(code: str) -> bytes:
    return json.dumps({"error": code, "error_description": UPSTREAM_TEXT}).encode()


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def event(body: str | None, key: str | None) -> dict:
    """A proxy event, payload format 1.0."""
    headers = {"content-type": FORM}
    context = {
        "accountId": "123456789012", "apiId": "a1b2c3d4e5", "deploymentId": "d1", "domainName": "localhost",
        "domainPrefix": "a1b2c3d4e5", "extendedRequestId": "x1", "httpMethod": "POST", "path": "/dev/oauth2/token",
        "identity": {"apiKeyId": key, "sourceIp": "127.0.0.1", "userAgent": "test"},
        "protocol": "HTTP/1.1", "requestId": "request-1", "requestTime": "24/Sep/2026:20:16:32 +0000",
        "requestTimeEpoch": 1790280992000, "resourceId": "r1", "resourcePath": "/oauth2/token", "stage": "dev",
    }
    return {
        "resource": "/oauth2/token", "path": "/oauth2/token", "httpMethod": "POST", "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()}, "queryStringParameters": None,
        "multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None,
        "requestContext": context, "body": body, "isBase64Encoded": False,
    }


@contextmanager
def running(command: list[str], directory: Path, variables: dict[str, str]) -> Iterator[Runtime]:
    """A function's process, until the block ends. What it writes is kept in the directory."""
    runtime = Runtime()
    with serving(RuntimeHandler, runtime) as address, open(directory / "stdout.txt", "ab") as stdout:
        environment = {
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": "broker",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_RUNTIME_API": address,
            "LAMBDA_TASK_ROOT": str(directory),
            "PATH": os.environ["PATH"],
        }
        with open(directory / "stderr.txt", "ab") as stderr:
            process = subprocess.Popen(command, env=environment | variables, stdout=stdout, stderr=stderr)
        try:
            yield runtime
        finally:
            process.kill()
            process.wait()
