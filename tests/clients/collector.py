"""An OpenTelemetry collector for tests: takes OTLP over HTTP, and reads it by OpenTelemetry's own classes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PARTIAL = ExportTraceServiceResponse()
PARTIAL.partial_success.rejected_spans = 1
PARTIAL.partial_success.error_message = "one of them is too old"


@dataclass
class Collector:
    """What was sent, and how it is answered: a status, headers and a body."""

    url: str = ""
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    paths: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    # Set to hold answers back.
    stuck: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    def spans(self) -> list:
        """All spans, in the order in which they came."""
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for_batches(self, number: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.bodies) >= number, 30), f"no batch {number}"


@contextmanager
def listening() -> Iterator[Collector]:
    """A collector on a free port, until the block ends."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with collector.arrived:
                collector.paths.append(self.path)
                collector.types.append(self.headers["content-type"])
                collector.bodies.append(body)
                collector.arrived.notify_all()
            status, headers, answer = collector.answer
            if status == 0:
                collector.stuck.wait()
                return
            self.send_response(status)
            for name, value in ({"content-type": "application/x-protobuf"} | headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.stuck.set()
        server.shutdown()
        server.server_close()
        thread.join()
