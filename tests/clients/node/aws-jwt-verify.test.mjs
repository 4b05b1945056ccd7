// AWS's own verifier, as an API that is called with a token uses it.
//
// `CognitoJwtVerifier` itself cannot be used: it makes issuer and JWKS address from the pool id, both on amazonaws.com. So
// the general verifier is given the issuer, and Cognito's own checks are added to it. Its fetcher speaks HTTPS only, so it
// is given one that speaks HTTP. A JWKS that its parser refuses, or a missing key id, fails here as it would there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CognitoJwtVerifier, JwtVerifier } from "aws-jwt-verify";
import { validateCognitoJwtFields } from "aws-jwt-verify/cognito-verifier";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { apiKey, endpoints } from "./broker.mjs";

async function accessToken() {
  const answer = await fetch(endpoints.invoke_url, {
    method: "POST",
    headers: { "x-api-key": apiKey("billing") },
    body: new URLSearchParams({ grant_type: "client_credentials", scope: "orders/read" }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

function verifier(options = {}) {
  const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
  return JwtVerifier.create(
    {
      issuer: endpoints.issuer,
      jwksUri: endpoints.jwks_uri,
      // Cognito's machine tokens have no audience.
      audience: null,
      customJwtCheck: ({ payload }) =>
        validateCognitoJwtFields(payload, { tokenUse: "access", clientId: payload.sub, groups: null, ...options }),
    },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );
}

test("a token verifies with aws-jwt-verify", async () => {
  const claims = await verifier().verify(await accessToken(), { scope: "orders/read" });
  assert.equal(claims.iss, endpoints.issuer);
  assert.equal(claims.version, 2);
});

test("a token without the scope is refused by aws-jwt-verify", async () => {
  await assert.rejects(verifier().verify(await accessToken(), { scope: "orders/write" }), /[Ss]cope/);
});

test("another app client's token is refused by aws-jwt-verify", async () => {
  await assert.rejects(verifier({ clientId: "another" }).verify(await accessToken()), /Client ID/);
});

test("a changed token is refused by aws-jwt-verify", async () => {
  const token = await accessToken();
  await assert.rejects(verifier().verify(`${token.slice(0, -8)}AAAAAAAA`), /signature/i);
});

test("the pool's id has the form that CognitoJwtVerifier demands", () => {
  const poolId = new URL(endpoints.issuer).pathname.slice(1);
  assert.match(CognitoJwtVerifier.parseUserPoolId(poolId).issuer, /^https:\/\/cognito-idp\./);
});
