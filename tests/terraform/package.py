"""The package of a broker as Terraform meets it: a zip with `bootstrap` and the definition."""

from pathlib import Path

import cloud


def stand_in(definition: Path, to: Path, bootstrap: str = "#!/bin/sh\n") -> Path:
    """Writes a zip of the right layout whose `bootstrap` does nothing: Terraform hands it over and nobody runs it here.

    `--package` names one of `make lambda` to deploy in its place.
    """
    to.write_bytes(cloud.zipped({"bootstrap": bootstrap, "token-broker.yaml": definition.read_text()}))
    return to
