"""PyJWT, as an API that is called with a token uses it: keys come from the user pool's JWKS."""

import jwt
import pytest
import requests

REQUIRED = ["auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sub", "token_use", "version"]


@pytest.fixture(scope="module")
def token(door):
    form = {"grant_type": "client_credentials", "scope": "orders/write orders/read"}
    answer = requests.post(door.token_url, data=form, headers=door.api_key("billing"), timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def verify(door, token):
    key = jwt.PyJWKClient(door.jwks_uri).get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], issuer=door.issuer, options={"require": REQUIRED})


def test_token_verifies_and_says_what_was_granted(door, token):
    claims = verify(door, token)
    assert sorted(claims["scope"].split()) == ["orders/read", "orders/write"]
    assert claims["token_use"] == "access"
    assert claims["sub"] == claims["client_id"]
    assert "aud" not in claims


def test_issuer_that_the_pool_publishes_is_the_one_in_the_token(door, token):
    published = requests.get(f"{door.issuer}/.well-known/openid-configuration", timeout=10).json()
    assert published["issuer"] == verify(door, token)["iss"]
    assert published["jwks_uri"] == door.jwks_uri


def test_changed_token_does_not_verify(door, token):
    head, claims, signature = token.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        verify(door, ".".join([head, claims, signature[:-8] + "AAAAAAAA"]))
