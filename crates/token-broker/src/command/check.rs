//! `config check` and `config schema`.

use std::process::ExitCode;

use ambient::{SystemEntropy, alphanumeric};
use config::KeyRecord;
use restapi::{ApiKeyId, ApiKeyValue};
use serde_json::json;

use crate::cli::{Output, Place};
use crate::definition;
use crate::terminal::ACCENT;

pub(crate) fn run(place: &Place, output: Output) -> ExitCode {
    let file = place.config.display().to_string();
    let checked = check(place);
    if output.json {
        let error = checked.as_ref().err().map(|error| format!("{error:#}"));
        println!("{}", json!({ "file": file, "ok": error.is_none(), "error": error }));
    }
    match checked {
        Ok((plans, clients)) if !output.json => {
            anstream::println!(
                "{ACCENT}{file}{ACCENT:#} can be run: {plans} plan(s), {clients} client(s), no guardrail broken"
            );
            ExitCode::SUCCESS
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            if !output.json {
                crate::terminal::error(&error);
            }
            ExitCode::FAILURE
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
    Ok((definition.plans.len(), definition.clients.len()))
}

pub(crate) fn schema() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&config::schema())?);
    Ok(())
}
