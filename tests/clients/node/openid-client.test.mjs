// openid-client, as a service uses it: it has no setting for a header of its own, so the key goes along in `customFetch`.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as client from "openid-client";
import { UNKNOWN_KEY, apiKey, endpoints } from "./broker.mjs";

function grant(key, scope) {
  const server = { issuer: endpoints.issuer, token_endpoint: endpoints.invoke_url };
  // It sends these in the body. They say nothing about who calls.
  const configuration = new client.Configuration(server, "whoever", "whatever");
  client.allowInsecureRequests(configuration);
  configuration[client.customFetch] = (url, options) =>
    fetch(url, { ...options, headers: { ...options.headers, "x-api-key": key } });
  return client.clientCredentialsGrant(configuration, scope ? { scope } : {});
}

const refused = (status, error) => ({ name: "ResponseBodyError", status, error });

test("a token is granted to openid-client", async () => {
  const token = await grant(apiKey("billing"), "orders/read orders/write");
  assert.equal(token.token_type, "bearer");
  assert.ok(token.expires_in >= 60 && token.expires_in <= 3600);
  assert.equal(token.access_token.split(".").length, 3);
});

test("a bad key is invalid_client to openid-client", async () => {
  await assert.rejects(grant(UNKNOWN_KEY), refused(401, "invalid_client"));
});

test("a denied scope is invalid_scope to openid-client", async () => {
  await assert.rejects(grant(apiKey("billing"), "orders/delete"), refused(400, "invalid_scope"));
});

for (const limit of ["throttled", "spent"]) {
  test(`being ${limit} is temporarily_unavailable to openid-client`, async () => {
    const key = apiKey(`openid-client-${limit}`);
    assert.ok((await grant(key)).access_token);
    await assert.rejects(grant(key), refused(429, "temporarily_unavailable"));
  });
}
