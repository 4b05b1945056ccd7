"""The broker as `bootstrap`, and the examples: each is run over the Runtime API, beside a user pool that misbehaves.

All of them must answer alike: status, `error` and headers. None may write a secret or a token, or repeat what the user
pool said.
"""

import base64
import json
import os
import shutil
import sys
import time
from pathlib import Path

import around
import pytest
import traces
from around import FORM, event

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PROGRAMS = {
    "bootstrap": [os.environ["BROKER_BOOTSTRAP"]],
    "python": [sys.executable, str(EXAMPLES / "python-broker" / "broker.py")],
    "node": [shutil.which("node"), str(EXAMPLES / "node-broker" / "broker.mjs")],
}
GRANT = "grant_type=client_credentials"
SCOPES = {"scopes": ["orders/read", "orders/write"], "plan": "wide"}
CLIENTS = {
    "billing": SCOPES | {"default_scopes": ["orders/read"]},
    "constructor": SCOPES,
    "disabled": SCOPES | {"enabled": False},
    "elsewhere": SCOPES | {"allow_from": ["192.0.2.0/24"]},
    "granted": SCOPES | {"grants": ["client_credentials"]},
    "unbound": SCOPES | {"app_client": "other"},
}
DEFINITION = {
    "api": {"throttle": {"rate": 1000, "burst": 1000}},
    "plans": {"wide": {"throttle": {"rate": 500, "burst": 500}}},
    "clients": CLIENTS,
    "broker": {
        "min_token_life": "1m",
        "upstream": {"connect_timeout": "500ms", "attempt_timeout": "1s", "total_timeout": "1s", "attempts": 1},
    },
    "homes": {"local": {}},
}


def key_id(client):
    return client[:8].ljust(10, "0")


class World:
    """A function and what is around it."""

    def __init__(self, directory, pool, pool_address):
        self.directory, self.pool, self.pool_address = directory, pool, pool_address
        self.write(DEFINITION, "token-broker.yaml")
        (directory / "m2m.secret").write_text(around.SECRET + "\n")
        self.bind(*CLIENTS)

    def write(self, document, name):
        (self.directory / name).write_text(json.dumps(document))

    def bind(self, *clients):
        bindings = {
            "version": 1,
            "keys": {key_id(client): client for client in clients},
            "upstream": {"token_endpoint": f"http://{self.pool_address}/oauth2/token"},
            "app_clients": {"m2m": {"client_id": "m2m-id", "secret": f"file:{self.directory / 'm2m.secret'}"}},
        }
        self.write(bindings, "bindings.json")

    def ask(self, body=GRANT, client="billing", *, seconds=15, **changes):
        """Status, `error` or the token, and the whole reply. What every reply must be is checked."""
        kind, reply = self.runtime.invoke(json.dumps(event(body, key_id(client)) | changes).encode(), seconds)
        assert kind == "response", reply
        headers, said = reply["headers"], json.loads(reply["body"])
        assert headers["Content-Type"] == "application/json;charset=UTF-8"
        assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
        assert ("Retry-After" in headers) == (reply["statusCode"] == 503)
        granted, refused = ["access_token", "expires_in", "token_type"], ["error", "error_description"]
        assert list(said) == (granted if reply["statusCode"] == 200 else refused)
        assert around.UPSTREAM_TEXT not in json.dumps(reply)
        return reply["statusCode"], said.get("error") or said["access_token"], said

    def audit(self):
        """The audit lines so far. `bootstrap` writes its metrics between them."""
        lines = map(json.loads, (self.directory / "stdout.txt").read_text().splitlines())
        return [line for line in lines if "decision" in line]


@pytest.fixture(params=PROGRAMS)
def world(request, tmp_path):
    pool = around.Pool()
    with around.serving(around.PoolHandler, pool) as address:
        world = World(tmp_path, pool, address)
        variables = {
            "TOKEN_BROKER_DEFINITION": str(tmp_path / "token-broker.yaml"),
            "TOKEN_BROKER_BINDINGS": f"file:{tmp_path / 'bindings.json'}",
        }
        with around.running(PROGRAMS[request.param], tmp_path, variables) as world.runtime:
            world.program = request.param
            yield world
        pool.released.set()
    secrets = {"a secret": around.SECRET, "another secret": around.OTHER_SECRET, "upstream text": around.UPSTREAM_TEXT}
    secrets |= {f"token {number}": token for number, token in enumerate(pool.minted)}
    written = {name: secret.encode() for name, secret in secrets.items()}
    assert traces.find(written, tmp_path, but=[tmp_path / "m2m.secret"]) == []


def test_token_is_minted_once_with_explicit_scopes_and_then_served_from_the_cache(world):
    status, token, said = world.ask(GRANT)
    assert (status, said["token_type"]) == (200, "Bearer")
    assert 3590 <= said["expires_in"] <= 3600
    # The same set, whatever its order; `orders/read` is also the default.
    assert world.ask(f"{GRANT}&scope=orders/read+orders/read")[:2] == (200, token)
    both = world.ask(f"{GRANT}&scope=orders/write+orders/read")[1]
    assert both != token
    assert world.ask(f"scope=orders%2Fread%20orders%2Fwrite&{GRANT}")[1] == both
    # Another client has the same app client, and no share in the token.
    assert world.ask(f"{GRANT}&scope=orders/read", "granted")[1] not in (token, both)
    asked = [request["scope"] for request in world.pool.requests]
    assert asked == ["orders/read", "orders/read orders/write", "orders/read"]
    assert {request["basic"] for request in world.pool.requests} == {f"m2m-id:{around.SECRET}"}
    lines = world.audit()
    assert [line["cache"] for line in lines] == ["miss", "hit", "miss", "hit", "miss"]
    assert [line["upstream_attempts"] for line in lines] == [1, 0, 1, 0, 1]
    expected = {
        "request_id": "request-1", "client": "billing", "key_id": key_id("billing"), "grant": "client_credentials",
        "scopes": "orders/read", "decision": "allow", "reason": None, "app_client": "m2m", "status": 200,
    }
    assert lines[0] | expected == lines[0]


def typed(*values):
    return {"multiValueHeaders": {"Content-Type": list(values)}}


TWO_SPELLINGS = {"content-type": [FORM], "Content-Type": [FORM]}
ENCODED = base64.b64encode(GRANT.encode()).decode()
BROKEN_UTF8 = base64.b64encode(GRANT.encode() + b"&x=\xff").decode()
REFUSED = {
    "no grant": ("scope=orders/read", {}, 400, "invalid_request"),
    "empty body": (None, {}, 400, "invalid_request"),
    "empty grant": ("grant_type=&scope=orders/read", {}, 400, "invalid_request"),
    "other grant": ("grant_type=password&username=a&password=b", {}, 400, "unsupported_grant_type"),
    "grant in capitals": ("grant_type=CLIENT_CREDENTIALS", {}, 400, "unsupported_grant_type"),
    "repeated grant": (f"{GRANT}&{GRANT}", {}, 400, "invalid_request"),
    "repeated scope, once encoded": (f"{GRANT}&scope=orders/read&%73cope=orders/write", {}, 400, "invalid_request"),
    "repeated empty parameter": (f"{GRANT}&x=&x=", {}, 400, "invalid_request"),
    "nameless": (f"{GRANT}&=x", {}, 400, "invalid_request"),
    "broken escape": (f"{GRANT}&x=%4", {}, 400, "invalid_request"),
    "escape that is no number": (f"{GRANT}&x=%+1", {}, 400, "invalid_request"),
    "no utf-8": (f"{GRANT}&x=%FF", {}, 400, "invalid_request"),
    "overlong utf-8": (f"{GRANT}&x=%C0%AF", {}, 400, "invalid_request"),
    "control character": (f"{GRANT}&x=%0A", {}, 400, "invalid_request"),
    "control character beyond ascii": (f"{GRANT}&x=%C2%85", {}, 400, "invalid_request"),
    "lost bytes": (f"{GRANT}&x=\ufffd", {}, 400, "invalid_request"),
    "33 parameters": (GRANT + "".join(f"&x{number}=1" for number in range(32)), {}, 400, "invalid_request"),
    "too large": (GRANT + "&x=" + "a" * 32 * 1024, {}, 413, "invalid_request"),
    "json": (json.dumps({"grant_type": "client_credentials"}), typed("application/json"), 415, "invalid_request"),
    "no content type": (GRANT, {"headers": None, "multiValueHeaders": None}, 415, "invalid_request"),
    "longer content type": (GRANT, typed(FORM + "x"), 415, "invalid_request"),
    "other charset": (GRANT, typed(f"{FORM}; charset=latin1"), 415, "invalid_request"),
    "two content types": (GRANT, typed(FORM, FORM), 400, "invalid_request"),
    "two spellings": (GRANT, {"multiValueHeaders": TWO_SPELLINGS}, 400, "invalid_request"),
    "grant in url": (GRANT, {"multiValueQueryStringParameters": {"grant_type": ["x"]}}, 400, "invalid_request"),
    "no base64": ("%%%", {"isBase64Encoded": True}, 400, "invalid_request"),
    "more than base64": (ENCODED[:8] + "%" + ENCODED[8:], {"isBase64Encoded": True}, 400, "invalid_request"),
    "no utf-8 in base64": (BROKEN_UTF8, {"isBase64Encoded": True}, 400, "invalid_request"),
    "metadata": (f"{GRANT}&aws_client_metadata=%7B%7D", {}, 400, "invalid_request"),
    "resource": (f"{GRANT}&resource=https://example.com", {}, 400, "invalid_target"),
    "unknown scope": (f"{GRANT}&scope=orders/delete", {}, 400, "invalid_scope"),
    "one scope too many": (f"{GRANT}&scope=orders/read+orders/delete", {}, 400, "invalid_scope"),
    "two spaces": (f"{GRANT}&scope=orders/read++orders/write", {}, 400, "invalid_scope"),
    "space": (f"{GRANT}&scope=+", {}, 400, "invalid_scope"),
    "quote in scope": (f"{GRANT}&scope=orders/%22read", {}, 400, "invalid_scope"),
    "51 scopes": (f"{GRANT}&scope={'+'.join(['orders/read'] * 51)}", {}, 400, "invalid_scope"),
}


def test_what_could_be_read_in_two_ways_or_may_not_be_had_is_refused(world):
    for name, (body, changes, status, error) in REFUSED.items():
        assert world.ask(body, **changes)[:2] == (status, error), name
    assert world.pool.requests == []
    lines = world.audit()
    assert len(lines) == len(REFUSED)
    decided = {(line["decision"], line["client"], line["scopes"], line["cache"]) for line in lines}
    assert decided == {("deny", "billing", None, "none")}


def test_what_means_the_same_is_read(world):
    kind = {"multiValueHeaders": {"CONTENT-TYPE": ['Application/X-WWW-Form-Urlencoded;  CHARSET="UTF-8";']}}
    encoded = {"isBase64Encoded": True}
    tokens = {
        world.ask(f"&&{GRANT}&scope=&")[:2],
        world.ask(GRANT, **kind)[:2],
        world.ask(ENCODED, **encoded)[:2],
        world.ask(f"{GRANT}&client_id=disabled&client_secret=whatever&unknown=%E2%82%AC")[:2],
        world.ask(GRANT, multiValueQueryStringParameters={"whatever": ["x"]})[:2],
    }
    assert tokens == {(200, world.pool.minted[0])}


@pytest.mark.parametrize(
    ("client", "status", "error"),
    [
        ("disabled", 400, "unauthorized_client"),
        ("constructor", 400, "invalid_scope"),
        ("stranger", 401, "invalid_client"),
    ],
)
def test_client_without_what_it_takes_is_refused(world, client, status, error):
    assert world.ask(GRANT, client)[:2] == (status, error)
    assert world.pool.requests == []


def test_rule_that_an_example_does_not_understand_gives_no_token(world):
    status, error, _ = world.ask(f"{GRANT}&scope=orders/read", "elsewhere")
    # `bootstrap` has the rule; the examples say whose matter it is.
    assert (status, error) == ((400, "unauthorized_client") if world.program == "bootstrap" else (500, "server_error"))
    assert world.pool.requests == []


def test_body_names_nobody(world):
    nobody = event(f"{GRANT}&client_id=billing", key_id("billing"))
    nobody["requestContext"]["identity"]["apiKeyId"] = None
    nobody["multiValueHeaders"]["x-api-key"] = [key_id("billing")]
    kind, reply = world.runtime.invoke(json.dumps(nobody).encode())
    assert (kind, reply["statusCode"], json.loads(reply["body"])["error"]) == ("response", 401, "invalid_client")


def test_client_of_an_app_client_that_is_not_bound_is_told_to_come_back(world):
    assert world.ask(f"{GRANT}&scope=orders/read", "unbound")[:2] == (503, "temporarily_unavailable")


def test_key_that_was_added_is_known(world):
    world.bind("billing")
    assert world.ask()[0] == 200
    world.bind("billing", "granted")
    assert world.ask(f"{GRANT}&scope=orders/read", "granted")[0] == 200
    (world.directory / "bindings.json").unlink()
    assert world.ask(client="stranger")[:2] == (401, "invalid_client")
    assert world.ask()[0] == 200


def test_without_bindings_there_are_no_tokens(world):
    (world.directory / "bindings.json").write_text("{}")
    assert world.ask()[:2] == (503, "temporarily_unavailable")
    assert [line["reason"] for line in world.audit()] == ["bindings_unavailable"]


@pytest.mark.parametrize("held", [[around.OTHER_SECRET, around.SECRET], [around.SECRET, around.OTHER_SECRET]])
def test_each_of_two_secrets_is_tried(world, held):
    (world.directory / "m2m.secret").write_text("\r\n".join(held) + "\r\n\r\n")
    assert world.ask()[0] == 200
    assert [request["basic"] for request in world.pool.requests][-1] == f"m2m-id:{around.SECRET}"
    assert len(world.pool.requests) == 1 + held.index(around.SECRET)


def test_refused_secrets_are_the_operators_matter(world):
    world.pool.accepts = ()
    assert world.ask()[:2] == (500, "server_error")
    (world.directory / "m2m.secret").write_text(around.OTHER_SECRET)
    world.pool.accepts = (around.OTHER_SECRET,)
    if world.program != "bootstrap":  # Which leaves the file alone for ten seconds.
        assert world.ask()[0] == 200


def test_without_a_secret_nothing_is_asked(world):
    for text in ["", "a\nb\nc\n"]:
        (world.directory / "m2m.secret").write_text(text)
        assert world.ask()[:2] == (503, "temporarily_unavailable")
    assert world.pool.requests == []


def token(**change):
    """A behaviour: a token that is not what was asked for, in one claim or member of the answer."""

    def behave(pool, form):
        members = {name: change[name] for name in ("expires_in", "token_type") if name in change}
        claims = {"scope": form["scope"]} | {name: change[name] for name in change if name not in members}
        return 200, around.JSON, json.dumps(json.loads(pool.mint(**claims)) | members).encode()

    return behave


def says(status, body=b"{}", **headers):
    return lambda pool, form: (status, around.JSON | headers, body)


def padded(pool, form):
    return 200, around.JSON, pool.mint(form["scope"]) + b" " * 70_000


TEXT = around.UPSTREAM_TEXT.encode()
MISBEHAVIOUR = {
    "broken": (says(500, around.error("server_error")), 503),
    "page of a proxy": (says(502, b"<html>" + TEXT), 503),
    "too many": (says(429, around.error("too_many_requests")), 503),
    "wrong path": (says(404, TEXT), 503),
    "garbage": (says(200, TEXT), 503),
    "nothing": (says(200, b""), 503),
    "list": (says(200, b"[]"), 503),
    "token in an answer that is too long": (padded, 503),
    "token that is none": (says(200, b'{"access_token":"a b","expires_in":3600,"token_type":"Bearer"}'), 503),
    "token without life": (token(expires_in=None), 503),
    "token of another type": (token(token_type="MAC"), 503),
    "redirect": (says(302, TEXT, Location="/elsewhere"), 500),
    "redirect that keeps the method": (says(307, TEXT, Location="/elsewhere"), 500),
    "scope refused": (says(400, around.error("invalid_scope")), 500),
    "grant refused": (says(400, around.error("unauthorized_client")), 500),
    "more scopes": (token(scope="orders/read orders/write"), 500),
    "other scopes": (token(scope="orders/write"), 500),
    "no scopes": (token(scope=""), 500),
    "another's token": (token(client_id="somebody"), 500),
    "identity token": (token(token_use="id"), 500),
    "short-lived token": (token(expires_in=59), 500),
    "dead token": (token(exp=1_000_000_000), 500),
    "no jwt": (says(200, b'{"access_token":"abc","expires_in":3600,"token_type":"Bearer"}'), 500),
}
ERRORS = {500: "server_error", 503: "temporarily_unavailable"}


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOUR)
def test_user_pool_that_misbehaves_is_answered_in_our_own_words(world, misbehaviour):
    behave, status = MISBEHAVIOUR[misbehaviour]
    world.pool.behave = lambda form: behave(world.pool, form)
    assert world.ask()[:2] == (status, ERRORS[status])
    assert {request["path"] for request in world.pool.requests} == {"/oauth2/token"}, "a redirect was followed"
    [line] = world.audit()
    assert (line["decision"], line["status"], line["upstream_attempts"]) == ("allow", status, 1)
    assert line["reason"]
    # Nothing of it is kept.
    world.pool.behave = None
    assert world.ask()[0] == 200


def test_user_pool_that_never_ends_is_left_in_time(world):
    world.pool.slow = True
    began = time.monotonic()
    assert world.ask()[:2] == (503, "temporarily_unavailable")
    # By the function's own patience of one second; and by what the invocation leaves, which is less.
    assert time.monotonic() - began < 5
    assert world.ask(seconds=0.8, client="granted", body=f"{GRANT}&scope=orders/read")[0] == 503


def test_token_is_served_while_the_user_pool_is_down(world):
    _, token, _ = world.ask()
    world.pool.behave = lambda form: (500, {}, TEXT)
    assert world.ask()[:2] == (200, token)


def test_token_in_its_last_minute_is_not_handed_out(world):
    world.pool.behave = lambda form: (200, around.JSON, world.pool.mint(form["scope"], life=63))
    first, second = world.ask(), None
    assert 60 <= first[2]["expires_in"] <= 63
    deadline = time.monotonic() + 10
    while second in (None, first[1]) and time.monotonic() < deadline:
        second = world.ask()[1]
    assert second in world.pool.minted and second != first[1], "the token was still handed out"


@pytest.mark.parametrize("payload", [b"{}", b"[]", b'"text"', b'{"version":"2.0","requestContext":{"http":{}}}'])
def test_payload_that_is_no_proxy_event_fails_and_the_next_one_does_not(world, payload):
    assert world.runtime.invoke(payload)[0] == "error"
    assert world.ask()[0] == 200


@pytest.mark.parametrize("program", PROGRAMS)
def test_function_without_a_definition_says_so_and_ends(program, tmp_path):
    variables = {"TOKEN_BROKER_DEFINITION": str(tmp_path / "none.yaml"), "TOKEN_BROKER_BINDINGS": "file:/none"}
    with around.running(PROGRAMS[program], tmp_path, variables) as runtime:
        said_of, kind, _ = runtime.outcomes.get(timeout=around.PATIENCE_SECONDS)
    assert (said_of, kind) == ("init", "error")
