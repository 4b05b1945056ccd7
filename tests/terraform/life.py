"""The life of one front door: the example from nothing to nothing, in the order of an operator's days.

What each step leaves (plans, the state, the server's own answers) is looked at by several tests. The server is moto;
cloud.py says what is mended in it. It keeps definitions: whether API Gateway also acts by them is not shown here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cloud
import terraform

EXAMPLE = Path("terraform/examples/rest-api-only")
DEPLOYMENT = "module.rest_api.aws_api_gateway_deployment.this"


@dataclass
class Life:
    """What an example leaves behind it, step by step."""

    workspace: terraform.Workspace
    definition: Path
    look: Callable[[], dict]
    plans: dict[str, Path] = field(default_factory=dict)
    states: dict[str, Path] = field(default_factory=dict)
    outputs: dict[str, dict] = field(default_factory=dict)
    seen: dict[str, dict] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)

    def step(self, name: str, *variables: str) -> None:
        """Plans and applies; then nothing must be left to do."""
        _, self.plans[name] = self.workspace.plan(name, *variables)
        self.workspace.apply(name)
        self.workspace.look()
        self.states[name] = self.workspace.show(f"{name}.state.json")
        self.outputs[name] = self.workspace.outputs()
        self.seen[name] = self.look()
        again, self.plans[f"{name} again"] = self.workspace.plan(f"{name}-again", *variables)
        assert not again, self.actions(f"{name} again")

    def actions(self, step: str) -> dict[str, list[str]]:
        """What the plan of a step does to which resource, without those that it leaves as they are."""
        changes = json.loads(self.plans[step].read_text()).get("resource_changes", [])
        actions = {change["address"]: change["change"]["actions"] for change in changes}
        return {address: doing for address, doing in actions.items() if doing not in (["no-op"], ["read"])}


def live(place: Path, cli_configuration: dict[str, str], running_cloud: cloud.Cloud) -> Life:
    """Makes the front door, changes it, and removes it."""
    running_cloud.asked.clear()
    terraform.copy_of("terraform", place)
    directory = place / EXAMPLE
    workspace = terraform.Workspace(directory, cli_configuration | running_cloud.environment)
    function = running_cloud.make_function("token-broker")
    (directory / "terraform.tfvars.json").write_text(json.dumps({"function_arn": function}))
    life = Life(workspace, directory / "token-broker.yaml", lambda: seen(running_cloud))
    workspace.init()
    step = life.step
    step("make")
    edit(life.definition, "rate: 10, burst: 20", "rate: 11, burst: 20")
    step("limit")
    both_keys = 'keys={"billing":{"billing":{},"billing.2":{}}}'
    step("rotate", both_keys)
    step("switch off", 'keys={"billing":{"billing":{"enabled":false},"billing.2":{}}}')
    step("drop", 'keys={"billing":{"billing.2":{}}}')
    edit(life.definition, "gateway_responses: oauth", "gateway_responses: aws")
    step("stock")
    edit(life.definition, "stage: prod", "stage: live")
    step("rename")
    edit(life.definition, "stage: live", "stage: prod")
    edit(life.definition, "gateway_responses: aws", "gateway_responses: oauth")
    edit(life.definition, "rate: 11, burst: 20", "rate: 10, burst: 20")
    step("back")
    workspace.destroy()
    life.seen["destroyed"] = seen(running_cloud)
    life.asked = set(running_cloud.asked)
    return life


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new))


def seen(running: cloud.Cloud) -> dict:
    """What the server holds, as the AWS SDK reads it."""
    gateway, functions = running.client("apigateway"), running.client("lambda")
    apis = gateway.get_rest_apis()["items"]
    held = {"apis": apis, "plans": gateway.get_usage_plans()["items"], "keys": gateway.get_api_keys()["items"]}
    held["log_groups"] = running.client("logs").describe_log_groups()["logGroups"]
    try:
        held["policy"] = json.loads(functions.get_policy(FunctionName="token-broker")["Policy"])["Statement"]
    except functions.exceptions.ResourceNotFoundException:
        held["policy"] = []
    for api in apis:
        held["stages"] = gateway.get_stages(restApiId=api["id"])["item"]
        held["resources"] = gateway.get_resources(restApiId=api["id"], embed=["methods"])["items"]
        held["responses"] = gateway.get_gateway_responses(restApiId=api["id"])["items"]
    return held
