#!/usr/bin/env python3
"""Runs the broker under a Runtime API that is not ours, the emulator of `cargo lambda watch`: emulator.py BOOTSTRAP

`cargo lambda invoke` gives it events. The first brings a token from the user pool, the second the same from the cache, a
third without a key an error; and nothing that was written may have a secret or a token in it.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CARGO_LAMBDA = HERE / ".venv/bin/cargo-lambda"
CLIENTS = HERE.parent / "clients"
sys.path[:0] = [str(CLIENTS), str(CLIENTS / "functions")]

import around  # noqa: E402
import traces  # noqa: E402

KEY = "billing000"
DEFINITION = {
    "plans": {"wide": {"throttle": {"rate": 50, "burst": 50}}},
    "clients": {"billing": {"plan": "wide", "scopes": ["orders/read"], "default_scopes": ["orders/read"]}},
    "homes": {"local": {}},
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def emulator(place: Path, port: int):
    """The emulator, from when it listens. It wants a package to look after, and gets an empty one."""
    (place / "src").mkdir()
    (place / "src/main.rs").write_text("fn main() {}\n")
    (place / "Cargo.toml").write_text('[package]\nname = "nothing"\nversion = "0.1.0"\nedition = "2024"\n')
    command = [CARGO_LAMBDA, "lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", str(port)]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as watch:
        try:
            said = []
            for line in watch.stdout:
                said.append(line)
                if "starting Runtime server" in line:
                    break
            else:
                sys.exit(f"the emulator did not start:\n{''.join(said)}")
            yield
        finally:
            watch.terminate()


def invoke(place: Path, port: int, key: str | None) -> dict:
    (place / "event.json").write_text(json.dumps(around.event("grant_type=client_credentials", key)))
    where = ["--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    command = [CARGO_LAMBDA, "lambda", "invoke", *where, "--data-file", "event.json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"the invocation failed:\n{done.stderr}")
    return json.loads(done.stdout)


def main(bootstrap: str, place: Path) -> None:
    pool, port = around.Pool(), free_port()
    (place / "package").mkdir()
    (place / "token-broker.yaml").write_text(json.dumps(DEFINITION))
    (place / "m2m.secret").write_text(around.SECRET + "\n")
    with around.serving(around.PoolHandler, pool) as address:
        bindings = {
            "version": 1,
            "keys": {KEY: "billing"},
            "upstream": {"token_endpoint": f"http://{address}/oauth2/token"},
            "app_clients": {"m2m": {"client_id": "m2m-id", "secret": f"file:{place / 'm2m.secret'}"}},
        }
        (place / "bindings.json").write_text(json.dumps(bindings))
        environment = {
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_NAME": "_", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt", "PATH": os.environ["PATH"],
            "TOKEN_BROKER_DEFINITION": str(place / "token-broker.yaml"),
            "TOKEN_BROKER_BINDINGS": f"file:{place / 'bindings.json'}",
        }  # fmt: skip
        with emulator(place / "package", port), open(place / "function.log", "wb") as log:
            with subprocess.Popen([bootstrap], env=environment, stdout=log, stderr=log) as function:
                try:
                    first, second, nobody = (invoke(place, port, key) for key in (KEY, KEY, None))
                finally:
                    function.kill()
    tokens = [json.loads(reply["body"])["access_token"] for reply in (first, second)]
    assert tokens == pool.minted * 2 and len(pool.requests) == 1, "the second token did not come from the cache"
    assert (nobody["statusCode"], json.loads(nobody["body"])["error"]) == (401, "invalid_client"), nobody
    written = {"the secret": around.SECRET.encode(), "the token": tokens[0].encode()}
    assert traces.find(written, place, but=[place / "m2m.secret"]) == []
    print(f"{bootstrap}: a token, twice, under cargo-lambda")


with tempfile.TemporaryDirectory() as directory:
    main(sys.argv[1], Path(directory).resolve())
