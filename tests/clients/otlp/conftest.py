"""Starts brokers that send spans, beside a collector that OpenTelemetry's own classes read for.

The binary must have been built with the feature `otlp`: BROKER_BINARY says which it is.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import broker  # noqa: E402
import collector as collectors  # noqa: E402

SECONDS = 10
GRANT = {"grant_type": "client_credentials"}


@dataclass(frozen=True)
class Running:
    """A broker and its collector."""

    broker: broker.Broker
    collector: collectors.Collector

    def token(self, key: str = "billing", form: dict | None = None, **headers: str) -> requests.Response:
        head = {"x-api-key": self.broker.key(key)} if key else {}
        head |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.broker.endpoints["invoke_url"]
        return requests.post(url, GRANT if form is None else form, headers=head, timeout=SECONDS)

    def metric(self, name: str) -> float:
        page = requests.get(f"{self.broker.endpoints['admin']}/metrics", timeout=SECONDS).text
        values = [float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(f"{name} ")]
        assert len(values) == 1, f"{name} stands {len(values)} times"
        return values[0]


@pytest.fixture(scope="session")
def binary() -> Path:
    return Path(os.environ["BROKER_BINARY"])


@pytest.fixture
def collector() -> Iterator[collectors.Collector]:
    with collectors.listening() as listening:
        yield listening


@pytest.fixture
def up(binary, collector, tmp_path) -> Iterator[Callable[..., Running]]:
    """Starts a broker with these settings of traces. It stops with the test, or with `stop`."""
    with ExitStack() as stack:

        def start(**traces: object) -> Running:
            os.environ["BROKER_FUNCTION"] = json.dumps("in_process")
            broker.write_definition(tmp_path)
            path = tmp_path / "token-broker.yaml"
            definition = json.loads(path.read_text())
            definition["homes"]["local"]["traces"] = {"endpoint": collector.url, "one_in": 1} | traces
            path.write_text(json.dumps(definition))
            running = Running(stack.enter_context(broker.up(binary, tmp_path)), collector)
            start.stop = stack.pop_all().close
            stack.callback(start.stop)
            return running

        yield start
