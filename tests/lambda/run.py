#!/usr/bin/env python3
"""Runs packaged brokers as Lambda would run them: run.py TOKEN-BROKER PACKAGE...

Each package is unpacked and run; one for another processor in qemu. First as it is, with the definition that is packaged, under
a Runtime API; then behind the front door, as the function of `token-broker up`. A token must come out at the other end, from
the cache the second time, and nothing that was written may have a secret in it.
"""

import hashlib

import json
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent.parent / "clients"
sys.path[:0] = [str(CLIENTS), str(CLIENTS / "functions")]

import around  # noqa: E402
import traces  # noqa: E402

DEFINITION = """
api:
  throttle: {{ rate: 100, burst: 100 }}
  token_endpoint: {{ identity: api_key, throttle: {{ rate: 100, burst: 100 }} }}
plans:
  wide: {{ throttle: {{ rate: 50, burst: 50 }} }}
clients:
  billing: {{ plan: wide, scopes: [orders/read], default_scopes: [orders/read] }}
homes:
  local:
    front_door: "127.0.0.1:0"
    admin: "127.0.0.1:0"
    user_pool_listen: "127.0.0.1:0"
    function: {{ command: {command}, memory: 1024 }}
"""

MACHINES = {0xB7: "aarch64", 0x3E: "x86_64"}


def command(bootstrap: Path) -> list[str]:
    """How the program is run on this machine."""
    machine = MACHINES[bootstrap.read_bytes()[18]]
    if machine == platform.machine():
        return [str(bootstrap)]
    return [f"qemu-{machine}-static", "-L", f"/usr/{machine}-linux-gnu", str(bootstrap)]


def unpack(package: Path, place: Path) -> Path:
    """The program; what is packaged with it lies beside it."""
    with zipfile.ZipFile(package) as archive:
        names = [(entry.filename, (entry.external_attr >> 16) & 0o777) for entry in archive.infolist()]
        assert names == [("bootstrap", 0o755), ("token-broker.yaml", 0o644)], names
        archive.extractall(place)
    (place / "bootstrap").chmod(0o755)
    return place / "bootstrap"


def run_as_it_is(package: Path, place: Path) -> None:
    """With nothing but the package, bindings and a user pool: the function must know its definition."""
    bootstrap = unpack(package, place)
    definition = (place / "token-broker.yaml").read_bytes()
    (place / "m2m.secret").write_text(around.SECRET + "\n")
    pool = around.Pool()
    with around.serving(around.PoolHandler, pool) as address:
        bindings = {
            "version": 1,
            "keys": {"billing000": "billing"},
            "upstream": {"token_endpoint": f"http://{address}/oauth2/token"},
            "app_clients": {"m2m": {"client_id": "m2m-id", "secret": f"file:{place / 'm2m.secret'}"}},
        }
        (place / "bindings.json").write_text(json.dumps(bindings))
        variables = {
            "TOKEN_BROKER_BINDINGS": f"file:{place / 'bindings.json'}",
            "TOKEN_BROKER_DEFINITION_SHA256": hashlib.sha256(definition).hexdigest(),
        }
        with around.running(command(bootstrap), place, variables) as runtime:
            event = json.dumps(around.event("grant_type=client_credentials", "billing000")).encode()
            answers = [runtime.invoke(event) for _ in range(2)]
    tokens = [json.loads(reply["body"])["access_token"] for kind, reply in answers if kind == "response"]
    assert tokens == pool.minted * 2, answers
    written = {"the secret": around.SECRET.encode(), "the token": tokens[0].encode()}
    assert traces.find(written, place, but=[place / "m2m.secret"]) == []


def run(token_broker: str, package: Path, place: Path) -> None:
    bootstrap = unpack(package, place)
    (place / "token-broker.yaml").write_text(DEFINITION.format(command=json.dumps(command(bootstrap))))
    with subprocess.Popen([token_broker, "up", "--json"], cwd=place, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline(), "the server did not start"
            ask = [token_broker, "token", "billing", "--raw"]
            first, second = (subprocess.run(ask, cwd=place, check=True, capture_output=True, text=True).stdout for _ in range(2))
        finally:
            server.terminate()
    assert server.returncode == 0, f"the server ended with {server.returncode}"
    assert first.count(".") == 2 and first == second, "the second token did not come from the cache"
    log = (place / ".token-broker/logs/function.log").read_text()
    assert log.count('"decision":"allow"') == 2, log
    secrets = [path.read_text().strip() for path in (place / ".token-broker/user-pool").glob("*.secret")]
    secrets += [path.read_text().strip() for path in (place / ".token-broker/keys").iterdir() if path.suffix != ".json"]
    assert secrets and not any(secret in log for secret in [*secrets, first.strip()]), "a secret is in the function's log"
    print(f"{package}: a token, twice, by {' '.join(command(bootstrap)[:1])}")


for name in sys.argv[2:]:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        run_as_it_is(Path(name).resolve(), Path(one))
        run(sys.argv[1], Path(name).resolve(), Path(other))
