"""No key, secret or token is written: not to a log, not to stdout or stderr, not into the state beside its own file."""

import base64
from pathlib import Path
from urllib.parse import quote_plus

import broker
import pytest
import requests
import traces

SECONDS = 10
GRANT = {"grant_type": "client_credentials"}
COMMANDS = [
    ["clients"], ["clients", "--json"], ["keys", "list"], ["keys", "list", "--json"], ["token", "billing"],
    ["token", "billing", "--json"], ["config", "check"], ["config", "schema"], ["--help"],
]


def test_secrets_and_tokens_leave_no_trace(binary, tmp_path):
    broker.write_definition(tmp_path)
    with broker.up(binary, tmp_path) as running:
        for number, command in enumerate(COMMANDS):
            done = running.command(*command)
            (tmp_path / f"command-{number}.txt").write_text(done.stdout + done.stderr)
        tokens = get_tokens(running)
        # After the tokens: `token` takes the newest key, which the server may not know yet.
        running.command("keys", "add", "billing")
        generated = traces.secrets_in(running.state)
        for secret in [*generated.values(), *tokens.values()]:
            misplace(printable(secret), running.endpoints["invoke_url"], running.key("billing"))
    # Only now, since the last log lines are written while it stops.
    assert traces.find(generated | tokens, tmp_path, but=traces.secret_files(running.state)) == []
    assert sum(path.stat().st_size for path in (running.state / "logs").iterdir()) > 10_000, "logs were written"


def get_tokens(running):
    """One token that was served from the cache, one that was not, one by the command line."""
    key = {"x-api-key": running.key("billing")}
    tokens = {"raw": running.command("token", "billing", "--raw").stdout.strip().encode()}
    for scope in ["orders/read", "orders/read", "orders/write"]:
        form = GRANT | {"scope": scope}
        answer = requests.post(running.endpoints["invoke_url"], form, headers=key, timeout=SECONDS)
        tokens[f"token for {scope}"] = answer.json()["access_token"].encode()
    return tokens


def printable(secret: bytes) -> str:
    return secret.decode() if secret.isascii() else base64.b64encode(secret).decode()


def misplace(secret: str, url: str, key: str) -> None:
    """What confused clients do, with a good key and without. Each is answered somehow; none is repeated anywhere."""
    root = url.removesuffix("/dev/oauth2/token")
    bodies = [
        GRANT,
        GRANT | {"client_id": secret, "client_secret": secret},
        GRANT | {secret: secret},
        GRANT | {"scope": f"orders/{secret}"},
        GRANT | {"scope": "orders/read", "resource": secret, "aws_client_metadata": secret},
        {"grant_type": secret},
    ]
    heads = [
        {"x-api-key": secret},
        {"x-api-key": secret[:-1]},
        {"x-api-key": key, "authorization": f"Bearer {secret}"},
        {"x-api-key": key, "authorization": "Basic " + base64.b64encode(f"billing:{secret}".encode()).decode()},
        {"x-api-key": key, "cookie": f"session={secret}", "user-agent": secret},
        {"x-api-key": key, "x-amzn-requestid": secret, "x-amzn-trace-id": secret},
        {"x-api-key": key, "content-type": f"text/{secret}"},
    ]
    urls = [f"{url}?key={quote_plus(secret)}", f"{url}/{quote_plus(secret)}", f"{root}/{quote_plus(secret)}"]
    with requests.Session() as session:
        for head in heads:
            for body in bodies:
                session.post(url, body, headers=head, timeout=SECONDS)
        for wrong in urls:
            session.post(wrong, GRANT, headers={"x-api-key": key}, timeout=SECONDS)
        session.post(url, secret, headers={"x-api-key": key, "content-type": "application/json"}, timeout=SECONDS)


KEY = b"2rTk9QmVx8ZbN4cJ7fHs1LpWd5Gy3Ae6Uo0XiBvK"
LONG = bytes(range(200, 256)) * 4
WRITTEN = {
    "as it is": lambda secret: secret,
    "in hex": lambda secret: secret.hex().encode(),
    "as basic credentials": lambda secret: base64.b64encode(b"billing:" + secret),
    "as base64 within more": lambda secret: base64.b64encode(b"ab" + secret + b"cd"),
    "as base64 for URLs": lambda secret: base64.urlsafe_b64encode(b"a" + secret),
    "percent-encoded": lambda secret: quote_plus(secret).encode(),
}


def search(directory: Path, secret: bytes, written: bytes):
    (directory / "log.txt").write_bytes(b"before " + written + b" after")
    (directory / "own").write_bytes(secret)
    return traces.find({"it": secret}, directory, but=[directory / "own"])


@pytest.mark.parametrize("writing", WRITTEN.values(), ids=WRITTEN.keys())
@pytest.mark.parametrize("secret", [KEY, LONG], ids=["key", "long"])
def test_search_finds_a_secret(tmp_path, secret, writing):
    findings = search(tmp_path, secret, writing(secret))
    assert findings and all(finding.startswith("log.txt holds `it` as ") for finding in findings)


def test_search_finds_the_end_of_a_long_secret(tmp_path):
    assert search(tmp_path, LONG, LONG[-40:])


def test_search_finds_nothing_where_nothing_is(tmp_path):
    assert search(tmp_path, KEY, KEY[:-1]) == []
