"""A server that speaks the AWS API: moto, with what it lacks mended here, so that the tests say what is not moto's.

1. `UpdateUsagePlan`. moto drops the per-method throttle of a stage, keeps numbers as text, takes no rate below 1, and
   fails when a stage is removed that has a throttle. Replaced by the patch operations as the AWS documentation has them.
2. `LoggingConfig` of functions. moto takes it and forgets it, so that every plan would set it again. It is kept.
3. `UpdateResourceServer` and `DeleteResourceServer` of Cognito, which moto does not have.
4. Layers of others. moto looks for a function's layers in the function's own account alone.

What is elsewhere when the tests begin is made here, too: the function that a front door alone calls, and the layer with the
extension that the broker's function has.
"""

import base64
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
from moto.awslambda.models import LambdaBackend, LambdaFunction, LayerVersion, lambda_backends
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.moto_server import threaded_moto_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

REGION = "eu-central-1"
ACCOUNT = "123456789012"
# Whose the extension is in this region.
AWS_ACCOUNT = "187925254637"
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
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": zipped({"bootstrap": ""})},
        )
        return made["FunctionArn"]

    def secret(self, arn: str) -> str:
        """What lies in an entry."""
        return self.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]

    def make_layer(self, name: str) -> str:
        """Makes a layer of AWS's own account and answers with the ARN of its version. There is nothing in it."""
        content = {"ZipFile": base64.b64encode(zipped({"extensions/nothing": ""})).decode()}
        layers = lambda_backends[AWS_ACCOUNT][REGION]
        return layers.publish_layer_version({"LayerName": name, "Content": content}).arn


def zipped(files: dict[str, str]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, text in files.items():
            opened.writestr(zipfile.ZipInfo(name), text)
    return archive.getvalue()


@contextmanager
def running() -> Iterator[Cloud]:
    # The role of API Gateway's logs has a policy that AWS manages.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    UsagePlan.apply_patch_operations = update_usage_plan
    keep_logging_configurations()
    LambdaBackend.layers_versions_by_arn = layer_of_whoever
    CognitoIdpResponse.update_resource_server = update_resource_server
    CognitoIdpResponse.delete_resource_server = delete_resource_server
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
    body = body_of(environ)
    if service == "lambda":
        return lambda_permission(method, path, environ.get("QUERY_STRING", ""), body)
    if "HTTP_X_AMZ_TARGET" in environ:
        action = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
        return f"{service}:{action}", RESOURCES[service](action, json.loads(body))
    asked = parse_qs(body.decode())
    role = asked.get("RoleName")
    return f"{service}:{asked['Action'][0]}", f"arn:aws:iam::{ACCOUNT}:role/{role[0]}" if role else "*"


def body_of(environ: dict) -> bytes:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def lambda_permission(method: str, path: str, query: str, body: bytes) -> tuple[str, str]:
    # /2015-03-31/functions/NAME/PART/…
    _, _, _, *rest = path.split("/")
    # The provider writes some names as whole ARNs.
    name = rest[0].rpartition(":function:")[2] if rest else json.loads(body)["FunctionName"]
    part = rest[1] if len(rest) > 1 else ""
    # An alias or a version is another resource than its function; what is done to it by its own path is done to the function.
    qualifier = "" if ":" in name else parse_qs(query).get("Qualifier", [""])[0]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" + (f":{qualifier}" if qualifier else "")
    # What is not known here is no action that any policy allows.
    return f"lambda:{LAMBDA_ACTIONS.get((method, part), f'{method} {part}')}", function


LAMBDA_ACTIONS = {
    ("POST", ""): "CreateFunction",
    ("GET", ""): "GetFunction",
    ("DELETE", ""): "DeleteFunction",
    ("GET", "versions"): "ListVersionsByFunction",
    ("POST", "versions"): "PublishVersion",
    ("GET", "code-signing-config"): "GetFunctionCodeSigningConfig",
    ("PUT", "code"): "UpdateFunctionCode",
    ("GET", "configuration"): "GetFunctionConfiguration",
    ("PUT", "configuration"): "UpdateFunctionConfiguration",
    ("PUT", "concurrency"): "PutFunctionConcurrency",
    ("DELETE", "concurrency"): "DeleteFunctionConcurrency",
    ("POST", "aliases"): "CreateAlias",
    ("GET", "aliases"): "GetAlias",
    ("PUT", "aliases"): "UpdateAlias",
    ("DELETE", "aliases"): "DeleteAlias",
    ("POST", "policy"): "AddPermission",
    ("GET", "policy"): "GetPolicy",
    ("DELETE", "policy"): "RemovePermission",
}


def log_group(_: str, asked: dict) -> str:
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{asked.get('logGroupName') or '*'}"


def user_pool(action: str, asked: dict) -> str:
    # What a domain is asked for, and a pool that is yet to be made, have no ARN.
    if action in ("CreateUserPool", "DescribeUserPoolDomain"):
        return "*"
    return f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{asked['UserPoolId']}"


def secret(_: str, asked: dict) -> str:
    made = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{asked.get('Name')}-abcdef"
    return asked.get("SecretId", made)


def parameter(action: str, asked: dict) -> str:
    name = "" if action == "DescribeParameters" else asked.get("Name") or asked["ResourceId"]
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:" + (f"parameter{name}" if name else "*")


def web_acl(_: str, asked: dict) -> str:
    made = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/{asked.get('Name')}/{asked.get('Id', 'id')}"
    # Which one is before a resource is a question to the resource.
    return asked.get("WebACLArn") or asked.get("ResourceARN") or asked.get("ResourceArn") or made


RESOURCES = {
    "logs": log_group,
    "cognito-idp": user_pool,
    "secretsmanager": secret,
    "ssm": parameter,
    "wafv2": web_acl,
}


def keep_logging_configurations() -> None:
    """`CreateFunction` and `UpdateFunctionConfiguration` with what moto forgets of them; `GetFunction` shows it."""
    if getattr(LambdaFunction, "keeps_logging", False):
        return
    make, update, show = LambdaFunction.__init__, LambdaFunction.update_configuration, LambdaFunction.get_configuration

    def making(function: LambdaFunction, account_id: str, spec: dict, *rest: object, **named: object) -> None:
        function.logging_configuration = spec.get("LoggingConfig")
        make(function, account_id, spec, *rest, **named)

    def updating(function: LambdaFunction, updates: dict) -> dict:
        function.logging_configuration = updates.get("LoggingConfig", function.logging_configuration)
        return update(function, updates)

    def showing(function: LambdaFunction, *how: object, **named: object) -> dict:
        kept = function.logging_configuration or {}
        default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}"}
        return show(function, *how, **named) | {"LoggingConfig": default | kept}

    LambdaFunction.__init__, LambdaFunction.update_configuration = making, updating
    LambdaFunction.get_configuration, LambdaFunction.keeps_logging = showing, True


def layer_of_whoever(_: LambdaBackend, arn: str) -> LayerVersion | None:
    # arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION
    _, _, _, region, account, *_ = arn.split(":")
    return lambda_backends[account][region]._layers.get_layer_version_by_arn(arn)


def update_resource_server(asked: CognitoIdpResponse) -> ActionResult:
    server = asked.backend.describe_resource_server(asked._get_param("UserPoolId"), asked._get_param("Identifier"))
    server.name, server.scopes = asked._get_param("Name"), asked._get_param("Scopes")
    return ActionResult({"ResourceServer": server.to_json()})


def delete_resource_server(asked: CognitoIdpResponse) -> EmptyResult:
    pool = asked.backend.describe_user_pool(asked._get_param("UserPoolId"))
    del pool.resource_servers[asked._get_param("Identifier")]
    return EmptyResult()


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
