"""Every mistake that `token-broker check` has to find, in a plan that the real Terraform made of it, and nothing else.

What stands in findings/ is right; each case makes one thing of it wrong.
"""

from pathlib import Path

import pytest
import terraform
from conftest import Checker

API = "aws_api_gateway_rest_api.tokens"
POST = 'aws_api_gateway_integration.token["POST"]'
EVERY = "aws_api_gateway_method_settings.every[0]"
STAGE = "aws_api_gateway_stage.prod"
PLAN = "aws_api_gateway_usage_plan.standard"
FUNCTION = "aws_lambda_function.broker"
POOL = "aws_cognito_user_pool.machines"
APP_CLIENT = "aws_cognito_user_pool_client.m2m"
ACL = "aws_wafv2_web_acl.broker_only"

# What is wrong, the variables that make it so, and the findings: guardrail and address.
CASES = {
    "other_path": {("TB003", "aws_api_gateway_resource.other[0]")},
    "other_method": {("TB004", 'aws_api_gateway_method.token["GET"]')},
    "http_integration": {("TB005", POST)},
    "cognito_integration": {("TB002", POST), ("TB005", POST)},
    "cognito_service": {("TB002", POST), ("TB005", POST)},
    "mapping": {("TB007", POST)},
    "role": {("TB010", POST)},
    "permission_for_everybody": {("TB008", "aws_lambda_permission.everybody[0]")},
    "permission_for_the_account": {("TB008", "aws_lambda_permission.account_wide[0]")},
    "permission_for_the_api": {("TB008", "aws_lambda_permission.api_wide[0]")},
    "permission_for_the_suffix": {("TB008", "aws_lambda_permission.longer[0]")},
    "permission_for_another_service": {
        ("TB008", "aws_lambda_permission.other_service[0]"),
        ("TB009", "aws_lambda_permission.other_service[0]"),
    },
    "function_url": {("TB010", "aws_lambda_function_url.side_door[0]")},
    "data_trace": {("TB011", EVERY)},
    "key_in_log": {("TB012", STAGE)},
    "body_in_log": {("TB012", STAGE)},
    "caching": {("TB014", EVERY)},
    "cache_cluster": {("TB014", STAGE)},
    "no_identity": {("TB006", 'aws_api_gateway_method.token["POST"]')},
    "no_stage_throttle": {("TB015", STAGE)},
    "settings_without_throttle": {("TB015", EVERY)},
    "looser_endpoint": {("TB016", "aws_api_gateway_method_settings.token")},
    "no_plan_throttle": {("TB017", PLAN)},
    "key_takes_all": {("TB018", PLAN)},
    "key_of_nobody": {("TB021", 'aws_api_gateway_api_key.client["reports"]')},
    "plan_without_keys": {("TB023", "aws_api_gateway_usage_plan.idle[0]")},
    "stock_refusals": {("TB022", API)},
    "stock_throttled": {("TB022", "aws_api_gateway_gateway_response.stock[0]")},
    "secret_in_environment": {("TB001", FUNCTION)},
    "openapi_body": {("TB027", API)},
    "slow_function": {("TB028", FUNCTION)},
    "role_reads_all_parameters": {("TB029", "aws_iam_role_policy.broker")},
    "role_reads_all_secrets": {("TB029", "aws_iam_role_policy.secrets")},
    "role_updates_code": {("TB029", "aws_iam_role_policy.broker")},
    "role_names_the_function": {("TB029", "aws_iam_role_policy.function[0]")},
    "role_of_an_administrator": {("TB029", 'aws_iam_role_policy_attachment.more["AdministratorAccess"]')},
    "role_for_others": {("TB030", "aws_iam_role.broker")},
    "log_for_ever": {("TB031", "aws_cloudwatch_log_group.broker[0]")},
    "no_log_group": {("TB031", FUNCTION)},
    "layer": {("TB032", FUNCTION)},
    "layer_of_another": {("TB032", FUNCTION)},
    "secret_in_parameter": {("TB033", "aws_ssm_parameter.settings")},
    "bindings_with_a_mistake": {("TB034", "aws_ssm_parameter.bindings")},
    "bindings_elsewhere": {("TB034", "aws_ssm_parameter.bindings")},
    "app_client_for_people": {("TB035", APP_CLIENT)},
    "app_client_by_default": {("TB035", "aws_cognito_user_pool_client.more[0]")},
    "sign_up": {("TB036", POOL)},
    "pool_without_protection": {("TB037", POOL)},
    "acl_lets_in": {("TB038", ACL)},
    "acl_lets_in_by_path": {("TB038", ACL)},
    "acl_lets_in_posts": {("TB038", ACL)},
    "header_in_logs": {("TB038", "aws_wafv2_web_acl_logging_configuration.broker_only")},
}
VARIABLES = {
    "shared_key": (
        "shared_value=0123456789abcdefghij0123456789abcdefghij",
        {("TB020", 'aws_api_gateway_api_key.client["reports"]')},
    ),
    "secret_in_variable": (
        "client_secret=51vd2p4k9bqj6t0r8wz3yxnm7ha1cf5e",
        {("TB026", "var.client_secret")},
    ),
}


@pytest.fixture(scope="module")
def front_door(tmp_path_factory: pytest.TempPathFactory, cli_configuration: dict[str, str]) -> terraform.Workspace:
    place = terraform.copy_of("tests/terraform/findings", tmp_path_factory.mktemp("findings"))
    workspace = terraform.Workspace(place, cli_configuration)
    workspace.init()
    return workspace


def found(checker: Checker, plan: Path) -> set[tuple[str, str]]:
    # No definition: the plan stands for itself.
    findings = checker.findings(plan, "--no-compare")
    for finding in findings:
        assert finding["detail"] and finding["reason"] and finding["mend"], finding
    return {(finding["id"], finding["address"]) for finding in findings}


def test_front_door_with_nothing_wrong_passes(front_door: terraform.Workspace, checker: Checker) -> None:
    _, plan = front_door.plan("nothing")
    assert found(checker, plan) == set()


@pytest.mark.parametrize("wrong", CASES)
def test_mistake_is_found_and_nothing_else(front_door: terraform.Workspace, checker: Checker, wrong: str) -> None:
    _, plan = front_door.plan(wrong, f"wrong={wrong}")
    assert found(checker, plan) == CASES[wrong]


def test_key_in_an_output_is_found_and_nothing_else(front_door: terraform.Workspace, checker: Checker) -> None:
    # A file of its own: an output that can hold a key is found whatever it holds this time.
    output = front_door.directory / "output.tf"
    value = 'nonsensitive(aws_api_gateway_api_key.client["billing"].value)'
    output.write_text(f'output "keys" {{\n  value = {value}\n}}\n')
    try:
        _, plan = front_door.plan("key_in_output")
    finally:
        output.unlink()
    assert found(checker, plan) == {("TB025", "output.keys")}


def test_bindings_that_send_elsewhere_are_found_by_where_they_send(
    front_door: terraform.Workspace, checker: Checker
) -> None:
    _, plan = front_door.plan("elsewhere", "wrong=bindings_elsewhere")
    details = [finding["detail"] for finding in checker.findings(plan, "--no-compare")]
    assert any("are sent to `tokens.example.com`" in detail for detail in details), details


@pytest.mark.parametrize("wrong", VARIABLES)
def test_given_secret_is_found_and_not_repeated(
    front_door: terraform.Workspace, checker: Checker, wrong: str
) -> None:
    variable, expected = VARIABLES[wrong]
    _, plan = front_door.plan(wrong, variable)
    assert found(checker, plan) == expected
    secret = variable.partition("=")[2]
    for form in ["text", "json", "sarif", "github"]:
        code, printed = checker.run(plan, "--no-compare", "--format", form)
        assert code == 1
        assert secret not in printed, form
