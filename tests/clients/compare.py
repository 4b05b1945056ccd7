"""The same requests wherever the function runs: what is answered, and what is accounted for.

Ids, times and tokens differ from broker to broker, so they are taken out; that a token is the one of before is kept.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import broker
import requests

SECONDS = 20
GRANT = "grant_type=client_credentials"
DIFFERING = re.compile("^(date|x-amz-apigw-id|x-amzn-requestid|x-amzn-trace-id)$")

# What is sent, in this order, one after the other: name, client whose key it is, body, and what is out of the ordinary.
REQUESTS: list[tuple[str, str | None, str | bytes, dict[str, Any]]] = [
    ("good", "compared", f"{GRANT}&scope=orders/read", {}),
    ("cached", "compared", f"{GRANT}&scope=orders/read", {}),
    ("no scope, so the default one", "compared", GRANT, {}),
    ("two scopes", "compared", f"{GRANT}&scope=orders/write+orders/read", {}),
    ("the two scopes in another order", "compared", f"{GRANT}&scope=orders/read+orders/write", {}),
    ("another client's", "asking", f"{GRANT}&scope=orders/read", {}),
    ("body that names another client", "compared", f"{GRANT}&client_id=asking&client_secret=whatever", {}),
    ("key of another client in the body", "disabled", f"{GRANT}&client_id=compared", {}),
    ("wrong scope", "compared", f"{GRANT}&scope=orders/delete", {}),
    ("one wrong scope of two", "compared", f"{GRANT}&scope=orders/read+orders/delete", {}),
    ("malformed scope", "compared", f"{GRANT}&scope=orders/read++orders/write", {}),
    ("no scope and no default", "asking", GRANT, {}),
    ("wrong grant", "compared", "grant_type=password&username=a&password=b", {}),
    ("no grant", "compared", "scope=orders/read", {}),
    ("no body", "compared", "", {}),
    ("repeated parameter", "compared", f"{GRANT}&{GRANT}", {}),
    ("malformed escape", "compared", f"{GRANT}&scope=%zz", {}),
    ("no utf-8", "compared", GRANT.encode() + b"&x=\xff", {}),
    ("resource", "compared", f"{GRANT}&resource=https://example.com", {}),
    ("metadata", "compared", f"{GRANT}&aws_client_metadata=%7B%7D", {}),
    ("large body", "compared", f"{GRANT}&x={'a' * 33_000}", {}),
    ("JSON", "compared", json.dumps({"grant_type": "client_credentials"}), {"type": "application/json"}),
    ("no media type", "compared", GRANT, {"type": None}),
    ("charset", "compared", GRANT, {"type": "application/x-www-form-urlencoded;charset=UTF-8"}),
    ("other charset", "compared", GRANT, {"type": "application/x-www-form-urlencoded;charset=latin1"}),
    ("scope in the url", "compared", GRANT, {"suffix": "?scope=orders/read"}),
    ("something else in the url", "compared", GRANT, {"suffix": "?x=y"}),
    ("no key", None, GRANT, {}),
    ("unknown key", None, GRANT, {"key": "0" * 40}),
    ("GET", "compared", "", {"method": "GET"}),
    ("other path", "compared", GRANT, {"suffix": "/more"}),
]


@dataclass(frozen=True)
class Answer:
    """What came back for one request, and the audit line that the function wrote for it."""

    status: int
    headers: dict[str, str]
    body: Any
    audit: dict[str, Any] | None

    def essence(self) -> dict[str, Any]:
        """What an answer is in any language: other words may stand in it, and no rules need be named."""
        audit = self.audit and {name: value for name, value in self.audit.items() if name != "rules"}
        error = self.body.get("error")
        return {"status": self.status, "error or token": error or self.body, "audit": audit} | {
            name: self.headers.get(name) for name in ("cache-control", "content-type", "pragma", "retry-after")
        }


@dataclass(frozen=True)
class Asked:
    """What came back from one broker. The audit lines are there once it has stopped."""

    answers: dict[str, requests.Response]
    log: Path

    def told(self) -> dict[str, Answer]:
        audit = {line["request_id"]: line for line in lines(self.log)}
        asked = {answer.headers["x-amzn-requestid"] for answer in self.answers.values()}
        # If no line were found for anything, all would be equal.
        assert asked & audit.keys(), f"{self.log} has no line of any of these requests"
        tokens: list[str] = []
        return {
            name: Answer(
                answer.status_code,
                headers(answer),
                body(answer, tokens),
                accounted(audit.get(answer.headers["x-amzn-requestid"])),
            )
            for name, answer in self.answers.items()
        }


def ask(running: broker.Broker) -> Asked:
    """Sends all requests."""
    with requests.Session() as session:
        answers = {name: send(session, running, *request) for name, *request in REQUESTS}
    log = "audit.log" if broker.function() == "in_process" else "function.log"
    return Asked(answers, running.state / "logs" / log)


def send(session, running, client, body, special) -> requests.Response:
    headers = {
        "content-type": special.get("type", "application/x-www-form-urlencoded"),
        "x-api-key": running.key(client) if client else special.get("key"),
    }
    headers = {name: value for name, value in headers.items() if value is not None}
    url = running.endpoints["invoke_url"] + special.get("suffix", "")
    method = special.get("method", "POST")
    prepared = requests.Request(method, url, headers, data=body or None).prepare()
    prepared.url = url  # As it is: `requests` would tidy it up.
    return session.send(prepared, timeout=SECONDS)


def lines(log: Path) -> list[dict[str, Any]]:
    """The audit lines. A function may write other things between them."""
    written = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in written if "decision" in line]


def accounted(line: dict[str, Any] | None) -> dict[str, Any] | None:
    own = ("time", "request_id", "key_id", "upstream_ms", "trace")
    return line and {name: line[name] for name in line if name not in own}


def headers(answer: requests.Response) -> dict[str, str]:
    # A token's length is that of the port numbers in it.
    differing = [*filter(DIFFERING.match, map(str.lower, answer.headers)), *(["content-length"] if answer.ok else [])]
    return {name.lower(): "..." if name.lower() in differing else value for name, value in answer.headers.items()}


def body(answer: requests.Response, tokens: list[str]) -> Any:
    said = answer.json()
    if answer.ok:
        assert 3500 <= said["expires_in"] <= 3600, said["expires_in"]
        if said["access_token"] not in tokens:
            tokens.append(said["access_token"])
        said |= {"access_token": f"token {tokens.index(said['access_token']) + 1}", "expires_in": "..."}
    return said


def differences(expected: dict[str, Answer], found: dict[str, Answer], essential: bool) -> list[str]:
    """Where two brokers answered differently; by what is essential, or in anything at all."""
    seen = Answer.essence if essential else vars
    return [
        f"`{name}`: {seen(found[name])} instead of {seen(expected[name])}"
        for name in expected
        if seen(found[name]) != seen(expected[name])
    ]
