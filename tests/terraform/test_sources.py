"""The Terraform sources by themselves: their form, whether they are valid, what checkov says of them."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import terraform

SOURCES = terraform.ROOT / "terraform"
MODULES = ["rest-api", "broker", "user-pool"]
ROOTS = [*(f"terraform/modules/{module}" for module in MODULES), "terraform/examples/rest-api-only", "terraform/examples/complete"]
CHECKOV = Path(__file__).parent / ".checkov" / "bin" / "checkov"


def test_sources_are_formatted() -> None:
    ended = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", SOURCES, Path(__file__).parent / "findings"],
        capture_output=True,
        text=True,
        env=terraform.bare_environment(),
    )
    assert ended.returncode == 0, f"run `make fmt`:\n{ended.stdout}{ended.stderr}"


@pytest.mark.parametrize("root", ROOTS)
def test_root_is_valid(root: str, tmp_path: Path, cli_configuration: dict[str, str]) -> None:
    terraform.copy_of("terraform", tmp_path)
    workspace = terraform.Workspace(tmp_path / root, cli_configuration)
    workspace.init()
    said = json.loads(workspace.run("validate", "-json", expect=(0, 1)).stdout)
    assert said["valid"], said["diagnostics"]
    assert said["warning_count"] == 0, said["diagnostics"]


@pytest.mark.parametrize("module", MODULES)
def test_module_says_in_its_readme_what_goes_in_and_comes_out(module: str) -> None:
    directory = SOURCES / "modules" / module
    sources = "\n".join(file.read_text() for file in sorted(directory.glob("*.tf")))
    named = re.findall(r'^(?:variable|output) "(\w+)"', sources, re.MULTILINE)
    assert len(named) > 10
    rows = re.findall(r"^\| `(\w+)`", (directory / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(named)


def test_every_root_is_looked_at() -> None:
    assert {str(file.parent.relative_to(terraform.ROOT)) for file in SOURCES.glob("*/*/versions.tf")} == set(ROOTS)


def test_checkov_finds_nothing_and_each_skip_says_why() -> None:
    ended = subprocess.run(
        [CHECKOV, "--directory", SOURCES, "--framework", "terraform", "--output", "json", "--skip-download"],
        capture_output=True,
        text=True,
    )
    said = json.loads(ended.stdout)
    results = said["results"]
    failed = [f"{row['check_id']} {row['resource']}: {row['check_name']}" for row in results["failed_checks"]]
    assert failed == []
    # It has looked: at the access log, data tracing, the permission, open access; at secrets in the environment, the
    # runtime, what the role may, the log's end.
    passed = {row["check_id"] for row in results["passed_checks"]}
    assert {"CKV_AWS_76", "CKV_AWS_276", "CKV_AWS_364", "CKV_AWS_59"} <= passed
    assert {"CKV_AWS_45", "CKV_AWS_363", "CKV_AWS_63", "CKV_AWS_66"} <= passed
    assert said["summary"]["parsing_errors"] == 0
    assert len(results["skipped_checks"]) == said["summary"]["skipped"] > 0
    for row in results["skipped_checks"]:
        reason = row["check_result"]["suppress_comment"]
        assert len(reason.split()) >= 4, f"{row['check_id']} {row['resource']} is skipped without a reason"
