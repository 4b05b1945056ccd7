"""The package of a broker as Terraform meets it: a zip with `bootstrap` and the definition."""

import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cloud


# Where a Linux program says what it is for.
ARM64 = 0xB7


@dataclass(frozen=True)
class Packager:
    """Writes packages: what `make lambda` built, if it is named by `--package`, or a stand-in of the same layout whose
    `bootstrap` does nothing. Terraform hands over either, and nobody runs it here."""

    binary: Path
    built: Path | None

    def first(self, definition: Path, to: Path) -> None:
        """The package as it was built: its definition must be the one that is deployed."""
        if not self.built:
            return stand_in(definition, to)
        with zipfile.ZipFile(self.built) as archive:
            assert archive.read("token-broker.yaml") == definition.read_bytes(), f"{self.built} has another definition"
            assert archive.read("bootstrap")[18] == ARM64, f"{self.built} is not for the processor that the example has"
        to.write_bytes(self.built.read_bytes())

    def again(self, definition: Path, to: Path) -> None:
        """The same program with a definition that has changed, as `token-broker package` makes it."""
        if not self.built:
            return stand_in(definition, to, "#!/bin/sh\nexit 1\n")
        program = to.with_name("bootstrap")
        with zipfile.ZipFile(self.built) as archive:
            program.write_bytes(archive.read("bootstrap"))
        command = [self.binary, "package", "--config", definition, "--bootstrap", program, "--output", to]
        subprocess.run(command, check=True, capture_output=True)


def stand_in(definition: Path, to: Path, bootstrap: str = "#!/bin/sh\n") -> None:
    """Writes a zip of the right layout whose `bootstrap` does nothing."""
    to.write_bytes(cloud.zipped({"bootstrap": bootstrap, "token-broker.yaml": definition.read_text()}))
