"""Runs every real client against one broker: run.py BINARY

The clients find the broker by BROKER_STATE, its state directory: `endpoints.json` and `keys/` lie there. All of them are
run even if one fails. At the end the broker must stop cleanly, and must have written no secret and no token.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import broker
import traces

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
A_TOKEN = re.compile(rb"eyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}")

RUNNERS = [
    [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", HERE / "python"],
    ["node", "--test", "--test-reporter=spec", *sorted((HERE / "node").glob("*.test.mjs"))],
    ["cargo", "test", "--quiet", "--locked", "--manifest-path", HERE / "rust" / "Cargo.toml"],
]


def main(binary: Path) -> int:
    # Settings of whoever runs this are not for the brokers of tests.
    for name in [name for name in os.environ if name.startswith("TOKEN_BROKER_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="token-broker-") as place:
        directory = Path(place)
        broker.write_definition(directory)
        with broker.up(binary, directory) as running:
            environment = os.environ | {"BROKER_STATE": str(running.state), "BROKER_BINARY": str(binary)}
            codes = [subprocess.run(runner, cwd=ROOT, env=environment).returncode for runner in RUNNERS]
        findings = traces.find(traces.secrets_in(running.state), directory, but=traces.secret_files(running.state))
        findings += [f"{path.relative_to(directory)} holds a token" for path in holders_of_tokens(directory)]
    for finding in findings:
        print(f"error: {finding}", file=sys.stderr)
    return 1 if any(codes) or findings else 0


def holders_of_tokens(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and A_TOKEN.search(path.read_bytes())]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
