"""A server that speaks the AWS API: moto, with what it lacks mended here, so that the tests say what is not moto's.

1. `UpdateUsagePlan`. moto drops the per-method throttle of a stage, keeps numbers as text, takes no rate below 1, and
   fails when a stage is removed that has a throttle. Replaced by the patch operations as the AWS documentation has them.

The function that the front door calls is made here, too: it exists before the front door does.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import boto3
from moto.apigateway.models import UsagePlan
from moto.moto_server import threaded_moto_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

REGION = "eu-central-1"
ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@dataclass(frozen=True)
class Cloud:
    """A server that runs."""

    url: str
    # What Terraform has asked for so far: IAM action and resource.
    asked: set[tuple[str, str]] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """What the provider and the AWS tools need to speak with it."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION}

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def make_function(self, name: str) -> str:
        """Makes a function and answers with its ARN. Nothing ever invokes it."""
        trust = {"Version": "2012-10-17", "Statement": []}
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "")
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": code.getvalue()},
        )
        return made["FunctionArn"]


@contextmanager
def running() -> Iterator[Cloud]:
    # The role of API Gateway's logs has a policy that AWS manages.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    UsagePlan.apply_patch_operations = update_usage_plan
    asked: set[tuple[str, str]] = set()

    class Recording(DomainDispatcherApplication):
        def __call__(self, environ: dict, start_response: Callable):
            if "Terraform" in environ.get("HTTP_USER_AGENT", ""):
                asked.add(permission_for(environ))
            return super().__call__(environ, start_response)

    threaded_moto_server.DomainDispatcherApplication = Recording
    server = threaded_moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield Cloud(f"http://127.0.0.1:{port}", asked)
    finally:
        server.stop()


def permission_for(environ: dict) -> tuple[str, str]:
    """The IAM action and resource that AWS checks for a request, as its service authorization reference names them."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    # The credential scope names the service: KEY/DATE/REGION/SERVICE/aws4_request
    service = re.search(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/", environ["HTTP_AUTHORIZATION"])[1]
    if service == "apigateway":
        return f"apigateway:{method}", f"arn:aws:apigateway:{REGION}::{path}"
    if service == "lambda":
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{path.split('/')[3]}"
        return f"lambda:{LAMBDA_POLICY[method]}", function
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    if service == "logs":
        group = json.loads(body).get("logGroupName")
        action = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
        return f"logs:{action}", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group or '*'}"
    return f"{service}:{parse_qs(body.decode())['Action'][0]}", "*"


# The function's own policy is the only thing of it that is touched.
LAMBDA_POLICY = {"POST": "AddPermission", "GET": "GetPolicy", "DELETE": "RemovePermission"}


def update_usage_plan(plan: UsagePlan, operations: list[dict]) -> None:
    """`UpdateUsagePlan`: see the table of patch operations in the API reference of API Gateway."""
    for operation in operations:
        kind, path, value = operation["op"], operation["path"], operation.get("value")
        # A method's path stands in it unescaped: /apiStages/API:STAGE/throttle//oauth2/token/POST/rateLimit
        part, _, rest = path.removeprefix("/").partition("/")
        if part == "apiStages" and rest:
            stage, _, method = rest.partition("/throttle/")
            update_stage(stage_of(plan, stage), kind, method, value)
        elif part == "apiStages":
            change_stages(plan, kind, value)
        elif part in ("name", "description"):
            setattr(plan, part, value)
        elif part in ("throttle", "quota"):
            update_numbers(getattr(plan, part), kind, rest, value)
        else:
            raise NotImplementedError(path)


def stage_of(plan: UsagePlan, name: str) -> dict:
    api, _, stage = name.partition(":")
    return next(entry for entry in plan.api_stages if (entry["apiId"], entry["stage"]) == (api, stage))


def change_stages(plan: UsagePlan, kind: str, name: str) -> None:
    if kind == "add":
        api, _, stage = name.partition(":")
        plan.api_stages.append({"apiId": api, "stage": stage})
    else:
        plan.api_stages.remove(stage_of(plan, name))


def update_stage(stage: dict, kind: str, method: str, value: str | None) -> None:
    throttle = stage.setdefault("throttle", {})
    if kind == "remove":
        throttle.pop(method) if method else throttle.clear()
        return
    path, _, number = method.rpartition("/")
    update_numbers(throttle.setdefault(path, {}), kind, number, value)


def update_numbers(numbers: dict, kind: str, name: str, value: str | None) -> None:
    if kind == "remove":
        numbers.clear()
    elif name == "rateLimit":
        numbers[name] = float(value)
    else:
        numbers[name] = value if name == "period" else int(value)
