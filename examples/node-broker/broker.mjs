// A broker as a Lambda function, in one file: it speaks the Lambda Runtime API and hands out Cognito's tokens.
//
// Who calls is what the front door says, and nothing else. What a client may not have is refused, never left out. No
// key, secret, token or body is written anywhere, and nothing that the user pool says reaches a client. README.md has
// what the Rust broker does beyond this.

import { once } from "node:events";
import { readFileSync, writeSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { parse } from "yaml";

const UNAVAILABLE = [503, "temporarily_unavailable", "no token can be issued at the moment"];
const MISCONFIGURED = [500, "server_error", "the token service is not configured correctly"];
const BROKEN = [500, "server_error", "the token could not be fetched"];
const UNKNOWN = [401, "invalid_client", "the client is not known"];
const GRANT = "client_credentials";
const FORM = "application/x-www-form-urlencoded";
// RFC 6749 §2.3.1 and §3.2: every proxy on the way writes URLs down.
const BODY_ONLY = ["grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"];
// A client with any other rule gets no token here: a rule that is not understood must not be skipped.
const UNDERSTOOD = ["plan", "groups", "scopes", "default_scopes", "app_client", "grants", "enabled"];
const [MAX_BODY, MAX_PARAMETERS, MAX_SCOPES, MAX_REPLY, MAX_TOKENS_PER_CLIENT] = [32 * 1024, 32, 50, 64 * 1024, 64];
const DAY = 24 * 60 * 60;

/** Why a request gets no token: a word for the log, and what the client is told. */
class Refusal extends Error {
  constructor(reason, [status, error, description]) {
    super(reason);
    Object.assign(this, { reason, status, error, description });
  }
}

const invalid = (reason, description, status = 400, error = "invalid_request") =>
  new Refusal(reason, [status, error, description]);

/** A token and its time. Its life counts from when it was asked for, so that it never looks younger than it is. */
class Token {
  constructor(text, life, asked) {
    Object.assign(this, { text, life, asked });
  }

  /** The life that is left, by whichever clock counted more: one may have been set back, the other have slept. */
  left() {
    const now = clocks();
    return this.life - Math.max(now.wall - this.asked.wall, now.steady - this.asked.steady);
  }
}

class Broker {
  #bindings = null;
  #tokens = new Map();

  constructor(definition, bindingsPlace) {
    this.clients = definition.clients;
    this.minimumLife = seconds(definition.broker?.min_token_life ?? "60s");
    this.patience = seconds(definition.broker?.upstream?.total_timeout ?? "12s");
    this.bindingsPlace = bindingsPlace;
  }

  /** The reply to a proxy event, once its audit line is written. */
  async answer(event, deadline) {
    const line = {
      time: new Date().toISOString(), request_id: event.requestContext.requestId, client: null, key_id: null,
      grant: null, scopes: null, decision: "deny", reason: null, cache: "none", upstream_attempts: 0, upstream_ms: 0,
      app_client: null, status: 200,
    };
    let reply;
    try {
      const token = await this.token(event, deadline, line);
      const body = { access_token: token.text, expires_in: Math.floor(token.left()), token_type: "Bearer" };
      reply = rendered(200, body);
    } catch (error) {
      const isRefusal = error instanceof Refusal;
      // Anything else is a mistake in this program. The error's text may hold what nobody may read.
      if (!isRefusal) log("the broker broke", error);
      const refusal = isRefusal ? error : new Refusal("broken", BROKEN);
      reply = refused(refusal);
      Object.assign(line, { reason: refusal.reason, status: refusal.status });
    }
    try {
      writeSync(1, `${JSON.stringify(line)}\n`);
      return reply;
    } catch {
      return refused(new Refusal("audit_lost", UNAVAILABLE)); // No audit line, no token.
    }
  }

  async token(event, deadline, line) {
    const [name, client] = this.caller(event.requestContext, line);
    const [grant, asked] = readRequest(event);
    line.grant = grant === GRANT ? grant : "other";
    const scopes = decide(client, grant, asked);
    const appClient = client.app_client ?? "m2m";
    Object.assign(line, { decision: "allow", scopes, app_client: appClient });
    if (!this.#tokens.has(name)) this.#tokens.set(name, new Map());
    const held = this.#tokens.get(name);
    const key = `${appClient} ${scopes}`;
    const found = held.get(key);
    line.cache = found?.left() >= this.minimumLife ? "hit" : "miss";
    if (line.cache === "hit") return found;
    const token = await this.mint(appClient, scopes, deadline, line);
    if (token.left() < this.minimumLife) throw new Refusal("token_short_lived", MISCONFIGURED);
    held.delete(key);
    held.set(key, token);
    // The oldest goes, and nobody else's.
    if (held.size > MAX_TOKENS_PER_CLIENT) held.delete(held.keys().next().value);
    return token;
  }

  /** Who calls, by the word of the front door: headers and body were written by the caller. */
  caller(context, line) {
    const keyId = context.identity.apiKeyId;
    if (typeof keyId !== "string") throw new Refusal("unknown_identity", UNKNOWN);
    // What does not look like an id is perhaps a key in the wrong place.
    line.key_id = /^[0-9a-z]{10}$/.test(keyId) ? keyId : null;
    if (!own(this.#bindings?.keys, keyId)) this.readBindings();
    const name = own(this.#bindings.keys, keyId);
    const client = own(this.clients, name);
    if (!client) throw new Refusal("unknown_identity", UNKNOWN);
    line.client = name;
    return [name, client];
  }

  /** Reads who is who. Where that fails, what was read last stays in force. */
  readBindings() {
    try {
      const { version, keys, upstream, app_clients: appClients } = JSON.parse(readFileSync(file(this.bindingsPlace)));
      const url = new URL(upstream.token_endpoint);
      const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
      const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLocal);
      const isUnderstood = version === 1 && Object.keys(upstream).length === 1 && isSafe && keys && appClients;
      if (!isUnderstood) throw new Error("not understood");
      this.#bindings = { keys, url, appClients };
    } catch (error) {
      log("the bindings cannot be read", error);
      if (!this.#bindings) throw new Refusal("bindings_unavailable", UNAVAILABLE);
    }
  }

  /** A new token with exactly `scopes`. One of two secrets may be refused while they are rotated. */
  async mint(appClient, scopes, deadline, line) {
    const { url, appClients } = this.#bindings;
    const bound = own(appClients, appClient);
    if (!bound) throw new Refusal("unknown_app_client", UNAVAILABLE);
    const began = clocks();
    const left = deadline - began.wall;
    // The answer has a way to go, too.
    const time = Math.max(0.001, Math.min(this.patience, Math.max(left - 1, left / 2)));
    const signal = AbortSignal.timeout(Math.ceil(time * 1000));
    try {
      for (const secret of secrets(bound.secret)) {
        line.upstream_attempts += 1;
        const asked = clocks();
        const { status, body } = await ask(url, bound.client_id, secret, scopes, signal);
        const token = readReply(status, body, bound.client_id, scopes, asked);
        if (token) return token;
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (!signal.aborted) log("the user pool cannot be asked", error);
      throw new Refusal(signal.aborted ? "upstream_timeout" : "upstream_unavailable", UNAVAILABLE);
    } finally {
      line.upstream_ms = Math.floor((clocks().steady - began.steady) * 1000);
    }
    throw new Refusal("upstream_refused_client", MISCONFIGURED);
  }
}

/** The grant and the scopes that are asked for. What two programs could read differently is refused. */
function readRequest(event) {
  if (BODY_ONLY.some((name) => own(event.multiValueQueryStringParameters, name))) {
    throw invalid("parameters_in_url", "parameters belong in the body, not in the url");
  }
  const headers = Object.entries(event.multiValueHeaders ?? {});
  const types = headers.flatMap(([name, values]) => (name.toLowerCase() === "content-type" ? values : []));
  if (types.length > 1) throw invalid("content_type_repeated", "the header `Content-Type` is repeated");
  const form = readForm(types[0] ?? "", bodyBytes(event));
  // Both would change what a token means, so they are refused and not dropped. Whatever else stands there, a
  // `client_id` and its secret included, says nothing.
  if (form.get("aws_client_metadata")) {
    throw invalid("client_metadata_unsupported", "the parameter `aws_client_metadata` is not supported");
  }
  if (form.get("resource")) {
    throw invalid("resource_unsupported", "tokens cannot be bound to a resource", 400, "invalid_target");
  }
  if (!form.get("grant_type")) throw invalid("grant_missing", "the parameter `grant_type` is missing");
  return [form.get("grant_type"), form.get("scope") ? readScopes(form.get("scope")) : []];
}

function bodyBytes(event) {
  const body = event.body ?? "";
  const bytes = Buffer.from(body, event.isBase64Encoded ? "base64" : "utf8");
  // The front door puts U+FFFD where a body was not UTF-8: what stood there is lost.
  const isWhole = event.isBase64Encoded
    ? bytes.toString("base64") === body
    : body.isWellFormed() && !body.includes("\ufffd");
  if (!isWhole) throw invalid("body_undecodable", "the body cannot be decoded");
  return bytes;
}

function readForm(contentType, body) {
  const parts = contentType.toLowerCase().split(";");
  const [essence, ...parameters] = parts.map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ""));
  const given = parameters.filter((parameter) => parameter);
  const isUtf8 = given.length === 0 || (given.length === 1 && /^charset=(utf-8|"utf-8")$/.test(given[0]));
  if (essence !== FORM || !isUtf8) throw invalid("media_type", `the content type must be \`${FORM}\``, 415);
  if (body.length > MAX_BODY) throw invalid("body_too_large", `the body is larger than ${MAX_BODY} bytes`, 413);
  const form = new Map();
  // Latin-1 keeps every byte as one character until it is decoded.
  for (const piece of body.toString("latin1").split("&").filter((piece) => piece)) {
    const [, name, value] = piece.match(/^([^=]*)=?(.*)$/s);
    const decoded = decode(name);
    if (!decoded || form.has(decoded) || form.size === MAX_PARAMETERS) {
      throw invalid("form_malformed", "a parameter has no name, is repeated, or is one too many");
    }
    form.set(decoded, decode(value));
  }
  return form;
}

/** A name or a value. What other readers would mend or guess is refused. */
function decode(half) {
  const byte = (_, digits) => String.fromCharCode(parseInt(digits, 16));
  const bytes = Buffer.from(half.replaceAll("+", " ").replace(/%([0-9A-Fa-f]{2})/g, byte), "latin1");
  let text = "\0";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: refused below.
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(half) || /[\0-\x1f\x7f-\x9f]/.test(text)) {
    throw invalid("form_malformed", "the body has a malformed escape, a control character, or is not utf-8");
  }
  return text;
}

function readScopes(text) {
  const scopes = text.split(" ");
  const areNames = scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope));
  if (text.length > 8192 || scopes.length > MAX_SCOPES || !areNames) {
    throw invalid("scope_malformed", "scopes are names separated by one space", 400, "invalid_scope");
  }
  return scopes;
}

/** The scopes that the client gets, in order: always named, since Cognito takes no scope for every scope. */
function decide(client, grant, asked) {
  if ((client.enabled ?? "true") !== "true") {
    throw invalid("client_disabled", "the client is disabled", 400, "unauthorized_client");
  }
  if (Object.keys(client).some((rule) => !UNDERSTOOD.includes(rule))) {
    throw new Refusal("rule_not_understood", MISCONFIGURED);
  }
  if (grant !== GRANT) {
    throw invalid("grant_unsupported", "the grant type is not supported", 400, "unsupported_grant_type");
  }
  if (!(client.grants ?? [GRANT]).includes(grant)) {
    throw invalid("grant_not_allowed", "the client may not use this grant type", 400, "unauthorized_client");
  }
  const scopes = asked.length > 0 ? asked : (client.default_scopes ?? []);
  if (scopes.length === 0) {
    throw invalid("no_default_scopes", "the client has no default scopes: name the scopes", 400, "invalid_scope");
  }
  if (!scopes.every((scope) => client.scopes.includes(scope))) {
    throw invalid("scope_not_allowed", "a scope is not allowed for this client", 400, "invalid_scope");
  }
  return sorted(scopes);
}

/** The secrets of an app client as they are now: one, or two while they are rotated, a line each. */
function secrets(reference) {
  let found = [];
  try {
    const lines = readFileSync(file(reference), "utf8").split("\n");
    found = lines.map((line) => line.trim()).filter((line) => line);
  } catch (error) {
    log("the secrets of an app client cannot be read", error);
  }
  if (found.length !== 1 && found.length !== 2) throw new Refusal("secrets_unreadable", UNAVAILABLE);
  return found;
}

/** One request to the user pool. A redirect is not followed: the secret would go along. */
function ask(url, clientId, secret, scopes, signal) {
  const basic = Buffer.from(`${clientId}:${secret}`).toString("base64");
  const headers = { Authorization: `Basic ${basic}`, "Content-Type": FORM, Accept: "application/json" };
  const body = new URLSearchParams({ grant_type: GRANT, scope: scopes }).toString();
  return exchange(url, { method: "POST", headers, signal, agent: false }, body, MAX_REPLY);
}

/** The token in the user pool's answer; none if it refused the secret. */
function readReply(status, body, clientId, scopes, asked) {
  const reply = object(body);
  if (status >= 300 && status < 400) throw new Refusal("upstream_redirected", MISCONFIGURED);
  if (status >= 400 && status < 500 && status !== 429 && reply?.error && typeof reply.error === "string") {
    if (reply.error === "invalid_client") return null;
    throw new Refusal("upstream_refused", MISCONFIGURED);
  }
  const { access_token: token, expires_in: life, token_type: type } = reply ?? {};
  const isBearer = typeof type === "string" && type.toLowerCase() === "bearer";
  const isToken = typeof token === "string" && /^[\w.~+/-]{1,16384}=*$/.test(token);
  if (status < 200 || status > 299 || !isBearer || !Number.isInteger(life) || life <= 0 || !isToken) {
    throw new Refusal("upstream_unavailable", UNAVAILABLE);
  }
  // What the token says of itself. The signature is for those to verify who accept it.
  const parts = token.split(".");
  const claims = parts.length === 3 ? object(Buffer.from(parts[1], "base64url")) : null;
  if (!claims) throw new Refusal("upstream_token_unusable", MISCONFIGURED);
  if (typeof claims.scope !== "string" || sorted(claims.scope.split(" ")) !== scopes) {
    throw new Refusal("upstream_scope_mismatch", MISCONFIGURED);
  }
  const { client_id: issuedTo = clientId, token_use: use = "access", exp = Infinity } = claims;
  if (issuedTo !== clientId || use !== "access" || life > DAY || typeof exp !== "number") {
    throw new Refusal("upstream_token_unusable", MISCONFIGURED);
  }
  return new Token(token, Math.min(life, exp - asked.wall), asked);
}

function refused({ status, error, description }) {
  return rendered(status, { error, error_description: description }, status === 503 ? { "Retry-After": "2" } : {});
}

function rendered(status, body, extra) {
  const headers = { "Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store", Pragma: "no-cache" };
  return { statusCode: status, headers: { ...headers, ...extra }, body: JSON.stringify(body), isBase64Encoded: false };
}

/** One HTTP request. An answer that is longer than `limit` is an error. */
async function exchange(url, options, said, limit = Infinity) {
  const request = (url.protocol === "https:" ? https : http).request(url, options);
  request.end(said);
  const [response] = await once(request, "response");
  request.on("error", () => {}); // The reading below fails as well, and says so.
  const chunks = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > limit) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

function object(json) {
  try {
    const value = JSON.parse(json);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function file(reference) {
  if (!reference.startsWith("file:")) throw new Error("only `file:` is supported");
  return reference.slice("file:".length);
}

/** `90s`, `5m`, `1h30m`. */
function seconds(text) {
  if (!/^(\d+(h|ms|m|s))+$/.test(text)) throw new Error("a duration is written like `90s` or `1h30m`");
  const units = { h: 3600, m: 60, s: 1, ms: 0.001 };
  return [...text.matchAll(/(\d+)(h|ms|m|s)/g)].reduce((sum, [, count, unit]) => sum + count * units[unit], 0);
}

const clocks = () => ({ wall: Date.now() / 1000, steady: performance.now() / 1000 });
const own = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);
const sorted = (scopes) => [...new Set(scopes)].sort().join(" ");
const log = (message, error) => console.error(`${message}: ${error.code ?? error.name}`);

const runtime = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/`);
const post = (path, said) => exchange(new URL(path, runtime), { method: "POST" }, JSON.stringify(said));

let broker;
try {
  // Every value as the text that it is, as `enabled: true` and a client called `null` alike.
  const definition = parse(readFileSync(process.env.TOKEN_BROKER_DEFINITION, "utf8"), { schema: "failsafe" });
  broker = new Broker(definition, process.env.TOKEN_BROKER_BINDINGS);
} catch (error) {
  log("the definition cannot be read", error);
  await post("init/error", { errorType: "Configuration", errorMessage: "the definition cannot be read" });
  process.exit(1);
}
for (;;) {
  const { status, headers, body } = await exchange(new URL("invocation/next", runtime), { method: "GET" });
  if (status !== 200) throw new Error("the Runtime API gives no invocations");
  const invocation = `invocation/${headers["lambda-runtime-aws-request-id"]}`;
  const event = object(body);
  if (event?.requestContext?.identity && event.requestContext.requestId) {
    const deadline = Number(headers["lambda-runtime-deadline-ms"]) / 1000;
    await post(`${invocation}/response`, await broker.answer(event, deadline));
  } else {
    // The payload is no proxy event. It is not repeated.
    await post(`${invocation}/error`, { errorType: "NoProxyEvent", errorMessage: "the payload is no proxy event" });
  }
}
