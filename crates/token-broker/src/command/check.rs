//! `config check` and `config schema`.

use std::process::ExitCode;

use ambient::{SystemEntropy, alphanumeric};
use config::KeyRecord;
use restapi::{ApiKeyId, ApiKeyValue};
use serde_json::json;

use crate::cli::{Output, Place};
use crate::terminal::{self, ACCENT};
use crate::{chain, definition};

pub(crate) fn run(place: &Place, output: Output) -> anyhow::Result<ExitCode> {
    let file = place.config.display().to_string();
    let checked = check(place);
    if output.json {
        let error = checked.as_ref().err().map(|error| format!("{error:#}"));
        terminal::print_line(&json!({ "file": file, "ok": error.is_none(), "error": error }).to_string())?;
    }
    match checked {
        Ok((plans, clients)) if !output.json => {
            terminal::print_line(&format!(
                "{ACCENT}{file}{ACCENT:#} can be run: {plans} plan(s), {clients} client(s), no guardrail broken"
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            if !output.json {
                terminal::error(&error);
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check(place: &Place) -> anyhow::Result<(usize, usize)> {
    let definition = definition::read(&place.config)?;
    // Every client gets a key when it is run; one that exists for this check alone shows what would be compiled then.
    let keys = definition.clients.keys().map(|client| {
        let value = alphanumeric(&SystemEntropy, ApiKeyValue::ALPHABET, ApiKeyValue::GENERATED_LENGTH);
        Ok(KeyRecord {
            id: ApiKeyId::derived(&["check", client.as_str()]),
            client: client.clone(),
            value: ApiKeyValue::new(value)?,
            enabled: true,
            name: client.to_string(),
        })
    });
    definition::compile(&definition, keys.collect::<anyhow::Result<_>>()?)?;
    // The definition names the secrets of an existing user pool: without them it cannot be run either.
    chain::external(&definition.local.user_pool)?;
    Ok((definition.plans.len(), definition.clients.len()))
}

pub(crate) fn schema() -> anyhow::Result<()> {
    terminal::print_line(&serde_json::to_string_pretty(&config::schema())?)
}
