"""The front door of this machine before a function that is deployed: made and looked up by moto, invoked by the real program.

moto's own: the route, the ARN, which function, alias and version there is, how an error of the function is shown. Not moto's:
what the function does, for which moto would need Docker, and a reserved concurrency of none, which moto does not enforce.
"""

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cloud
import pytest
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction

GRANT = "grant_type=client_credentials"
DEFINITION = """
api:
  throttle: {{ rate: 100, burst: 100 }}
  token_endpoint: {{ identity: api_key, throttle: {{ rate: 100, burst: 100 }} }}
plans:
  standard: {{ throttle: {{ rate: 50, burst: 50 }} }}
clients:
  billing: {{ plan: standard, scopes: [orders/read], default_scopes: [orders/read] }}
homes:
  local:
    front_door: "127.0.0.1:0"
    admin: "127.0.0.1:0"
    function: {{ aws: "{arn}", endpoint: "{endpoint}" }}
"""


class Throttled(LambdaClientError):
    """What Lambda answers when a function may not run once more."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


@dataclass(frozen=True)
class Door:
    """`token-broker up` before a function."""

    url: str
    state: Path

    def token(self) -> tuple[int, dict]:
        key = (self.state / "keys" / "billing").read_text()
        asked = urllib.request.Request(self.url, data=GRANT.encode(), headers={"x-api-key": key})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)


@pytest.fixture(scope="module")
def binary(request: pytest.FixtureRequest) -> Path:
    """A build with the AWS SDK."""
    return Path(request.config.getoption("--aws-binary")).resolve()


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Stands in for the container that moto would start: grants what it is asked for, or fails. Keeps the events."""
    events: list[dict] = []

    def run(function: LambdaFunction, event: dict, *_: object) -> tuple[str, bool, str]:
        if function.reserved_concurrency == 0:
            raise Throttled
        events.append(event)
        if function.environment_vars.get("FAILS"):
            return json.dumps({"errorMessage": "out of order", "errorType": "Broken"}), True, ""
        token = {"access_token": f"by {function.version}", "token_type": "Bearer", "expires_in": 3600}
        return json.dumps({"statusCode": 200, "body": json.dumps(token)}), False, ""

    monkeypatch.setattr(LambdaFunction, "_invoke_lambda", run)
    return events


@pytest.fixture
def function(running_cloud: cloud.Cloud) -> Iterator[str]:
    """The ARN of a function that is there for one test."""
    name = "front-door-of-this-machine"
    yield running_cloud.make_function(name)
    running_cloud.client("lambda").delete_function(FunctionName=name)
    running_cloud.client("iam").delete_role(RoleName=name)


@contextmanager
def up(binary: Path, at: Path, arn: str, endpoint: str) -> Iterator[Door]:
    (at / "token-broker.yaml").write_text(DEFINITION.format(arn=arn, endpoint=endpoint))
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TOKEN_BROKER_"))}
    with (at / "log").open("w") as log:
        process = subprocess.Popen(
            [binary, "up", "--json"],
            cwd=at,
            env=bare | cloud.CREDENTIALS | {"HOME": str(at)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            first = process.stdout.readline()
            assert first, (at / "log").read_text()
            yield Door(json.loads(first)["invoke_url"], at / ".token-broker")
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_function_gets_the_event_and_its_token_comes_back(
    binary: Path, tmp_path: Path, running_cloud: cloud.Cloud, container: list[dict], function: str
) -> None:
    with up(binary, tmp_path, function, running_cloud.url) as door:
        status, token = door.token()
    assert (status, token["access_token"]) == (200, "by $LATEST")
    [event] = container
    assert (event["resource"], event["httpMethod"], event["body"]) == ("/oauth2/token", "POST", GRANT)
    assert len(event["requestContext"]["identity"]["apiKeyId"]) == 10


def test_alias_is_the_version_that_it_points_to(
    binary: Path, tmp_path: Path, running_cloud: cloud.Cloud, container: list[dict], function: str
) -> None:
    client = running_cloud.client("lambda")
    version = client.publish_version(FunctionName=function)["Version"]
    alias = client.create_alias(FunctionName=function, Name="live", FunctionVersion=version)["AliasArn"]
    assert alias == f"{function}:live"
    with up(binary, tmp_path, alias, running_cloud.url) as door:
        assert door.token() == (200, {"access_token": f"by {version}", "token_type": "Bearer", "expires_in": 3600})


@pytest.mark.parametrize("missing", ["another", "front-door-of-this-machine:gone"])
def test_function_or_alias_that_is_not_there_is_an_error_of_the_server(
    binary: Path, tmp_path: Path, running_cloud: cloud.Cloud, container: list[dict], function: str, missing: str
) -> None:
    arn = f"arn:aws:lambda:{cloud.REGION}:{cloud.ACCOUNT}:function:{missing}"
    with up(binary, tmp_path, arn, running_cloud.url) as door:
        status, body = door.token()
    assert (status, body["error"]) == (500, "server_error")
    assert "arn:" not in json.dumps(body)
    assert "ResourceNotFoundException" in (tmp_path / "log").read_text()
    assert container == []


def test_function_that_may_not_run_is_an_error_of_the_server(
    binary: Path, tmp_path: Path, running_cloud: cloud.Cloud, container: list[dict], function: str
) -> None:
    running_cloud.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with up(binary, tmp_path, function, running_cloud.url) as door:
        status, body = door.token()
    assert (status, body["error"]) == (500, "server_error")
    assert "TooManyRequestsException" in (tmp_path / "log").read_text()
    assert container == []


def test_error_of_the_function_stays_inside(
    binary: Path, tmp_path: Path, running_cloud: cloud.Cloud, container: list[dict], function: str
) -> None:
    running_cloud.client("lambda").update_function_configuration(
        FunctionName=function, Environment={"Variables": {"FAILS": "yes"}}
    )
    with up(binary, tmp_path, function, running_cloud.url) as door:
        status, body = door.token()
    assert (status, body["error"]) == (502, "server_error")
    assert "out of order" not in json.dumps(body) + (tmp_path / "log").read_text()
    assert len(container) == 1
