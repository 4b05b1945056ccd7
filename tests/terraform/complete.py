"""The life of front door, broker and user pool together: the example from nothing to nothing, in the order of an operator's
days.

What each step leaves is looked at by several tests. The server is moto; cloud.py says what is mended in it. It keeps what it
is told: whether the function runs, the pool issues tokens and the web ACL refuses anybody is not shown here.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cloud
import terraform
from life import Life, edit
from package import Packager

EXAMPLE = Path("terraform/examples/complete")
LAYER = "AWS-Parameters-and-Secrets-Lambda-Extension-Arm64"
# What an operator adds to an entry while two secrets are valid.
SECOND_SECRET = "second1secret2of3the4operator5"


@dataclass
class Whole(Life):
    """What the three parts leave behind them."""

    entries: dict[str, str] = field(default_factory=dict)
    packages: dict[str, bytes] = field(default_factory=dict)


def live(place: Path, cli_configuration: dict[str, str], running_cloud: cloud.Cloud, packager: Packager) -> Whole:
    """Makes all of it, changes it, and removes it."""
    running_cloud.asked.clear()
    terraform.copy_of("terraform", place)
    directory = place / EXAMPLE
    workspace = terraform.Workspace(directory, cli_configuration | running_cloud.environment)
    life = Whole(workspace, directory / "token-broker.yaml", lambda: seen(running_cloud))
    zip_file = directory / "broker.zip"
    packager.first(life.definition, zip_file)
    life.packages["make"] = zip_file.read_bytes()
    variables: dict[str, object] = {}

    def given(**more: object) -> None:
        """Writes into the file of variables, as an operator does: what one step asks for holds for the next."""
        variables.update(more)
        (directory / "terraform.tfvars.json").write_text(json.dumps(variables))

    given(package_file="broker.zip", extension_layer_arn=running_cloud.make_layer(LAYER), domain_prefix="example-tokens")
    workspace.init()

    life.step("make")
    life.entries["made"] = running_cloud.secret(m2m(life, "make"))
    secrets = running_cloud.client("secretsmanager")
    secrets.put_secret_value(SecretId=m2m(life, "make"), SecretString=f"{life.entries['made']}\n{SECOND_SECRET}")
    # This one is never finished: everything is removed in the midst of it.
    secrets.put_secret_value(SecretId=place_of(life, "make", "partner"), SecretString=SECOND_SECRET)
    given(keys={"billing": {"billing": {}, "billing.2": {}}})
    life.step("key")
    life.entries["rotating"] = running_cloud.secret(m2m(life, "make"))
    # What Terraform wrote has no label any more from here on.
    secrets.put_secret_value(SecretId=m2m(life, "make"), SecretString=SECOND_SECRET)
    edit(life.definition, "scopes: [orders/read, orders/write] ", "scopes: [orders/read, orders/write, orders/close] ")
    packager.again(life.definition, zip_file)
    life.packages["release"] = zip_file.read_bytes()
    given(extension_layer_arn=running_cloud.make_layer(LAYER))
    life.step("release")
    given(origin_header={"enforce": False})
    life.step("count")
    given(origin_header={})
    life.step("shut")
    life.entries["header"] = running_cloud.secret(header(life, "shut"))
    given(origin_header={"values": ["1", "2"]})
    life.step("turn")
    life.entries["turned header"] = running_cloud.secret(header(life, "turn"))
    life.entries["rotated"] = running_cloud.secret(m2m(life, "make"))
    given(origin_header={"values": ["2"]})
    life.step("turned")
    given(origin_header=None, reserved_concurrency=-1)
    life.step("open")
    # And on again: it is destroyed in force, so that the last of all plans has a header in it as well.
    given(origin_header={"values": ["3"]}, deletion_protection=False)
    life.step("unprotect")
    workspace.destroy()
    life.seen["destroyed"] = seen(running_cloud)
    life.asked = set(running_cloud.asked)
    return life


def m2m(life: Whole, step: str) -> str:
    return place_of(life, step, "m2m")


def place_of(life: Whole, step: str, app_client: str) -> str:
    """Where the app client's secret lies, as the broker is told."""
    return life.seen[step]["bindings"]["app_clients"][app_client]["secret"].removeprefix("secretsmanager:")


def header(life: Whole, step: str) -> str:
    """Where the value of the secret header lies, as the broker is told."""
    return life.seen[step]["bindings"]["upstream"]["header"]["value"].removeprefix("secretsmanager:")


def seen(running: cloud.Cloud) -> dict:
    """What the server holds, as the AWS SDK reads it. API Gateway is life.py's."""
    held: dict = {}
    held["function"] = function(running)
    held["log_groups"] = running.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    held["roles"] = [role for role in running.client("iam").list_roles()["Roles"] if role.get("Description")]
    held["bindings"] = bindings(running)
    held["pools"] = [pool(running, found["Id"]) for found in pools(running)]
    held["secrets"] = running.client("secretsmanager").list_secrets(IncludePlannedDeletion=False)["SecretList"]
    held["web_acls"] = web_acls(running)
    held["apis"] = running.client("apigateway").get_rest_apis()["items"]
    return held


def function(running: cloud.Cloud) -> dict:
    functions = running.client("lambda")
    try:
        alias = functions.get_alias(FunctionName="token-broker", Name="live")
        found = functions.get_function(FunctionName="token-broker", Qualifier=alias["FunctionVersion"])
        concurrency = functions.get_function_concurrency(FunctionName="token-broker")
        policy = functions.get_policy(FunctionName="token-broker", Qualifier="live")["Policy"]
    except functions.exceptions.ResourceNotFoundException:
        return {}
    role = found["Configuration"]["Role"].rpartition("/")[2]
    allowed = running.client("iam").get_role_policy(RoleName=role, PolicyName="broker")["PolicyDocument"]
    return found["Configuration"] | {
        "Alias": alias["AliasArn"],
        "Reserved": concurrency.get("ReservedConcurrentExecutions"),
        "Invokers": json.loads(policy)["Statement"],
        "Allowed": allowed["Statement"],
    }


def bindings(running: cloud.Cloud) -> dict:
    parameters = running.client("ssm")
    try:
        return json.loads(parameters.get_parameter(Name="/token-broker/bindings")["Parameter"]["Value"])
    except parameters.exceptions.ParameterNotFound:
        return {}


def pools(running: cloud.Cloud) -> list[dict]:
    return running.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]


def pool(running: cloud.Cloud, pool_id: str) -> dict:
    cognito = running.client("cognito-idp")
    held = cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    servers = cognito.list_resource_servers(UserPoolId=pool_id, MaxResults=10)["ResourceServers"]
    clients = cognito.list_user_pool_clients(UserPoolId=pool_id, MaxResults=10)["UserPoolClients"]
    described = [
        cognito.describe_user_pool_client(UserPoolId=pool_id, ClientId=client["ClientId"])["UserPoolClient"]
        for client in clients
    ]
    acl = running.client("wafv2").get_web_acl_for_resource(ResourceArn=held["Arn"]).get("WebACL")
    return held | {
        "servers": {server["Identifier"]: {scope["ScopeName"] for scope in server["Scopes"]} for server in servers},
        "clients": {client["ClientName"]: client for client in described},
        "web_acl": acl,
    }


def headers(held: dict) -> dict[str, bytes]:
    """The values of the secret header that the web ACL before the pool lets in, by the names of their rules."""
    rules = [rule for pool in held["pools"] for rule in (pool["web_acl"] or {"Rules": []})["Rules"]]
    matches = {rule["Name"]: rule["Statement"].get("ByteMatchStatement", {"FieldToMatch": {}}) for rule in rules}
    return {name: match["SearchString"] for name, match in matches.items() if "SingleHeader" in match["FieldToMatch"]}


def secrets(life: Whole) -> dict[str, bytes]:
    """Every secret of the whole life, by what it is."""
    found = {"the second secret": SECOND_SECRET.encode()}
    for step, outputs in life.outputs.items():
        held = life.seen[step]
        for pool in held["pools"]:
            for name, client in pool["clients"].items():
                found[f"secret of {name}"] = client["ClientSecret"].encode()
        found |= {f"value of the key {name}": value.encode() for name, value in outputs["api_key_values"].items()}
        found |= {f"value of {name}": value for name, value in headers(held).items()}
    return found


def web_acls(running: cloud.Cloud) -> list[dict]:
    return running.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]
