"""The commands of docs/aws.md, as they stand there: all of it or the front door made, a key rotated, everything removed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cloud
import complete
import package
import pytest
import terraform

DOCUMENT = terraform.ROOT / "docs" / "aws.md"
# API Gateway and the broker would have to answer; what stands in for them here only keeps definitions. Building the package
# takes minutes and is tested by itself.
NOT_HERE = re.compile(r"^(curl|make) ")


def commands(heading: str, block: int = 0) -> list[str]:
    """The commands of a block under a heading, the first unless another is meant."""
    _, _, section = DOCUMENT.read_text().partition(f"\n## {heading}\n")
    section = section.partition("\n## ")[0]
    lines = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)[block].replace("\\\n", " ").splitlines()
    return [line for line in lines if not NOT_HERE.match(line)]


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The sources, and a package where `make lambda` writes one."""
    terraform.copy_of("terraform", tmp_path)
    built = tmp_path / "target" / "lambda" / "arm64" / "broker.zip"
    built.parent.mkdir(parents=True)
    if given := request.config.getoption("--package"):
        shutil.copy(given, built)
    else:
        package.stand_in(tmp_path / complete.EXAMPLE / "token-broker.yaml", built)
    return tmp_path


@pytest.fixture
def environment(
    cli_configuration: dict[str, str], running_cloud: cloud.Cloud, request: pytest.FixtureRequest
) -> dict[str, str]:
    binary = Path(request.config.getoption("--binary")).resolve()
    bare = terraform.bare_environment() | cli_configuration | running_cloud.environment
    return bare | {
        # The AWS CLI is one of these tests' packages.
        "PATH": os.pathsep.join([str(binary.parent), str(Path(sys.executable).parent), bare["PATH"]]),
        "AWS_PAGER": "",
        # Somebody answers `yes`.
        "TF_CLI_ARGS_apply": "-auto-approve",
        "TF_CLI_ARGS_destroy": "-auto-approve",
    }


def test_commands_from_nothing_to_a_token_and_back_work(
    place: Path, environment: dict[str, str], running_cloud: cloud.Cloud
) -> None:
    environment |= {"DOMAIN_PREFIX": "documented", "EXTENSION_LAYER_ARN": running_cloud.make_layer(complete.LAYER)}
    made = commands("From nothing to a token, in ten commands")
    assert len(made) == 8
    rotated = commands("Rotate an API key")
    assert len(rotated) == 7
    shut = commands("Change and take back", block=1)
    assert len(shut) == 1
    run([*made, *rotated, *shut, *commands("In CI"), *commands("Remove everything")], place, environment)
    assert running_cloud.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"] == []
    assert running_cloud.client("apigateway").get_rest_apis()["items"] == []


def test_commands_for_the_front_door_alone_work(
    place: Path, environment: dict[str, str], running_cloud: cloud.Cloud
) -> None:
    environment |= {"FUNCTION_ARN": running_cloud.make_function("documented")}
    made = commands("The front door alone")
    assert len(made) == 9
    run([*made, *commands("Remove everything")], place, environment)
    assert running_cloud.client("apigateway").get_rest_apis()["items"] == []


def run(commands: list[str], place: Path, environment: dict[str, str]) -> None:
    """Types one command after the other, the first ones in the root of the repository."""
    directory = place
    for command in commands:
        if command.startswith("cd "):
            directory /= command.removeprefix("cd ")
            continue
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=terraform.SECONDS,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
        if "api_key_values" in command:
            header = directory / "billing.header"
            assert re.fullmatch(r"x-api-key: [A-Za-z0-9]{40}", header.read_text())
            assert header.stat().st_mode & 0o077 == 0
    assert not (directory / "billing.header").exists()
