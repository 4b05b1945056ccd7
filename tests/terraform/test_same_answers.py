"""One definition, two homes, the same answers: what Rust makes of token-broker.yaml, and what Terraform plans of it.

`token-broker check` compiles the definition to the API's objects and holds them against the objects in the plan or the
state, field by field. Here both come from one file, so that nothing may differ; then each part is changed on one side,
so that exactly that must differ. It is about definitions, not about timing.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Checker
from life import Life

DIFFERENT = "TB024"


@pytest.fixture(scope="module")
def definition(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definition as it was when the front door was made."""
    file = tmp_path_factory.mktemp("same") / "token-broker.yaml"
    file.write_text(life.definition.read_text())
    return file


def test_first_plan_says_what_the_definition_says(life: Life, definition: Path, checker: Checker) -> None:
    assert checker.findings(life.plans["make"], "--config", definition) == []


def test_state_says_what_the_definition_says(life: Life, definition: Path, checker: Checker) -> None:
    assert checker.findings(life.states["make"], "--config", definition) == []
    assert checker.findings(life.states["back"], "--config", definition) == []


def test_plan_of_another_definition_differs_in_that_alone(
    life: Life, definition: Path, checker: Checker
) -> None:
    found = checker.findings(life.plans["limit"], "--config", definition)
    assert [finding["id"] for finding in found] == [DIFFERENT]
    assert found[0]["address"] == 'module.rest_api.aws_api_gateway_usage_plan.plan["standard"]'


# A change of the definition, and what must differ from the state: the parts of an object's place.
DEFINED = {
    "name": (("name: token-broker-api", "name: other-api"), "name"),
    "description": (("description: Token endpoint", "description: Endpoint"), "description"),
    "stage rate": (("rate: 200,", "rate: 201,"), "throttlingRateLimit"),
    "stage burst": (("burst: 400 }", "burst: 401 }"), "throttlingBurstLimit"),
    "method rate": (("rate: 100,", "rate: 99,"), "throttlingRateLimit"),
    "plan burst": (("rate: 10, burst: 20", "rate: 10, burst: 21"), "burstLimit"),
    "plan's method": (("rate: 5,", "rate: 4,"), "rateLimit"),
    "quota": (("limit: 10000", "limit: 10001"), "quota/limit"),
    "period": (("period: day", "period: week"), "quota/period"),
    "stage": (("stage: prod", "stage: live"), "stages"),
    "refusals": (("gateway_responses: oauth", "gateway_responses: aws"), "gatewayResponses"),
    "client's plan": (("plan: partner\n", "plan: standard\n"), "usagePlan/"),
}


@pytest.mark.parametrize("part", DEFINED)
def test_change_of_the_definition_is_a_difference(
    life: Life, definition: Path, checker: Checker, tmp_path: Path, part: str
) -> None:
    (old, new), place = DEFINED[part]
    text = definition.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the definition"
    changed = tmp_path / "token-broker.yaml"
    changed.write_text(text.replace(old, new))
    found = checker.findings(life.states["make"], "--config", changed)
    different = [finding for finding in found if finding["id"] == DIFFERENT]
    assert different and any(place in finding["place"] for finding in different), found


def test_client_without_a_key_is_a_difference(
    life: Life, definition: Path, checker: Checker, tmp_path: Path
) -> None:
    changed = tmp_path / "token-broker.yaml"
    client = "clients:\n  newcomer:\n    plan: standard\n    scopes: [orders/read]\n"
    changed.write_text(definition.read_text().replace("clients:\n", client, 1))
    found = checker.findings(life.states["make"], "--config", changed)
    assert any(finding["id"] == DIFFERENT and "newcomer" in finding["detail"] + finding["place"] for finding in found)


# What is changed in the state that Terraform wrote, and where the difference must be seen.
BUILT: dict[str, tuple[str, Callable[[dict], object]]] = {
    "aws_api_gateway_resource": ("resources", lambda values: values.update(path_part="tokens", path="/tokens")),
    "aws_api_gateway_method": ("apiKeyRequired", lambda values: values.update(api_key_required=False)),
    "aws_api_gateway_integration": ("passthroughBehavior", lambda values: values.update(passthrough_behavior="NEVER")),
    "aws_lambda_permission": (
        "sourceArn",
        lambda values: values.update(source_arn=values["source_arn"].replace("/prod/", "/test/")),
    ),
    "aws_api_gateway_method_settings": (
        "throttlingBurstLimit",
        lambda values: values["settings"][0].update(throttling_burst_limit=199),
    ),
    "aws_api_gateway_gateway_response": ("statusCode", lambda values: values.update(status_code="418")),
    "aws_api_gateway_usage_plan": ("burstLimit", lambda values: values["throttle_settings"][0].update(burst_limit=3)),
    "aws_api_gateway_api_key": ("apiKeys", lambda values: values.update(enabled=False)),
    "aws_api_gateway_rest_api": ("apiKeySource", lambda values: values.update(api_key_source="AUTHORIZER")),
    "aws_api_gateway_stage": (
        "accessLogSettings",
        lambda values: values["access_log_settings"][0].update(format="$context.requestId"),
    ),
}


@pytest.mark.parametrize("kind", BUILT)
def test_change_of_what_was_built_is_a_difference(
    life: Life, definition: Path, checker: Checker, tmp_path: Path, kind: str
) -> None:
    place, change = BUILT[kind]
    state = copy.deepcopy(json.loads(life.states["make"].read_text()))
    of_kind = [resource for resource in resources(state["values"]["root_module"]) if resource["type"] == kind]
    change(of_kind[-1]["values"])
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state))
    found = checker.findings(file, "--config", definition)
    different = [finding for finding in found if finding["id"] == DIFFERENT]
    assert different and any(place in finding["place"] for finding in different), found


def test_missing_resource_is_a_difference(
    life: Life, definition: Path, checker: Checker, tmp_path: Path
) -> None:
    """Each resource of the state taken away, one at a time: nothing that the definition makes can be missing."""
    whole = json.loads(life.states["make"].read_text())
    for resource in list(resources(whole["values"]["root_module"])):
        if resource["type"] in NOT_COMPARED:
            continue
        state = copy.deepcopy(whole)
        remove(state["values"]["root_module"], resource["address"])
        file = tmp_path / "state.json"
        file.write_text(json.dumps(state))
        assert checker.findings(file, "--config", definition), f"nobody misses {resource['address']}"


# Where logs lie is a matter of the home; the format of what lies there is compared. terraform_data is nothing on AWS.
NOT_COMPARED = {"aws_cloudwatch_log_group", "terraform_data"}


def resources(module: dict) -> Iterator[dict]:
    yield from (resource for resource in module.get("resources", []) if resource["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from resources(child)


def remove(module: dict, address: str) -> None:
    module["resources"] = [one for one in module.get("resources", []) if one["address"] != address]
    for child in module.get("child_modules", []):
        remove(child, address)
