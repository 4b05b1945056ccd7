// simple-oauth2, as a service uses it: the key goes along in `http.headers`. A refusal is a Boom error with the reply's
// parsed body.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientCredentials } from "simple-oauth2";
import { UNKNOWN_KEY, apiKey, endpoints } from "./broker.mjs";

function grant(key, scope) {
  const url = new URL(endpoints.invoke_url);
  const client = new ClientCredentials({
    // It sends these as Basic credentials. They say nothing about who calls.
    client: { id: "whoever", secret: "whatever" },
    auth: { tokenHost: url.origin, tokenPath: url.pathname },
    http: { headers: { "x-api-key": key } },
  });
  return client.getToken(scope ? { scope } : {});
}

const refused = (status, code) => (error) => {
  assert.equal(error.isBoom, true);
  assert.equal(error.output.statusCode, status);
  assert.equal(error.data.payload.error, code);
  return true;
};

test("a token is granted to simple-oauth2", async () => {
  const { token } = await grant(apiKey("billing"), ["orders/read", "orders/write"]);
  assert.equal(token.token_type, "Bearer");
  assert.ok(token.expires_in >= 60 && token.expires_in <= 3600);
  assert.equal(token.access_token.split(".").length, 3);
});

test("a bad key is invalid_client to simple-oauth2", async () => {
  await assert.rejects(grant(UNKNOWN_KEY), refused(401, "invalid_client"));
});

test("a denied scope is invalid_scope to simple-oauth2", async () => {
  await assert.rejects(grant(apiKey("billing"), "orders/delete"), refused(400, "invalid_scope"));
});

for (const limit of ["throttled", "spent"]) {
  test(`being ${limit} is temporarily_unavailable to simple-oauth2`, async () => {
    const key = apiKey(`simple-oauth2-${limit}`);
    assert.ok((await grant(key)).token.access_token);
    await assert.rejects(grant(key), refused(429, "temporarily_unavailable"));
  });
}
