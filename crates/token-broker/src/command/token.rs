//! `token`: a token through the front door, as a client gets one.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde_json::{Value, json};
use tls::Identity;

use crate::cli::{Place, Token};
use crate::command::up::Endpoints;
use crate::http_client;
use crate::state::{ApiKeys, State};
use crate::terminal::{self, ACCENT, DIM, duration};

pub(crate) fn run(place: &Place, options: &Token) -> anyhow::Result<ExitCode> {
    let state = State::open(&place.state)?;
    let endpoints = Endpoints::read(&state)?;
    let keys = ApiKeys::read(&state)?;
    // The newest key is the one that stays when keys are rotated.
    let Some(entry) = keys.active().filter(|entry| entry.client == options.client).last() else {
        bail!("there is no API key of `{}`; `token-broker keys list` shows which there are", options.client);
    };
    let value = keys.value(entry)?;
    let mut form = "grant_type=client_credentials".to_owned();
    if let Some(scope) = &options.scope {
        form.push_str("&scope=");
        form.extend(form_urlencoded::byte_serialize(scope.as_bytes()));
    }
    let mut key = http::HeaderValue::from_str(value.expose())?;
    key.set_sensitive(true);
    let request = http::Request::post(&endpoints.invoke_url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-api-key", key)
        .body(Full::new(Bytes::from(form)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let own = options.cert.clone().zip(options.key.clone());
    let own = own.map(|(certificate, key)| Identity { certificate, key });
    let certificates = match &endpoints.certificate {
        Some(server) => Some(http_client::read_certificates(server, own.as_ref())?),
        None if own.is_some() => bail!("the front door is not behind TLS; leave out `--cert` and `--key`"),
        None => None,
    };
    let answer = runtime.block_on(http_client::send(request, certificates))?;
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    if !answer.status().is_success() {
        return refused(&answer, &body, options);
    }
    let token = body.get("access_token").and_then(Value::as_str).context("the answer has no access_token")?;
    if options.raw {
        terminal::print_line(token)?;
        return Ok(ExitCode::SUCCESS);
    }
    let claims = claims(token)?;
    let life = body.get("expires_in").and_then(Value::as_u64).unwrap_or(0);
    if options.output.json {
        let said = json!({ "client": options.client, "expires_in": life, "claims": claims });
        terminal::print_line(&said.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    terminal::print(&for_people(&options.client, life, &claims))?;
    Ok(ExitCode::SUCCESS)
}

fn for_people(client: &str, life: u64, claims: &Value) -> String {
    let mut text = format!("{ACCENT}token for {client}{ACCENT:#}  {} left\n", duration(life));
    for (name, value) in claims.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        // A string takes every write.
        let _written = writeln!(text, "  {name:<10} {value}");
    }
    let _written = writeln!(text, "{DIM}the token itself: token-broker token {client} --raw{DIM:#}");
    text
}

fn refused(answer: &http::Response<Bytes>, body: &Value, options: &Token) -> anyhow::Result<ExitCode> {
    let status = answer.status();
    let code = body.get("error").and_then(Value::as_str).unwrap_or("no OAuth error");
    let description =
        body.get("error_description").or_else(|| body.get("message")).and_then(Value::as_str).unwrap_or("");
    if options.output.json {
        let status = status.as_u16();
        let said = json!({ "client": options.client, "status": status, "error": code, "error_description": description });
        terminal::print_line(&said.to_string())?;
        return Ok(ExitCode::FAILURE);
    }
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let wait = header("retry-after").map(|wait| format!("; try again in {wait} s")).unwrap_or_default();
    let id = header("x-amzn-requestid").unwrap_or("-");
    bail!("{} {code}: {description}{wait} (request {id})", status.as_u16());
}

/// The claims, decoded and not verified: this is for looking at them.
fn claims(token: &str) -> anyhow::Result<Value> {
    let payload = token.split('.').nth(1).context("the token is no JWT")?;
    let json = BASE64_URL_SAFE_NO_PAD.decode(payload).context("the token is no JWT")?;
    serde_json::from_slice(&json).context("the token is no JWT")
}
