"""What an operator's days do to a front door: made, changed, rotated, taken back, removed. See life.py for the steps."""

import json
from fnmatch import fnmatchcase

import cloud
import terraform
from conftest import Checker
from life import DEPLOYMENT, EXAMPLE, Life


def test_first_apply_makes_the_six_pieces_and_nothing_else(life: Life) -> None:
    actions = life.actions("make")
    assert all(doing == ["create"] for doing in actions.values())
    kinds = {address.split(".")[2] for address in actions}
    assert kinds == {
        "aws_api_gateway_rest_api",
        "aws_api_gateway_resource",
        "aws_api_gateway_method",
        "aws_api_gateway_integration",
        "aws_lambda_permission",
        "aws_api_gateway_deployment",
        "aws_api_gateway_stage",
        "aws_api_gateway_method_settings",
        "aws_api_gateway_gateway_response",
        "aws_api_gateway_usage_plan",
        "aws_api_gateway_usage_plan_key",
        "aws_api_gateway_api_key",
        "aws_cloudwatch_log_group",
        # Shows in a plan which usage plan each key will be on; nothing of it is on AWS.
        "terraform_data",
    }


def test_server_holds_what_the_definition_says(life: Life) -> None:
    held = life.seen["make"]
    [api] = held["apis"]
    assert (api["name"], api["apiKeySource"]) == ("token-broker-api", "HEADER")
    assert {resource["path"] for resource in held["resources"]} == {"/", "/oauth2", "/oauth2/token"}
    methods = {resource["path"]: set(resource.get("resourceMethods", {})) for resource in held["resources"]}
    assert methods == {"/": set(), "/oauth2": set(), "/oauth2/token": {"POST"}}
    [stage] = held["stages"]
    assert stage["stageName"] == "prod"
    assert set(stage["methodSettings"]) == {"*/*", "~1oauth2~1token/POST"}
    own = stage["methodSettings"]["~1oauth2~1token/POST"]
    assert (own["throttlingRateLimit"], own["throttlingBurstLimit"]) == (100, 200)
    assert not any(setting.get("dataTraceEnabled") for setting in stage["methodSettings"].values())
    [standard] = [plan for plan in held["plans"] if plan["name"] == "standard"]
    assert standard["throttle"] == {"rateLimit": 10, "burstLimit": 20}
    assert standard["apiStages"][0]["throttle"] == {"/oauth2/token/POST": {"rateLimit": 5, "burstLimit": 10}}
    assert standard["quota"]["limit"] == 10000
    assert len(held["responses"]) == 19
    [statement] = held["policy"]
    arn = f"arn:aws:execute-api:{cloud.REGION}:{cloud.ACCOUNT}:{api['id']}/prod/POST/oauth2/token"
    assert statement["Condition"]["ArnLike"] == {"AWS:SourceArn": arn}
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}


def test_changed_limit_changes_the_plan_and_nothing_else(life: Life) -> None:
    assert life.actions("limit") == {'module.rest_api.aws_api_gateway_usage_plan.plan["standard"]': ["update"]}
    [standard] = [plan for plan in life.seen["limit"]["plans"] if plan["name"] == "standard"]
    assert standard["throttle"] == {"rateLimit": 11, "burstLimit": 20}
    # The update takes the stage off the plan and puts it back: the method's own throttle must come back, too.
    assert standard["apiStages"][0]["throttle"] == {"/oauth2/token/POST": {"rateLimit": 5, "burstLimit": 10}}


def test_second_key_comes_beside_the_first(life: Life) -> None:
    assert life.actions("rotate") == {
        'module.rest_api.aws_api_gateway_api_key.client["billing.2"]': ["create"],
        'module.rest_api.aws_api_gateway_usage_plan_key.client["billing.2"]': ["create"],
        'module.rest_api.terraform_data.plan_of_key["billing.2"]': ["create"],
    }
    before, after = life.outputs["limit"], life.outputs["rotate"]
    assert before["api_key_values"].items() < after["api_key_values"].items()
    bound = after["bindings"]["keys"]
    ids = after["api_key_ids"]
    assert (bound[ids["billing"]], bound[ids["billing.2"]]) == ("billing", "billing")
    assert len(set(after["api_key_values"].values())) == len(bound)


def test_old_key_is_switched_off_and_then_removed(life: Life) -> None:
    assert life.actions("switch off") == {'module.rest_api.aws_api_gateway_api_key.client["billing"]': ["update"]}
    enabled = {key["name"]: key["enabled"] for key in life.seen["switch off"]["keys"]}
    assert (enabled["billing"], enabled["billing.2"]) == (False, True)
    removed = life.actions("drop")
    assert set(map(tuple, removed.values())) == {("delete",)}
    assert all(address.endswith('["billing"]') for address in removed)
    assert {key["name"] for key in life.seen["drop"]["keys"]} == {"billing.2", "partner", "reports"}


def test_changed_refusals_are_deployed_again_and_limits_are_not(life: Life) -> None:
    assert DEPLOYMENT in life.actions("stock")
    assert DEPLOYMENT not in life.actions("limit") | life.actions("rotate")
    assert life.seen["stock"]["responses"] == []
    deployed = [life.seen[step]["stages"][0]["deploymentId"] for step in ("make", "drop", "stock", "back")]
    assert deployed[0] == deployed[1] != deployed[2] != deployed[3]


def test_renamed_stage_is_made_with_all_that_belongs_to_it_before_the_old_one_goes(life: Life) -> None:
    actions = life.actions("rename")
    for name in [
        "aws_api_gateway_stage.this",
        "aws_api_gateway_method_settings.every_method",
        "aws_api_gateway_method_settings.post_token[0]",
        "aws_lambda_permission.front_door",
    ]:
        assert actions[f"module.rest_api.{name}"] == ["create", "delete"], name
    [stage] = life.seen["rename"]["stages"]
    [statement] = life.seen["rename"]["policy"]
    assert stage["stageName"] == "live"
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"].endswith("/live/POST/oauth2/token")
    for plan in life.seen["rename"]["plans"]:
        assert [entry["stage"] for entry in plan["apiStages"]] == ["live"]


def test_nothing_is_left_after_destroy(life: Life) -> None:
    left = {kind: held for kind, held in life.seen["destroyed"].items() if held}
    assert left == {}


def test_every_plan_and_every_state_passes_the_check(life: Life, checker: Checker) -> None:
    plans = {name: plan for name, plan in life.plans.items() if name != "stock"}
    assert len(plans) + len(life.states) == 23
    for file in [*plans.values(), *life.states.values()]:
        assert checker.findings(file, "--no-compare") == [], file


def test_refusals_that_are_deployed_before_they_are_taken_away_are_found(life: Life, checker: Checker) -> None:
    [finding] = checker.findings(life.plans["stock"], "--no-compare")
    assert (finding["id"], finding["address"]) == ("TB027", DEPLOYMENT)
    assert f"-replace='{DEPLOYMENT}'" in finding["detail"]


def test_no_key_value_stands_in_what_the_check_prints(life: Life, checker: Checker) -> None:
    values = life.outputs["make"]["api_key_values"].values()
    state = life.states["make"]
    assert all(value in state.read_text() for value in values), "the state has them; README says so"
    for form in ["text", "json", "sarif", "github"]:
        # The definition has other limits by now, so that there is something to say.
        _, printed = checker.run(life.states["limit"], "--config", life.definition, "--format", form)
        assert not any(value in printed for value in values)


def test_documented_iam_policy_allows_what_terraform_asks_for(life: Life) -> None:
    text = (terraform.ROOT / EXAMPLE / "iam-policy.json").read_text()
    for placeholder, value in PLACEHOLDERS.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    statements = json.loads(text)["Statement"]
    allowed = [(action, resource) for one in statements for action in one["Action"] for resource in one["Resource"]]
    # Everybody may ask who they are.
    asked = life.asked - {("sts:GetCallerIdentity", "*")}
    assert len(asked) > 30

    def covers(permission: tuple[str, str], wanted: tuple[str, str]) -> bool:
        return all(fnmatchcase(has, may) for has, may in zip(wanted, permission, strict=True))

    refused = [wanted for wanted in asked if not any(covers(permission, wanted) for permission in allowed)]
    assert refused == []
    # And no more than that, but for what only other inputs of the module need.
    idle = [permission for permission in allowed if not any(covers(permission, wanted) for wanted in asked)]
    assert set(idle) == set()


PLACEHOLDERS = {"REGION": cloud.REGION, "ACCOUNT": cloud.ACCOUNT, "FUNCTION": "token-broker"}
