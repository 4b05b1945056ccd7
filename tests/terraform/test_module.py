"""Modules and examples by themselves: `terraform test` with a mocked provider, and whether those runs cover every refusal."""

import re
from pathlib import Path

import pytest
import terraform

# Where, and how many runs there are at the least: a file that is not found has none.
ROOTS = {
    "terraform/modules/rest-api": 100,
    "terraform/modules/broker": 60,
    "terraform/modules/user-pool": 45,
    "terraform/examples/rest-api-only": 5,
    "terraform/examples/complete": 5,
}
# A condition begins with a comment that is the name of the run in which it fails; what follows `__` in a run's name tells
# several ways to fail it apart.
CONDITION = re.compile(r"(?:validation|precondition|postcondition) \{\n(\s*# (\w+)\n)?")
RUN = re.compile(r'^run "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("root", ROOTS)
def test_every_refusal_has_a_run_that_fails_for_it(root: str) -> None:
    directory = terraform.ROOT / root
    sources = "\n".join(file.read_text() for file in sorted(directory.glob("*.tf")))
    conditions = [name for _, name in CONDITION.findall(sources)]
    assert conditions
    assert "" not in conditions, "a condition does not begin with the name of its run"
    assert sorted(conditions) == sorted(set(conditions)), "two conditions have one name"
    runs = [run for file in sorted((directory / "tests").glob("*.tftest.hcl")) for run in RUN.findall(file.read_text())]
    refusals = {name.partition("__")[0] for name, body in runs if "expect_failures" in body}
    assert sorted(conditions) == sorted(refusals)


@pytest.mark.parametrize("root", ROOTS)
def test_runs_pass(root: str, tmp_path: Path, cli_configuration: dict[str, str]) -> None:
    terraform.copy_of("terraform", tmp_path)
    # One of the example's runs takes the definition that `token-broker init` writes.
    terraform.copy_of("crates/config/src", tmp_path)
    workspace = terraform.Workspace(tmp_path / root, cli_configuration)
    workspace.init()
    said = workspace.run("test", "-no-color").stdout
    passed = re.search(r"^Success! (\d+) passed, 0 failed\.$", said, re.MULTILINE)
    assert passed, said
    assert int(passed[1]) >= ROOTS[root]
