"""Runs every real client against the broker, wherever its function runs: run.py BINARY BOOTSTRAP

The function is first the broker inside BINARY, then BOOTSTRAP and the examples in processes of their own. Each time
the clients find the broker by BROKER_STATE, its state directory: `endpoints.json` and `keys/` lie there. All are run
even if one fails. At the end the broker must stop cleanly, and must have written no secret and no token. Then the
answers of the functions are compared. Last, each of them is run alone, beside a user pool that misbehaves.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import broker
import compare
import traces

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EXAMPLES = ROOT / "examples"
A_TOKEN = re.compile(rb"eyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}")

PYTEST = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"]
CLIENTS = [
    [*PYTEST, HERE / "python"],
    ["node", "--test", "--test-reporter=spec", *sorted((HERE / "node").glob("*.test.mjs"))],
    ["cargo", "test", "--quiet", "--locked", "--manifest-path", HERE / "rust" / "Cargo.toml"],
]


def main(binary: Path, bootstrap: Path) -> int:
    # Settings of whoever runs this are not for the brokers of tests.
    for name in [name for name in os.environ if name.startswith("TOKEN_BROKER_")]:
        del os.environ[name]
    findings, told = [], {}
    for name, function in functions(bootstrap).items():
        print(f"\n== the function is {name}", flush=True)
        os.environ["BROKER_FUNCTION"] = json.dumps(function)
        told[name], found = run_clients(binary)
        findings += [f"{name}: {finding}" for finding in found]
    for name in told:
        # The same program answers the same. The examples say it in their own words.
        is_example = name not in ("in_process", "bootstrap")
        found = compare.differences(told["in_process"], told[name], essential=is_example)
        findings += [f"{name} answers otherwise than in_process: {difference}" for difference in found]
    print("\n== each function alone", flush=True)
    alone = subprocess.run([*PYTEST, HERE / "functions"], env=os.environ | {"BROKER_BOOTSTRAP": str(bootstrap)})
    findings += ["a function alone fails"] if alone.returncode else []
    findings += [f"{path} cannot be run" for path in definitions() if not is_runnable(binary, path)]
    for finding in findings:
        print(f"error: {finding}", file=sys.stderr)
    return 1 if findings else 0


def functions(bootstrap: Path) -> dict[str, str | dict]:
    """What stands in the definition for each of the functions."""
    commands = {
        "bootstrap": [bootstrap],
        "python-broker": [sys.executable, EXAMPLES / "python-broker" / "broker.py"],
        "node-broker": [shutil.which("node"), EXAMPLES / "node-broker" / "broker.mjs"],
    }
    processes = {name: {"command": [str(part) for part in command]} for name, command in commands.items()}
    return {"in_process": "in_process"} | processes


def run_clients(binary: Path) -> tuple[dict[str, compare.Answer], list[str]]:
    """What one broker answered to the requests that are compared, and what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="token-broker-") as place:
        directory = Path(place)
        broker.write_definition(directory)
        with broker.up(binary, directory) as running:
            # First, while there is one process and nothing in its cache.
            asked = compare.ask(running)
            environment = os.environ | {"BROKER_STATE": str(running.state), "BROKER_BINARY": str(binary)}
            failed = [client for client in CLIENTS if subprocess.run(client, cwd=ROOT, env=environment).returncode]
        findings = [f"`{client[0]} {client[1]}` fails" for client in failed]
        findings += traces.find(traces.secrets_in(running.state), directory, but=traces.secret_files(running.state))
        findings += [f"{path.relative_to(directory)} holds a token" for path in holders_of_tokens(directory)]
        return asked.told(), findings


def holders_of_tokens(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and A_TOKEN.search(path.read_bytes())]


def definitions() -> list[Path]:
    """The definitions of the examples."""
    return sorted(EXAMPLES.glob("*/token-broker.yaml"))


def is_runnable(binary: Path, definition: Path) -> bool:
    check = [binary, "config", "check", "--config", definition]
    return subprocess.run(check, stdout=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
