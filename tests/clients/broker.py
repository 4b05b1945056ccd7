"""Runs the built `token-broker` for a test: a definition, a state directory and free ports of its own.

A broker is started as an operator starts it, and stopped with SIGTERM; anything but a clean exit is a failure. What it
prints is kept in files beside its state, for `traces.py` to search.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 40
FREE_PORT = "127.0.0.1:0"

# Each library gets clients of its own to use up, so that one library's refusals are not another's.
LIBRARIES = ["requests-oauthlib", "authlib", "openid-client", "simple-oauth2", "rust-oauth2", "curl"]


def function() -> str | dict:
    """Where the function of this run is: what `run.py` says by BROKER_FUNCTION."""
    return json.loads(os.environ["BROKER_FUNCTION"])


def write_definition(directory: Path) -> None:
    """Writes the definition that the real clients are run against. JSON is YAML."""
    scopes = {"scopes": ["orders/read", "orders/write"], "default_scopes": ["orders/read"]}
    clients = {"billing": {"plan": "roomy"} | scopes, "compared": {"plan": "roomy"} | scopes}
    clients["asking"] = {"plan": "roomy", "scopes": scopes["scopes"]}
    clients["disabled"] = {"plan": "roomy", "enabled": False} | scopes
    for library in LIBRARIES:
        clients[f"{library}-throttled"] = {"plan": "trickle"} | scopes
        clients[f"{library}-spent"] = {"plan": "single"} | scopes
    local = {"front_door": FREE_PORT, "admin": FREE_PORT, "user_pool_listen": FREE_PORT, "function": function()}
    definition = {
        "api": {"throttle": {"rate": 4000, "burst": 4000}},
        "plans": {
            "roomy": {"throttle": {"rate": 2000, "burst": 2000}},
            # One request, and the next after 1000 seconds.
            "trickle": {"throttle": {"rate": 0.001, "burst": 1}},
            # One request, and the next in another month.
            "single": {"throttle": {"rate": 100, "burst": 100}, "quota": {"limit": 1, "period": "month"}},
        },
        "clients": clients,
        "homes": {"local": local},
    }
    (directory / "token-broker.yaml").write_text(json.dumps(definition, indent=2))


@dataclass(frozen=True)
class Broker:
    """A broker that runs."""

    binary: Path
    directory: Path
    endpoints: dict[str, str]

    @property
    def state(self) -> Path:
        return self.directory / ".token-broker"

    def key(self, name: str) -> str:
        """The value of an API key."""
        return (self.state / "keys" / name).read_text().strip()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs another `token-broker` command on the same definition and state; it must succeed."""
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.directory, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, f"`{' '.join(arguments)}` ended with {done.returncode}:\n{done.stderr}"
        return done


@contextmanager
def up(binary: Path, directory: Path, prefix: tuple[str, ...] = ()) -> Iterator[Broker]:
    """`token-broker up` in a directory that holds its definition, until the block ends. What it wrote stays there."""
    with started(binary, directory, "up", "--json", prefix=prefix) as process:
        with impatience(process):
            first = process.stdout.readline()
        assert first, f"it did not start:\n{(directory / 'stderr.txt').read_text()}"
        rest = threading.Thread(target=_keep, args=(process.stdout, first, directory / "stdout.txt"), daemon=True)
        rest.start()
        yield Broker(binary, directory, json.loads(first))
    rest.join()


@contextmanager
def started(
    binary: Path, directory: Path, *arguments: str, prefix: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A `token-broker` process that must end well when it is told to, at the end of the block."""
    with open(directory / "stderr.txt", "ab") as stderr:
        process = subprocess.Popen([*prefix, binary, *arguments], cwd=directory, stdout=subprocess.PIPE, stderr=stderr)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_SECONDS)
        assert code == 0, f"SIGTERM ended it with {code}:\n{(directory / 'stderr.txt').read_text()}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def impatience(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends a process that lets the block wait too long for its output."""
    deadline = threading.Timer(START_SECONDS, process.kill)
    deadline.start()
    try:
        yield
    finally:
        deadline.cancel()


def _keep(source, first: bytes, path: Path) -> None:
    with open(path, "wb") as file:
        file.write(first)
        shutil.copyfileobj(source, file)
