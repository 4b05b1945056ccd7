"""requests-oauthlib, as a service uses it: the API key goes along as a header of `fetch_token`.

A refusal is an exception of a class of its own. Its `status_code` belongs to the class and is not the reply's.
"""

import pytest
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidScopeError, TemporarilyUnavailableError
from requests_oauthlib import OAuth2Session

# `headers=` replaces the library's own, which would have named the media type.
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def fetch(door, headers, scope=None):
    session = OAuth2Session(client=BackendApplicationClient(client_id="whoever", scope=scope))
    # It sends these as Basic credentials. They say nothing about who calls.
    return session.fetch_token(door.token_url, client_secret="whatever", headers=FORM | headers)


def test_token_is_granted(door):
    token = fetch(door, door.api_key("billing"), ["orders/read", "orders/write"])
    assert token["token_type"] == "Bearer"
    assert 60 <= token["expires_in"] <= 3600
    assert token["access_token"].count(".") == 2


def test_bad_key_is_invalid_client(door):
    with pytest.raises(InvalidClientError):
        fetch(door, {"x-api-key": "0" * 40})


def test_denied_scope_is_invalid_scope(door):
    with pytest.raises(InvalidScopeError):
        fetch(door, door.api_key("billing"), ["orders/delete"])


@pytest.mark.parametrize("limit", ["throttled", "spent"])
def test_limit_is_temporarily_unavailable(door, limit):
    key = door.api_key(f"requests-oauthlib-{limit}")
    assert fetch(door, key)["access_token"]
    with pytest.raises(TemporarilyUnavailableError):
        fetch(door, key)
