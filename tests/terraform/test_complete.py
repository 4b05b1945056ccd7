"""Front door, broker and user pool out of one definition: made, changed, removed. See complete.py for the steps."""

import base64
import hashlib
import io
import json
import re
import shutil
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import cloud
import complete
import pytest
import terraform
import traces
from complete import EXAMPLE, SECOND_SECRET, Whole, header, m2m
from conftest import Checker
from life import edit

STEPS = ["make", "key", "release", "count", "shut", "turn", "turned", "open", "unprotect"]
# Those with a web ACL before the pool.
WITH_HEADER = {"count", "shut", "turn", "turned", "unprotect"}
BINDINGS = "module.broker.aws_ssm_parameter.bindings[0]"
APP_CLIENT = 'module.user_pool.aws_cognito_user_pool_client.this["{}"]'
INTEGRATION = "module.rest_api.aws_api_gateway_integration.function"
PERMISSION = "module.rest_api.aws_lambda_permission.front_door"


def test_three_parts_are_made_in_one_apply(whole: Whole) -> None:
    actions = whole.actions("make")
    assert set(map(tuple, actions.values())) == {("create",)}
    assert {address.split(".")[1] for address in actions} == {"user_pool", "broker", "rest_api"}


def test_function_is_what_was_asked_for(whole: Whole) -> None:
    made = whole.seen["make"]["function"]
    assert made["Layers"][0]["Arn"].split(":")[4] == cloud.AWS_ACCOUNT != cloud.ACCOUNT
    assert (made["Runtime"], made["Handler"], made["Architectures"]) == ("provided.al2023", "bootstrap", ["arm64"])
    assert made["Timeout"] < 29
    assert made["Reserved"] == 10
    assert made["TracingConfig"]["Mode"] == "PassThrough"
    assert [layer["Arn"].split(":")[6] for layer in made["Layers"]] == ["AWS-Parameters-and-Secrets-Lambda-Extension-Arm64"]
    assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/token-broker"}
    [group] = whole.seen["make"]["log_groups"]
    assert group["retentionInDays"] == 365


def test_front_door_alone_may_invoke_and_the_alias_alone(whole: Whole) -> None:
    made = whole.seen["make"]
    [api] = made["apis"]
    [statement] = made["function"]["Invokers"]
    arn = f"arn:aws:execute-api:{cloud.REGION}:{cloud.ACCOUNT}:{api['id']}/prod/POST/oauth2/token"
    assert statement["Condition"]["ArnLike"] == {"AWS:SourceArn": arn}
    assert made["function"]["Alias"].endswith(":function:token-broker:live")


@pytest.mark.parametrize("step", STEPS)
def test_role_may_read_exactly_what_the_bindings_name(whole: Whole, step: str) -> None:
    held = whole.seen[step]
    allowed = {action: set(one["Resource"]) for one in held["function"]["Allowed"] for action in one["Action"]}
    assert set(allowed) == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "ssm:GetParameter",
    }
    assert allowed["secretsmanager:GetSecretValue"] == {secret["ARN"] for secret in held["secrets"]}
    assert len(held["secrets"]) == (3 if step in WITH_HEADER else 2)
    assert allowed["ssm:GetParameter"] == {f"arn:aws:ssm:{cloud.REGION}:{cloud.ACCOUNT}:parameter/token-broker/bindings"}
    logs = f"arn:aws:logs:{cloud.REGION}:{cloud.ACCOUNT}:log-group:/aws/lambda/token-broker:*"
    assert allowed["logs:PutLogEvents"] == allowed["logs:CreateLogStream"] == {logs}


@pytest.mark.parametrize("step", STEPS)
def test_bindings_say_where_to_ask_and_where_secrets_lie(whole: Whole, step: str) -> None:
    document = whole.seen[step]["bindings"]
    upstream = document["upstream"]
    assert upstream["token_endpoint"] == f"https://example-tokens.auth.{cloud.REGION}.amazoncognito.com/oauth2/token"
    assert set(upstream) == {"token_endpoint"} | ({"header"} if step in WITH_HEADER else set())
    references = [app_client["secret"] for app_client in document["app_clients"].values()]
    if "header" in upstream:
        assert set(upstream["header"]) == {"name", "value"}
        references.append(upstream["header"]["value"])
    place = rf"secretsmanager:arn:aws:secretsmanager:{cloud.REGION}:{cloud.ACCOUNT}:secret:[!-~]+"
    assert all(re.fullmatch(place, reference) for reference in references)
    assert whole.seen[step]["function"]["Environment"]["Variables"]["TOKEN_BROKER_BINDINGS"] == "ssm:/token-broker/bindings"


@pytest.mark.parametrize("mistake", ["unknown member", "missing key", "no JSON"])
@pytest.mark.parametrize("step", STEPS)
def test_bindings_are_read_as_the_broker_reads_them(
    whole: Whole, checker: Checker, tmp_path: Path, step: str, mistake: str
) -> None:
    """The check reads them with the broker's own parser: as they are it finds nothing (below), and any mistake in them."""
    state = json.loads(whole.states[step].read_text())
    [values] = [found["values"] for found in resources(state["values"]["root_module"]) if found["address"] == BINDINGS]
    document = json.loads(values["insecure_value"])
    assert document == whole.seen[step]["bindings"]
    if mistake == "unknown member":
        document["upstream"]["region"] = cloud.REGION
    else:
        document["keys"].popitem()
    values["insecure_value"] = "{" if mistake == "no JSON" else json.dumps(document)
    (tmp_path / "state.json").write_text(json.dumps(state))
    expected = {("TB034", BINDINGS)} | PASSING.get(step, set())
    assert ids(checker.findings(tmp_path / "state.json", "--no-compare")) == expected


@pytest.mark.parametrize("step", STEPS)
def test_bindings_say_what_is_there(whole: Whole, step: str) -> None:
    held, outputs = whole.seen[step], whole.outputs[step]
    [pool] = held["pools"]
    ids = {name: app_client["client_id"] for name, app_client in held["bindings"]["app_clients"].items()}
    assert ids == {name.removeprefix("token-broker-"): made["ClientId"] for name, made in pool["clients"].items()}
    named = {key: name.partition(".")[0] for name, key in outputs["api_key_ids"].items()}
    assert held["bindings"]["keys"] == named


def test_app_clients_have_the_scopes_of_their_clients(whole: Whole) -> None:
    [pool] = whole.seen["make"]["pools"]
    assert pool["servers"] == {"orders": {"read", "write"}, "invoices": {"read"}}
    scopes = {name: set(client["AllowedOAuthScopes"]) for name, client in pool["clients"].items()}
    assert scopes == {
        "token-broker-m2m": {"orders/read", "orders/write", "invoices/read"},
        "token-broker-partner": {"invoices/read"},
    }
    assert pool["clients"]["token-broker-partner"]["AccessTokenValidity"] == 900
    for client in pool["clients"].values():
        assert client["AllowedOAuthFlows"] == ["client_credentials"]
        assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["DeletionProtection"] == "ACTIVE"


def test_secret_lies_where_the_broker_is_told(whole: Whole) -> None:
    [pool] = whole.seen["make"]["pools"]
    assert whole.entries["made"] == pool["clients"]["token-broker-m2m"]["ClientSecret"]


def test_second_secret_that_an_operator_adds_stays(whole: Whole) -> None:
    assert whole.entries["rotating"].splitlines() == [whole.entries["made"], SECOND_SECRET]
    assert whole.entries["rotated"] == SECOND_SECRET


def test_new_key_is_bound_and_the_function_stays(whole: Whole) -> None:
    actions = whole.actions("key")
    assert actions.pop(BINDINGS) == ["update"]
    assert set(map(tuple, actions.values())) == {("create",)}
    assert all(address.endswith('["billing.2"]') for address in actions)
    before, after = whole.seen["make"]["function"], whole.seen["key"]["function"]
    assert before["Version"] == after["Version"]


def test_what_was_built_is_what_is_deployed(whole: Whole) -> None:
    for step in ("make", "release"):
        digest = base64.b64encode(hashlib.sha256(whole.packages[step]).digest()).decode()
        assert whole.seen[step]["function"]["CodeSha256"] == digest, step
    assert whole.seen["make"]["function"]["CodeSize"] == len(whole.packages["make"])


@pytest.mark.parametrize("step", STEPS)
def test_function_is_told_which_definition_its_package_must_have(whole: Whole, step: str) -> None:
    package = whole.packages["release" if STEPS.index(step) >= STEPS.index("release") else "make"]
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        packaged = hashlib.sha256(archive.read("token-broker.yaml")).hexdigest()
    assert whole.seen[step]["function"]["Environment"]["Variables"]["TOKEN_BROKER_DEFINITION_SHA256"] == packaged


def test_release_is_a_new_version_and_what_the_definition_needs(whole: Whole) -> None:
    changed = [
        "module.broker.aws_lambda_function.this",
        "module.broker.aws_lambda_alias.live",
        'module.user_pool.aws_cognito_resource_server.this["orders"]',
        'module.user_pool.aws_cognito_user_pool_client.this["m2m"]',
    ]
    assert whole.actions("release") == dict.fromkeys(changed, ["update"])
    before, after = whole.seen["key"], whole.seen["release"]
    assert before["function"]["Version"] != after["function"]["Version"]
    assert before["function"]["CodeSha256"] != after["function"]["CodeSha256"]
    assert after["function"]["CodeSha256"] == whole.outputs["release"]["package_sha256"]
    assert after["function"]["Layers"][0]["Arn"].endswith(":2")
    [pool] = after["pools"]
    assert pool["servers"]["orders"] == {"read", "write", "close"}
    assert "orders/close" in pool["clients"]["token-broker-m2m"]["AllowedOAuthScopes"]


def test_pool_is_shut_to_all_but_the_broker(whole: Whole) -> None:
    [pool] = whole.seen["shut"]["pools"]
    acl = pool["web_acl"]
    assert acl["DefaultAction"] == {"Block": {}}
    statements = {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}
    assert set(statements) == {"header-1", "published"}
    by_header = statements["header-1"]["ByteMatchStatement"]
    assert by_header["FieldToMatch"] == {"SingleHeader": {"Name": "x-token-broker-origin"}}
    assert by_header["PositionalConstraint"] == "EXACTLY"
    assert re.fullmatch(rb"[0-9a-f]{64}", by_header["SearchString"])
    assert whole.seen["make"]["pools"][0]["web_acl"] is None


@pytest.mark.parametrize(
    ("method", "path", "is_let_in"),
    [
        ("GET", "/eu-central-1_AbCdEfGhI/.well-known/jwks.json", True),
        ("GET", "/eu-central-1_AbCdEfGhI/.well-known/openid-configuration", True),
        ("POST", "/eu-central-1_AbCdEfGhI/.well-known/jwks.json", False),
        ("get", "/eu-central-1_AbCdEfGhI/.well-known/jwks.json", False),
        ("GET", "/oauth2/token/.well-known/jwks.json", False),
        ("GET", "/a/eu-central-1_AbCdEfGhI/.well-known/jwks.json", False),
        ("GET", "/eu-central-1_AbCdEfGhI/xwell-known/jwks.json", False),
        ("GET", "/eu-central-1_AbCdEfGhI/.well-known/jwksxjson", False),
        ("GET", "/eu-central-1_AbCdEfGhI/.well-known/jwks.json/", False),
        ("GET", "/.well-known/jwks.json", False),
        ("GET", "/oauth2/token", False),
    ],
)
def test_web_acl_lets_everybody_read_what_tokens_are_verified_by(
    whole: Whole, method: str, path: str, is_let_in: bool
) -> None:
    [pool] = whole.seen["shut"]["pools"]
    [rule] = [rule for rule in pool["web_acl"]["Rules"] if rule["Name"] == "published"]
    of_method, of_path = [next(iter(one.values())) for one in rule["Statement"]["AndStatement"]["Statements"]]
    assert (of_method["FieldToMatch"], of_method["PositionalConstraint"]) == ({"Method": {}}, "EXACTLY")
    assert of_path["FieldToMatch"] == {"UriPath": {}}
    matches = method.encode() == of_method["SearchString"] and re.search(of_path["RegexString"], path)
    assert bool(matches) == is_let_in


def test_web_acl_lets_everybody_in_until_the_broker_knows_the_header(whole: Whole) -> None:
    counting, shut = whole.seen["count"], whole.seen["shut"]
    [pool] = counting["pools"]
    assert pool["web_acl"]["DefaultAction"] == {"Allow": {}}
    # What the broker is told and what is let in is the same before and after: shutting changes one action.
    assert counting["bindings"] == shut["bindings"]
    assert complete.headers(counting) == complete.headers(shut)
    assert whole.actions("shut") == {"module.user_pool.aws_wafv2_web_acl.origin[0]": ["update"]}
    [entry] = complete.headers(shut).values()
    assert whole.entries["header"].encode() == entry


def test_header_is_rotated_without_shutting_the_broker_out(whole: Whole) -> None:
    first, both, second = (complete.headers(whole.seen[step]) for step in ("shut", "turn", "turned"))
    assert set(both) == {"header-1", "header-2"}
    assert len(set(both.values())) == 2
    assert first == {"header-1": both["header-1"]}
    assert second == {"header-2": both["header-2"]}
    assert header(whole, "shut") == header(whole, "turn") == header(whole, "turned")
    assert whole.entries["turned header"].encode() == both["header-2"]


def test_rule_of_a_header_stays_where_it_is(whole: Whole) -> None:
    def priorities(step: str) -> dict[str, int]:
        rules = whole.seen[step]["pools"][0]["web_acl"]["Rules"]
        assert len({rule["Priority"] for rule in rules}) == len(rules)
        return {rule["Name"]: rule["Priority"] for rule in rules}

    turning = priorities("turn")
    assert priorities("shut").items() < turning.items() > priorities("turned").items()


def test_no_secret_is_printed_but_keys_by_one_attribute_of_the_provider(whole: Whole, tmp_path: Path) -> None:
    used = complete.secrets(whole)
    assert {name.partition(" ")[0] for name in used} == {"the", "secret", "value"}
    assert {name for name in used if "header" in name} == {f"value of header-{name}" for name in "123"}
    assert len(set(used.values())) == len(used) >= 10
    said = {file.stem.partition("-")[2] for file in whole.workspace.said.iterdir()}
    applied = {f"apply-{step}.tfplan" for step in STEPS}
    assert said >= {"init", "plan", "show", "output", "show-destroy.tfplan", "destroy"} | applied
    # What is blanked is what docs/aws.md warns of. If the provider comes to call it sensitive, that goes, and this with it.
    warned = set()
    for file in whole.workspace.said.iterdir():
        rest, count = VALUE_OF_KEY_ON_PLAN.subn(r"\1(blanked)", file.read_text())
        (tmp_path / file.name).write_text(rest)
        warned |= {file.stem.partition("-")[2]} if count else set()
    assert warned == {"show", "plan", "show-destroy.tfplan", "destroy"}
    assert traces.find(used, tmp_path, but=[]) == []
    # The plans that show keys are those that take them off their plan: here the last one alone.
    plans = [file for file in sorted(whole.workspace.said.iterdir()) if file.stem.endswith("-plan")]
    assert [file for file in plans if VALUE_OF_KEY_ON_PLAN.search(file.read_text())] == plans[-1:]


# resource "aws_api_gateway_usage_plan_key" "client" { … value = "…" … }
VALUE_OF_KEY_ON_PLAN = re.compile(r'(resource "aws_api_gateway_usage_plan_key" "client" \{[^}]*?\bvalue +=) "[^"]+"')


def test_instances_are_reserved_until_they_are_not(whole: Whole) -> None:
    assert [whole.seen[step]["function"]["Reserved"] for step in ("turned", "open")] == [10, None]


def test_nothing_is_left_after_destroy(whole: Whole) -> None:
    left = {kind: held for kind, held in whole.seen["destroyed"].items() if held}
    assert left == {}


@pytest.mark.parametrize("step", STEPS)
def test_no_secret_stands_in_an_output_or_a_second_time_in_the_state(whole: Whole, step: str) -> None:
    [pool] = whole.seen[step]["pools"]
    state = json.loads(whole.states[step].read_text())
    outputs = state["values"]["outputs"]
    for client in pool["clients"].values():
        assert client["ClientSecret"] not in json.dumps(outputs)
        # README.md says that the state has it: as the attribute of the app client, and nowhere else.
        assert places(state["values"]["root_module"], client["ClientSecret"]) == {"aws_cognito_user_pool_client"}
    for value in complete.headers(whole.seen[step]).values():
        assert value.decode() not in json.dumps(outputs)
        assert places(state["values"]["root_module"], value.decode()) == {"aws_ssm_parameter", "aws_wafv2_web_acl"}
    assert SECOND_SECRET not in json.dumps(state)
    assert [name for name, output in outputs.items() if output["sensitive"]] == ["api_key_values"]


def places(module: dict, text: str) -> set[str]:
    return {resource["type"] for resource in resources(module) if text in json.dumps(resource["values"])}


def resources(module: dict) -> list[dict]:
    below = [resource for child in module.get("child_modules", []) for resource in resources(child)]
    return [*module.get("resources", []), *below]


def ids(findings: list[dict]) -> set[tuple[str, str]]:
    return {(finding["id"], finding["address"]) for finding in findings}


# Whoever is about to remove the pool takes the protection off first, and is told.
# Whoever puts a web ACL before the pool lets everybody in for ten minutes, and is told.
PASSING = {
    "unprotect": {("TB037", "module.user_pool.aws_cognito_user_pool.this")},
    "count": {("TB038", "module.user_pool.aws_wafv2_web_acl.origin[0]")},
}


@pytest.mark.parametrize("step", STEPS)
def test_plans_and_state_pass_the_check(whole: Whole, checker: Checker, step: str) -> None:
    for file in [whole.plans[step], whole.plans[f"{step} again"], whole.states[step]]:
        assert ids(checker.findings(file, "--no-compare")) == PASSING.get(step, set()), file


def test_plan_and_state_say_what_the_definition_says(whole: Whole, checker: Checker) -> None:
    definition = terraform.ROOT / EXAMPLE / "token-broker.yaml"
    assert checker.findings(whole.plans["make"], "--config", definition) == []
    assert checker.findings(whole.states["make"], "--config", definition) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("total_timeout: 12s", "total_timeout: 20s", {("TB028", "module.broker.aws_lambda_function.this")}),
        ("token_validity: 15m", "token_validity: 20m", {("TB024", APP_CLIENT.format("partner"))}),
        ("scopes: [orders/read, orders/write] ", "scopes: [orders/read] ", {("TB024", APP_CLIENT.format("m2m"))}),
        ("region: eu-central-1", "region: us-west-2", {("TB024", ""), ("TB024", INTEGRATION), ("TB024", PERMISSION)}),
    ],
)
@pytest.mark.parametrize("kind", ["plan", "state"])
def test_broker_and_pool_are_held_against_the_definition(
    whole: Whole, checker: Checker, tmp_path: Path, kind: str, old: str, new: str, found: set
) -> None:
    definition = Path(shutil.copy(terraform.ROOT / EXAMPLE / "token-broker.yaml", tmp_path))
    edit(definition, old, new)
    file = whole.plans["make"] if kind == "plan" else whole.states["make"]
    assert ids(checker.findings(file, "--config", definition)) == found


def test_documented_iam_policy_allows_what_terraform_asks_for(whole: Whole) -> None:
    text = (terraform.ROOT / EXAMPLE / "iam-policy.json").read_text()
    # The longer name first: the other one is its end.
    for placeholder, value in {"EXTENSION_ACCOUNT": cloud.AWS_ACCOUNT, "REGION": cloud.REGION, "ACCOUNT": cloud.ACCOUNT}.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    statements = json.loads(text)["Statement"]
    # The most that a managed policy holds, which is counted without spaces.
    assert len(json.dumps(json.loads(text), separators=(",", ":"))) <= 6144
    allowed = [(action, resource) for one in statements for action in one["Action"] for resource in one["Resource"]]
    # Everybody may ask who they are.
    asked = whole.asked - {("sts:GetCallerIdentity", "*")}
    assert len(asked) > 100

    def covers(permission: tuple[str, str], wanted: tuple[str, str]) -> bool:
        return all(fnmatchcase(has, may) for has, may in zip(wanted, permission, strict=True))

    refused = [wanted for wanted in asked if not any(covers(permission, wanted) for permission in allowed)]
    assert refused == []
    used = {action for action, resource in allowed if any(covers((action, resource), wanted) for wanted in asked)}
    assert {action for action, _ in allowed} - used == BESIDE_THE_CALL


# AWS checks these beside the action that is called, by its documentation; the server here checks nothing.
BESIDE_THE_CALL = {"iam:PassRole", "lambda:GetLayerVersion", "cognito-idp:AssociateWebACL", "cognito-idp:DisassociateWebACL"}
