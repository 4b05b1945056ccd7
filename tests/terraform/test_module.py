"""The module by itself: `terraform test` with a mocked provider, and whether those runs cover every refusal."""

import re
from pathlib import Path

import terraform

MODULE = Path("terraform/modules/rest-api")
# A condition begins with a comment that is the name of the run in which it fails; what follows `__` in a run's name tells
# several ways to fail it apart.
CONDITION = re.compile(r"(?:validation|precondition|postcondition) \{\n(\s*# (\w+)\n)?")
RUN = re.compile(r'^run "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def test_every_refusal_has_a_run_that_fails_for_it() -> None:
    sources = "\n".join(file.read_text() for file in sorted((terraform.ROOT / MODULE).glob("*.tf")))
    conditions = [name for _, name in CONDITION.findall(sources)]
    assert len(conditions) > 30
    assert "" not in conditions, "a condition does not begin with the name of its run"
    runs = {
        name: body
        for file in sorted((terraform.ROOT / MODULE / "tests").glob("*.tftest.hcl"))
        for name, body in RUN.findall(file.read_text())
    }
    refusals = {name.partition("__")[0] for name, body in runs.items() if "expect_failures" in body}
    assert sorted(conditions) == sorted(set(conditions)), "two conditions have one name"
    assert sorted(conditions) == sorted(refusals)


def test_runs_of_the_module_pass(tmp_path: Path, cli_configuration: dict[str, str]) -> None:
    terraform.copy_of("terraform", tmp_path)
    workspace = terraform.Workspace(tmp_path / MODULE, cli_configuration)
    workspace.init()
    said = workspace.run("test", "-no-color").stdout
    last = said.strip().splitlines()[-1]
    passed = re.fullmatch(r"Success! (\d+) passed, 0 failed\.", last)
    assert passed, said
    print(last)
    assert int(passed[1]) > 40
