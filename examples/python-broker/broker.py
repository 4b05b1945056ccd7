"""A broker as a Lambda function, in one file: it speaks the Lambda Runtime API and hands out Cognito's tokens.

Who calls is what the front door says, and nothing else. What a client may not have is refused, never left out. No key,
secret, token or body is written anywhere, and nothing that the user pool says reaches a client. README.md has what the
Rust broker does beyond this.
"""

import base64
import http.client
import json
import os
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlencode, urlsplit

import yaml

UNAVAILABLE = 503, "temporarily_unavailable", "no token can be issued at the moment"
MISCONFIGURED = 500, "server_error", "the token service is not configured correctly"
BROKEN = 500, "server_error", "the token could not be fetched"
UNKNOWN = 401, "invalid_client", "the client is not known"
GRANT = "client_credentials"
FORM = "application/x-www-form-urlencoded"
# RFC 6749 §2.3.1 and §3.2: every proxy on the way writes URLs down.
BODY_ONLY = {"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"}
# A client with any other rule gets no token here: a rule that is not understood must not be skipped.
UNDERSTOOD = {"plan", "groups", "scopes", "default_scopes", "app_client", "grants", "enabled"}
MAX_BODY, MAX_PARAMETERS, MAX_SCOPES, MAX_REPLY, MAX_TOKENS_PER_CLIENT = 32 * 1024, 32, 50, 64 * 1024, 64
DAY = 24 * 60 * 60


class Refusal(Exception):
    """Why a request gets no token: a word for the log, and what the client is told."""

    def __init__(self, reason, status, error, description):
        super().__init__(reason)
        self.reason, self.status, self.error, self.description = reason, status, error, description


class TooLate(Exception):
    """The user pool took too long. Not a `TimeoutError`: after one of those, `socket` would try the next address."""


def invalid(reason, description, status=400, error="invalid_request"):
    return Refusal(reason, status, error, description)


class Token:
    """A token and its time. Its life counts from when it was asked for, so that it never looks younger than it is."""

    def __init__(self, text, life, asked):
        self.text, self.life, self.asked = text, life, asked

    def left(self):
        """The life that is left, by whichever clock counted more: one may have been set back, the other have slept."""
        return self.life - max(time.time() - self.asked[0], time.monotonic() - self.asked[1])


class Broker:
    def __init__(self, definition, bindings_place):
        broker = definition.get("broker") or {}
        self.clients = definition["clients"]
        self.minimum_life = seconds(broker.get("min_token_life", "60s"))
        self.patience = seconds((broker.get("upstream") or {}).get("total_timeout", "12s"))
        self.bindings_place, self.bindings, self.tokens = bindings_place, None, {}

    def answer(self, event, deadline):
        """The reply to a proxy event, once its audit line is written."""
        context, _ = event["requestContext"], event["requestContext"]["identity"]
        line = {
            "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "request_id": context["requestId"], "client": None, "key_id": None, "grant": None, "scopes": None,
            "decision": "deny", "reason": None, "cache": "none", "upstream_attempts": 0, "upstream_ms": 0,
            "app_client": None, "status": 200,
        }
        try:
            token = self.token(event, deadline, line)
            body = {"access_token": token.text, "expires_in": int(token.left()), "token_type": "Bearer"}
            reply = rendered(200, body)
        except Refusal as refusal:
            reply = refused(refusal)
            line |= {"reason": refusal.reason, "status": refusal.status}
        except Exception as error:  # A mistake in this program. The error's text may hold what nobody may read.
            log("the broker broke", error)
            reply = refused(Refusal("broken", *BROKEN))
            line |= {"reason": "broken", "status": 500}
        try:
            print(json.dumps(line, separators=(",", ":")), flush=True)
        except OSError:  # No audit line, no token.
            reply = refused(Refusal("audit_lost", *UNAVAILABLE))
        return reply

    def token(self, event, deadline, line):
        name, client = self.caller(event["requestContext"], line)
        grant, asked = read_request(event)
        line["grant"] = grant if grant == GRANT else "other"
        scopes = decide(client, grant, asked)
        app_client = client.get("app_client", "m2m")
        line |= {"decision": "allow", "scopes": scopes, "app_client": app_client}
        held = self.tokens.setdefault(name, {})
        token = held.get((app_client, scopes))
        if token and token.left() >= self.minimum_life:
            line["cache"] = "hit"
            return token
        line["cache"] = "miss"
        token = self.mint(app_client, scopes, deadline, line)
        if token.left() < self.minimum_life:
            raise Refusal("token_short_lived", *MISCONFIGURED)
        held.pop((app_client, scopes), None)
        held[app_client, scopes] = token
        if len(held) > MAX_TOKENS_PER_CLIENT:
            del held[next(iter(held))]  # The oldest, and nobody else's.
        return token

    def caller(self, context, line):
        """Who calls, by the word of the front door: headers and body were written by the caller."""
        key_id = context["identity"].get("apiKeyId")
        if not isinstance(key_id, str):
            raise Refusal("unknown_identity", *UNKNOWN)
        # What does not look like an id is perhaps a key in the wrong place.
        line["key_id"] = key_id if re.fullmatch("[0-9a-z]{10}", key_id) else None
        if self.bindings is None or key_id not in self.bindings["keys"]:
            self.read_bindings()
        name = self.bindings["keys"].get(key_id)
        if name not in self.clients:
            raise Refusal("unknown_identity", *UNKNOWN)
        line["client"] = name
        return name, self.clients[name]

    def read_bindings(self):
        """Reads who is who. Where that fails, what was read last stays in force."""
        try:
            read = json.loads(file(self.bindings_place).read_text())
            url = urlsplit(read["upstream"]["token_endpoint"])
            is_local = url.scheme == "http" and url.hostname in ("127.0.0.1", "::1", "localhost")
            is_safe = url.scheme == "https" or is_local
            if read["version"] != 1 or len(read["upstream"]) != 1 or not is_safe:
                raise ValueError("not understood")
            self.bindings = {"keys": dict(read["keys"]), "url": url, "app_clients": dict(read["app_clients"])}
        except (OSError, ValueError, LookupError, TypeError) as error:
            log("the bindings cannot be read", error)
            if self.bindings is None:
                raise Refusal("bindings_unavailable", *UNAVAILABLE) from None

    def mint(self, app_client, scopes, deadline, line):
        """A new token with exactly `scopes`. One of two secrets may be refused while they are rotated."""
        bound = self.bindings["app_clients"].get(app_client)
        if bound is None:
            raise Refusal("unknown_app_client", *UNAVAILABLE)
        began, left = time.monotonic(), deadline - time.time()
        # The answer has a way to go, too.
        signal.setitimer(signal.ITIMER_REAL, max(0.001, min(self.patience, max(left - 1, left / 2))))
        try:
            for secret in secrets(bound["secret"]):
                line["upstream_attempts"] += 1
                asked = time.time(), time.monotonic()
                status, body = ask(self.bindings["url"], bound["client_id"], secret, scopes)
                token = read_reply(status, body, bound["client_id"], scopes, asked)
                if token:
                    return token
        except TooLate:
            raise Refusal("upstream_timeout", *UNAVAILABLE) from None
        except (OSError, http.client.HTTPException) as error:
            log("the user pool cannot be asked", error)
            raise Refusal("upstream_unavailable", *UNAVAILABLE) from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            line["upstream_ms"] = int((time.monotonic() - began) * 1000)
        raise Refusal("upstream_refused_client", *MISCONFIGURED)


def read_request(event):
    """The grant and the scopes that are asked for. What two programs could read differently is refused."""
    if BODY_ONLY & (event.get("multiValueQueryStringParameters") or {}).keys():
        raise invalid("parameters_in_url", "parameters belong in the body, not in the url")
    headers = event.get("multiValueHeaders") or {}
    types = [value for name, values in headers.items() if name.lower() == "content-type" for value in values]
    if len(types) > 1:
        raise invalid("content_type_repeated", "the header `Content-Type` is repeated")
    form = read_form(types[0] if types else "", body_bytes(event))
    # Both would change what a token means, so they are refused and not dropped. Whatever else stands there, a
    # `client_id` and its secret included, says nothing.
    if form.get("aws_client_metadata"):
        raise invalid("client_metadata_unsupported", "the parameter `aws_client_metadata` is not supported")
    if form.get("resource"):
        raise invalid("resource_unsupported", "tokens cannot be bound to a resource", error="invalid_target")
    if not form.get("grant_type"):
        raise invalid("grant_missing", "the parameter `grant_type` is missing")
    return form["grant_type"], read_scopes(form["scope"]) if form.get("scope") else []


def body_bytes(event):
    body = event.get("body") or ""
    try:
        # The front door puts U+FFFD where a body was not UTF-8: what stood there is lost.
        if event.get("isBase64Encoded"):
            return base64.b64decode(body, validate=True)
        if "\ufffd" not in body:
            return body.encode()
    except ValueError:
        pass
    raise invalid("body_undecodable", "the body cannot be decoded")


def read_form(content_type, body):
    essence, *parameters = (part.strip(" \t").lower() for part in content_type.split(";"))
    if essence != FORM or [part for part in parameters if part] not in ([], ["charset=utf-8"], ['charset="utf-8"']):
        raise invalid("media_type", f"the content type must be `{FORM}`", 415)
    if len(body) > MAX_BODY:
        raise invalid("body_too_large", f"the body is larger than {MAX_BODY} bytes", 413)
    form = {}
    for piece in filter(None, body.split(b"&")):
        name, value = (decode(half) for half in piece.partition(b"=")[::2])
        if not name or name in form or len(form) == MAX_PARAMETERS:
            raise invalid("form_malformed", "a parameter has no name, is repeated, or is one too many")
        form[name] = value
    return form


def decode(half):
    """A name or a value. What other readers would mend or guess is refused."""
    try:
        text = unquote_to_bytes(half.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        text = "\0"
    if re.search(b"%(?![0-9A-Fa-f]{2})", half) or re.search(r"[\0-\x1f\x7f-\x9f]", text):
        raise invalid("form_malformed", "the body has a malformed escape, a control character, or is not utf-8")
    return text


def read_scopes(text):
    scopes = text.split(" ")
    if len(text) > 8192 or len(scopes) > MAX_SCOPES or not all(map(IS_SCOPE, scopes)):
        raise invalid("scope_malformed", "scopes are names separated by one space", error="invalid_scope")
    return scopes


def decide(client, grant, asked):
    """The scopes that the client gets, in order: always named, since Cognito takes no scope for every scope."""
    if client.get("enabled", "true") != "true":
        raise Refusal("client_disabled", 400, "unauthorized_client", "the client is disabled")
    if client.keys() - UNDERSTOOD:
        raise Refusal("rule_not_understood", *MISCONFIGURED)
    if grant != GRANT:
        raise Refusal("grant_unsupported", 400, "unsupported_grant_type", "the grant type is not supported")
    if grant not in client.get("grants", [GRANT]):
        raise Refusal("grant_not_allowed", 400, "unauthorized_client", "the client may not use this grant type")
    scopes = asked or client.get("default_scopes")
    if not scopes:
        raise invalid("no_default_scopes", "the client has no default scopes: name the scopes", error="invalid_scope")
    if not set(scopes) <= set(client["scopes"]):
        raise invalid("scope_not_allowed", "a scope is not allowed for this client", error="invalid_scope")
    return " ".join(sorted(set(scopes)))


def secrets(reference):
    """The secrets of an app client as they are now: one, or two while they are rotated, a line each."""
    try:
        found = [line.strip() for line in file(reference).read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        log("the secrets of an app client cannot be read", error)
        found = []
    if len(found) not in (1, 2):
        raise Refusal("secrets_unreadable", *UNAVAILABLE)
    return found


def ask(url, client_id, secret, scopes):
    """One request to the user pool. A redirect is not followed: the secret would go along."""
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.hostname, url.port)
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": FORM, "Accept": "application/json"}
    try:
        connection.request("POST", url.path, urlencode({"grant_type": GRANT, "scope": scopes}), headers)
        response = connection.getresponse()
        return response.status, response.read(MAX_REPLY + 1)
    finally:
        connection.close()


def read_reply(status, body, client_id, scopes, asked):
    """The token in the user pool's answer; none if it refused the secret."""
    try:
        reply = json.loads(body) if len(body) <= MAX_REPLY else None
    except (ValueError, RecursionError):
        reply = None
    reply = reply if isinstance(reply, dict) else {}
    if 300 <= status < 400:
        raise Refusal("upstream_redirected", *MISCONFIGURED)
    if 400 <= status < 500 and status != 429 and reply.get("error") and isinstance(reply["error"], str):
        if reply["error"] == "invalid_client":
            return None
        raise Refusal("upstream_refused", *MISCONFIGURED)
    token, life = reply.get("access_token"), reply.get("expires_in")
    is_bearer = str(reply.get("token_type")).lower() == "bearer"
    if not 200 <= status < 300 or not is_bearer or type(life) is not int or life <= 0 or not is_token(token):
        raise Refusal("upstream_unavailable", *UNAVAILABLE)
    claims = claims_of(token)
    if sorted(set(str(claims.get("scope")).split(" "))) != scopes.split(" "):
        raise Refusal("upstream_scope_mismatch", *MISCONFIGURED)
    expires = claims.get("exp", float("inf"))
    is_ours = claims.get("client_id", client_id) == client_id and claims.get("token_use", "access") == "access"
    if not is_ours or life > DAY or type(expires) not in (int, float):
        raise Refusal("upstream_token_unusable", *MISCONFIGURED)
    return Token(token, min(life, expires - asked[0]), asked)


def is_token(text):
    return isinstance(text, str) and re.fullmatch(r"[\w.~+/-]{1,16384}=*", text, re.ASCII)


def claims_of(token):
    """What a token says of itself. The signature is for those to verify who accept the token."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise Refusal("upstream_token_unusable", *MISCONFIGURED)
    return claims


def refused(refusal):
    body = {"error": refusal.error, "error_description": refusal.description}
    return rendered(refusal.status, body, {"Retry-After": "2"} if refusal.status == 503 else {})


def rendered(status, body, extra=None):
    headers = {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store", "Pragma": "no-cache"}
    return {
        "statusCode": status, "headers": headers | (extra or {}), "isBase64Encoded": False,
        "body": json.dumps(body, separators=(",", ":")),
    }


def file(reference):
    if not reference.startswith("file:"):
        raise ValueError("only `file:` is supported")
    return Path(reference.removeprefix("file:"))


def seconds(text):
    """`90s`, `5m`, `1h30m`."""
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    if not re.fullmatch(r"(\d+(h|ms|m|s))+", text):
        raise ValueError("a duration is written like `90s` or `1h30m`")
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)(h|ms|m|s)", text))


def log(message, error):
    print(f"{message}: {type(error).__name__}", file=sys.stderr, flush=True)


def give_up(*_):
    raise TooLate


IS_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+").fullmatch


class RuntimeApi:
    """Where invocations come from and answers go: one connection, one invocation at a time."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address)

    def call(self, method, path, said=None):
        self.connection.request(method, f"/2018-06-01/runtime/{path}", said and json.dumps(said).encode())
        response = self.connection.getresponse()
        if path.endswith("/next") and response.status != 200:
            sys.exit("the Runtime API gives no invocations")
        return response.headers, response.read()


def main():
    signal.signal(signal.SIGALRM, give_up)
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        # Every value as the text that it is: YAML 1.1 would take a client called `no` for false.
        definition = yaml.load(Path(os.environ["TOKEN_BROKER_DEFINITION"]).read_text(), yaml.BaseLoader)
        broker = Broker(definition, os.environ["TOKEN_BROKER_BINDINGS"])
    except Exception as error:
        log("the definition cannot be read", error)
        api.call("POST", "init/error", {"errorType": "Configuration", "errorMessage": "the definition cannot be read"})
        sys.exit(1)
    while True:
        headers, payload = api.call("GET", "invocation/next")
        invocation = f"invocation/{headers['Lambda-Runtime-Aws-Request-Id']}"
        try:
            reply = broker.answer(json.loads(payload), int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000)
        except (ValueError, LookupError, TypeError, AttributeError):
            # The payload is no proxy event. It is not repeated.
            error = {"errorType": "NoProxyEvent", "errorMessage": "the payload is no proxy event"}
            api.call("POST", f"{invocation}/error", error)
            continue
        api.call("POST", f"{invocation}/response", reply)


if __name__ == "__main__":
    main()
