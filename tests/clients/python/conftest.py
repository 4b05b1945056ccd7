"""What the tests of Python clients share: the broker that `run.py` started, and a second one where a test needs its own."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@dataclass(frozen=True)
class FrontDoor:
    """What a client is told: where tokens come from, and its API key."""

    token_url: str
    issuer: str
    jwks_uri: str
    keys: Path

    def api_key(self, client: str) -> dict[str, str]:
        """The header that shows who a client is."""
        return {"x-api-key": (self.keys / client).read_text().strip()}


@pytest.fixture(scope="session")
def door() -> FrontDoor:
    state = Path(os.environ["BROKER_STATE"])
    endpoints = json.loads((state / "endpoints.json").read_text())
    # requests-oauthlib and Authlib refuse plain HTTP otherwise; the front door is on loopback.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    return FrontDoor(endpoints["invoke_url"], endpoints["issuer"], endpoints["jwks_uri"], state / "keys")


@pytest.fixture(scope="session")
def binary() -> Path:
    return Path(os.environ["BROKER_BINARY"])
