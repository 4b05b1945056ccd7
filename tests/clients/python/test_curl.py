"""curl: the command that `up` prints is pasted as it is; refusals are looked at as they go over the wire."""

import json
import re
import subprocess

import broker
import jwt
import pytest


def post(door, *arguments):
    """Status, headers and JSON body of a token request."""
    command = ["curl", "--silent", "--show-error", "--include", "--max-time", "10", door.token_url, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, body = answer.replace("\r\n", "\n").split("\n\n", 1)
    status, *lines = head.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(status.split()[1]), headers, json.loads(body)


def form(door, client, *fields):
    arguments = [part for field in ("grant_type=client_credentials", *fields) for part in ("--data", field)]
    return post(door, "--header", f"x-api-key: {door.api_key(client)['x-api-key']}", *arguments)


def test_printed_command_can_be_pasted_as_it_is(binary, tmp_path):
    subprocess.run([binary, "init"], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    written = tmp_path / "token-broker.yaml"
    written.write_text(re.sub(r"127\.0\.0\.1:808\d", broker.FREE_PORT, written.read_text()))
    with broker.started(binary, tmp_path, "up") as process:
        with broker.impatience(process):
            command = printed_command(process.stdout)
        pasted = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    answer = json.loads(pasted.stdout)
    assert answer["token_type"] == "Bearer"
    assert jwt.get_unverified_header(answer["access_token"])["alg"] == "RS256"


def printed_command(lines):
    """The `curl` command among the lines that `up` prints, continuation lines included."""
    command = []
    for line in (line.decode().strip() for line in lines):
        if command or line.startswith("curl "):
            command.append(line)
            if not line.endswith("\\"):
                return "\n".join(command)
    pytest.fail("`up` printed no curl command")


def test_grant_is_not_stored_by_caches(door):
    status, headers, body = form(door, "billing")
    assert status == 200
    assert headers["cache-control"] == "no-store"
    assert headers["pragma"] == "no-cache"
    assert body["access_token"].count(".") == 2


def test_bad_key_is_401_invalid_client(door):
    status, headers, body = post(door, "--header", f"x-api-key: {'0' * 40}", "--data", "grant_type=client_credentials")
    assert (status, body["error"]) == (401, "invalid_client")
    assert headers["content-type"].startswith("application/json")


def test_denied_scope_is_400_invalid_scope(door):
    status, _, body = form(door, "billing", "scope=orders/delete")
    assert (status, body["error"]) == (400, "invalid_scope")


def test_throttled_is_429_with_the_wait(door):
    assert form(door, "curl-throttled")[0] == 200
    status, headers, body = form(door, "curl-throttled")
    assert (status, body["error"]) == (429, "temporarily_unavailable")
    assert 900 <= int(headers["retry-after"]) <= 1000


def test_spent_quota_is_429_with_the_wait(door):
    assert form(door, "curl-spent")[0] == 200
    status, headers, body = form(door, "curl-spent")
    assert (status, body["error"]) == (429, "temporarily_unavailable")
    assert 1 <= int(headers["retry-after"]) <= 31 * 24 * 3600
