"""Runs the real Terraform in a directory of its own, with the provider from a local mirror if the machine has one."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = "registry.terraform.io/hashicorp/aws"
SECONDS = 300


class Failed(Exception):
    """Terraform ended with an error; the text is what it said."""


@dataclass
class Workspace:
    """A copy of a root module, so that nothing is written into the repository."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def said(self) -> Path:
        """Where all that Terraform printed lies, a file for each command, as it stood in a terminal or in a log of CI."""
        return self.directory / "said"

    def run(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            ["terraform", *arguments],
            cwd=self.directory,
            env=bare_environment() | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        self.keep(arguments, ended)
        if ended.returncode not in expect:
            raise Failed(f"terraform {' '.join(arguments)}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
        return ended

    def keep(self, arguments: tuple[str, ...], ended: subprocess.CompletedProcess[str]) -> None:
        """Keeps what was printed. As JSON, plans, states and outputs are whole, and documented to be: they are no print."""
        if "-json" in arguments:
            return
        self.said.mkdir(exist_ok=True)
        name = "-".join(part for part in arguments if re.fullmatch(r"[\w.-]+", part) and not part.startswith("-"))
        number = len(list(self.said.iterdir()))
        (self.said / f"{number:03}-{name}.txt").write_text(ended.stdout + ended.stderr)

    def init(self) -> None:
        self.run("init", "-input=false", "-no-color")

    def plan(self, file: str, *variables: str) -> tuple[bool, Path]:
        """Plans; answers whether anything would change, and where the plan lies as JSON."""
        arguments = [part for variable in variables for part in ("-var", variable)]
        ended = self.run(
            "plan", "-input=false", "-no-color", "-detailed-exitcode", f"-out={file}.tfplan", *arguments, expect=(0, 2)
        )
        return ended.returncode == 2, self.show(f"{file}.json", f"{file}.tfplan")

    def apply(self, file: str) -> None:
        self.run("apply", "-input=false", "-no-color", f"{file}.tfplan")

    def destroy(self) -> None:
        """Has the outputs shown and what would go, as operators do, and then has it go."""
        self.run("output", "-no-color")
        self.run("plan", "-destroy", "-input=false", "-no-color", "-out=destroy.tfplan")
        self.look("destroy.tfplan")
        self.run("destroy", "-input=false", "-no-color", "-auto-approve")

    def show(self, to: str, *what: str) -> Path:
        """Writes a plan, or the state if none is named, as JSON."""
        path = self.directory / to
        path.write_text(self.run("show", "-json", *what).stdout)
        return path

    def look(self, *what: str) -> None:
        """Has a plan, or the state if none is named, shown as an operator looks at it."""
        self.run("show", "-no-color", *what)

    def outputs(self) -> dict:
        shown = json.loads(self.run("output", "-json").stdout)
        return {name: output["value"] for name, output in shown.items()}


def bare_environment() -> dict[str, str]:
    """The environment without anything that would change what Terraform does: profiles, variables, arguments, logs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    return kept | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def copy_of(part: str, to: Path) -> Path:
    """Copies a folder of the repository without what runs have left in it."""
    left = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfplan")
    return Path(shutil.copytree(ROOT / part, to / part, ignore=left))


def write_cli_configuration(directory: Path) -> Path:
    """Names the mirror, if there is one; without it `terraform init` downloads the provider as usual."""
    file = directory / "terraform.rc"
    file.write_text("disable_checkpoint = true\n" + "".join(installation(mirror) for mirror in mirrors()[:1]))
    return file


def installation(mirror: Path) -> str:
    return f"""
provider_installation {{
  filesystem_mirror {{
    path    = {json.dumps(str(mirror))}
    include = ["{PROVIDER}"]
  }}
  direct {{
    exclude = ["{PROVIDER}"]
  }}
}}
"""


def mirrors() -> list[Path]:
    """Directories that hold the provider as `terraform providers mirror` lays it out, wherever this machine has them.

    Caches of other runs (`.terraform`) look alike and may be gone before this one is done.
    """
    command = ["find", "/", "-xdev", "-maxdepth", "7", "-name", "proc", "-prune", "-o", "-name", ".terraform", "-prune"]
    found = subprocess.run(
        [*command, "-o", "-type", "d", "-path", f"*/{PROVIDER}", "-print"], capture_output=True, text=True
    ).stdout.split("\n")
    ignored = (str(Path(os.environ.get("TMPDIR", "/tmp"))),)
    return sorted(Path(line).parents[2] for line in found if line and not line.startswith(ignored))
