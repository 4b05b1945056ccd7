"""Authlib, as a service uses it. It takes any JSON without `error` for a token, so the shape of a refusal matters most here."""

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session


def fetch(door, headers, scope=None):
    # It sends the id and secret as Basic credentials. They say nothing about who calls.
    session = OAuth2Session("whoever", "whatever", scope=scope)
    return session.fetch_token(door.token_url, grant_type="client_credentials", headers=headers)


def test_token_is_granted(door):
    token = fetch(door, door.api_key("billing"), "orders/read orders/write")
    assert token["token_type"] == "Bearer"
    assert 60 <= token["expires_in"] <= 3600
    assert token["access_token"].count(".") == 2


def test_bad_key_is_invalid_client(door):
    with pytest.raises(OAuthError) as refused:
        fetch(door, {"x-api-key": "0" * 40})
    assert refused.value.error == "invalid_client"


def test_denied_scope_is_invalid_scope(door):
    with pytest.raises(OAuthError) as refused:
        fetch(door, door.api_key("billing"), "orders/delete")
    assert refused.value.error == "invalid_scope"


@pytest.mark.parametrize("limit", ["throttled", "spent"])
def test_limit_is_temporarily_unavailable(door, limit):
    key = door.api_key(f"authlib-{limit}")
    assert fetch(door, key)["access_token"]
    with pytest.raises(OAuthError) as refused:
        fetch(door, key)
    assert refused.value.error == "temporarily_unavailable"
