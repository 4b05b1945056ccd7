"""The commands of docs/aws.md, as they stand there: the front door made, a key rotated, everything removed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cloud
import pytest
import terraform

DOCUMENT = terraform.ROOT / "docs" / "aws.md"
# API Gateway itself would have to answer; what stands in for it here only keeps definitions.
NEEDS_AWS = re.compile(r"^curl ")


def commands(heading: str, block: int = 0) -> list[str]:
    """The commands of a block under a heading, the first unless another is meant."""
    _, _, section = DOCUMENT.read_text().partition(f"\n## {heading}\n")
    section = section.partition("\n## ")[0]
    lines = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)[block].replace("\\\n", " ").splitlines()
    return [line for line in lines if not NEEDS_AWS.match(line)]


def test_commands_of_the_document_work(
    tmp_path: Path,
    cli_configuration: dict[str, str],
    running_cloud: cloud.Cloud,
    request: pytest.FixtureRequest,
) -> None:
    terraform.copy_of("terraform", tmp_path)
    binary = Path(request.config.getoption("--binary")).resolve()
    environment = terraform.bare_environment() | cli_configuration | running_cloud.environment
    environment |= {
        # The AWS CLI is one of these tests' packages.
        "PATH": os.pathsep.join([str(binary.parent), str(Path(sys.executable).parent), environment["PATH"]]),
        "FUNCTION_ARN": running_cloud.make_function("documented"),
        "AWS_PAGER": "",
        # Somebody answers `yes`.
        "TF_CLI_ARGS_apply": "-auto-approve",
        "TF_CLI_ARGS_destroy": "-auto-approve",
    }
    made = commands("From nothing to the front door, in ten commands")
    assert len(made) == 9
    rotated = commands("Rotate an API key")
    assert len(rotated) == 7
    shut = commands("Change and take back", block=1)
    assert len(shut) == 1
    in_ci = commands("In CI")
    removed = commands("Remove everything")
    directory = tmp_path
    for command in [*made, *rotated, *shut, *in_ci, *removed]:
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
    assert running_cloud.client("apigateway").get_rest_apis()["items"] == []
    assert not (directory / "billing.header").exists()
