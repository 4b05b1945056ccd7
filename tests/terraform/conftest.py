"""What the tests share: Terraform with its provider, the built `token-broker`, and a server that speaks the AWS API."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cloud
import complete
import life as lives
import pytest
import terraform
from package import Packager

# Where all the suites have their search for secrets.
sys.path.append(str(terraform.ROOT / "tests" / "clients"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--binary", required=True, help="the built token-broker")
    parser.addoption("--aws-binary", help="one that has the AWS SDK, for the tests that invoke functions on AWS")
    parser.addoption("--package", help="the package that `examples/complete` deploys; without it, a stand-in")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whose life several tests look at is lived once, by one worker; what stands alone goes to whoever is free."""
    for item in items:
        shared = [name for name in ("life", "whole") if name in getattr(item, "fixturenames", ())]
        for name in shared:
            item.add_marker(pytest.mark.xdist_group(name))


@dataclass(frozen=True)
class Checker:
    """`token-broker check`, as somebody types it."""

    binary: Path

    def run(self, *arguments: str | Path) -> tuple[int, str]:
        """The exit code, and what it printed."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith("TOKEN_BROKER_")}
        ended = subprocess.run(
            [self.binary, "check", *arguments], capture_output=True, text=True, env=bare, timeout=60
        )
        assert ended.returncode in (0, 1), f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.returncode, ended.stdout

    def findings(self, *arguments: str | Path) -> list[dict]:
        """What it finds. The exit code must say the same."""
        code, printed = self.run(*arguments, "--format", "json")
        found = json.loads(printed)["findings"]
        assert bool(found) == (code == 1), printed
        return found


@pytest.fixture(scope="session")
def checker(request: pytest.FixtureRequest) -> Checker:
    return Checker(Path(request.config.getoption("--binary")).resolve())


@pytest.fixture(scope="session")
def cli_configuration(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    file = terraform.write_cli_configuration(tmp_path_factory.mktemp("terraform-cli"))
    return {"TF_CLI_CONFIG_FILE": str(file)}


@pytest.fixture(scope="session")
def running_cloud() -> Iterator[cloud.Cloud]:
    with cloud.running() as running:
        yield running


@pytest.fixture(scope="session")
def life(
    tmp_path_factory: pytest.TempPathFactory, cli_configuration: dict[str, str], running_cloud: cloud.Cloud
) -> lives.Life:
    return lives.live(tmp_path_factory.mktemp("life"), cli_configuration, running_cloud)


@pytest.fixture(scope="session")
def whole(
    request: pytest.FixtureRequest,
    checker: Checker,
    tmp_path_factory: pytest.TempPathFactory,
    cli_configuration: dict[str, str],
    running_cloud: cloud.Cloud,
) -> complete.Whole:
    given = request.config.getoption("--package")
    packager = Packager(checker.binary, Path(given).resolve() if given else None)
    return complete.live(tmp_path_factory.mktemp("whole"), cli_configuration, running_cloud, packager)


# The server would log every request of every plan.
logging.getLogger("werkzeug").setLevel(logging.ERROR)
