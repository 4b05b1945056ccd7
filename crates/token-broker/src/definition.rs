//! Reading the definition file, and writing it the first time.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use ambient::{SystemEntropy, Timestamp, alphanumeric};
use anyhow::{Context as _, anyhow, bail};
use check::{Note, Subject, Waivers, judge};
use config::{Breach, Compiled, Definition, KeyRecord};
use restapi::{ApiKeyId, ApiKeyValue};

use crate::{function, traces};

/// Reads the definition.
pub(crate) fn read(path: &Path) -> anyhow::Result<Definition> {
    read_with_text(path).map(|(definition, _text)| definition)
}

/// Reads the definition, and keeps the text that it was made from: the file may have another one soon.
pub(crate) fn read_with_text(path: &Path) -> anyhow::Result<(Definition, String)> {
    let shown = path.display();
    match fs::read_to_string(path) {
        Ok(text) => Definition::parse(&text, &shown.to_string())
            .map(|definition| (definition, text))
            .map_err(|errors| anyhow!("{errors}")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "there is no definition `{shown}`; `token-broker init` writes one, `--config FILE` names another"
            )
        }
        Err(error) => Err(error).with_context(|| format!("the definition `{shown}` cannot be read")),
    }
}

/// Writes the commented default definition if there is none, and says whether it did. An existing file is never
/// touched.
pub(crate) fn write_default(path: &Path) -> anyhow::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            let written = file.write_all(config::DEFAULT_FILE.as_bytes()).and_then(|()| file.sync_all());
            written.with_context(|| format!("the definition `{}` cannot be written", path.display()))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => {
            Err(error).with_context(|| format!("the definition `{}` cannot be written", path.display()))
        }
    }
}

/// Where the paths in a definition count from, whose file is `config`.
pub(crate) fn directory(config: &Path) -> &Path {
    config.parent().unwrap_or(Path::new(""))
}

/// A definition that may run.
pub(crate) struct Checked {
    pub(crate) compiled: Compiled,
    /// What it breaks all the same: warnings, and what a waiver covers.
    pub(crate) passed: Vec<Breach>,
}

/// Compiles the definition for this machine: what this build cannot run, and what [`guarded`] refuses, does not run.
pub(crate) fn compile(
    definition: &Definition,
    keys: Vec<KeyRecord>,
    now: Timestamp,
) -> anyhow::Result<Checked> {
    function::refuse_unbuilt(&definition.local.function_home)?;
    traces::refuse_unbuilt(definition.local.traces.as_ref())?;
    guarded(definition, keys, now)
}

/// Compiles the definition and holds it against the guardrails: what breaks one without a waiver that holds at `now` is
/// refused.
pub(crate) fn guarded(
    definition: &Definition,
    keys: Vec<KeyRecord>,
    now: Timestamp,
) -> anyhow::Result<Checked> {
    let compiled = config::compile(definition, keys)?;
    let (stopping, passed): (Vec<_>, Vec<_>) =
        config::guard(&compiled, now).into_iter().partition(Breach::stops);
    if stopping.is_empty() {
        return Ok(Checked { compiled, passed });
    }
    let listed: Vec<String> = stopping.iter().map(ToString::to_string).collect();
    bail!("the definition breaks {} guardrail(s):\n\n{}", stopping.len(), listed.join("\n\n"))
}

/// What runs though it breaks a guardrail is in the log of every start and every reload.
pub(crate) fn say_what_passed(passed: &[Breach]) {
    for Breach { finding, waiver, .. } in passed {
        let (guardrail, place, detail) = (finding.guardrail.id, &finding.place, &finding.detail);
        match waiver {
            Some(waiver) => tracing::warn!(
                guardrail,
                place,
                detail,
                waiver.line = waiver.position.line,
                waiver.until = %waiver.expires,
                waiver.reason,
                "a guardrail is broken and waived"
            ),
            None => {
                tracing::warn!(guardrail, place, detail, mend = finding.guardrail.mend, "a guardrail warns");
            }
        }
    }
}

/// What somebody should know of the waivers themselves: those that end soon, and those that nothing in the definition needs.
pub(crate) fn notes_on_waivers(definition: &Definition, now: Timestamp) -> Vec<String> {
    let file = "the definition";
    if definition.waivers.is_empty() {
        return Vec::new();
    }
    let (mut known, mut said_first) = (definition.clone(), Vec::new());
    let rules = check::rules();
    known.waivers.retain(|waiver| rules.iter().any(|rule| rule.id == waiver.guardrail));
    if let Err(unknown) = Waivers::of(definition, file) {
        said_first.push(unknown.to_string());
    }
    let Ok(waivers) = Waivers::of(&known, file) else { return said_first };
    // What cannot be compiled has been refused before.
    let findings = judge::definition(definition, file).unwrap_or_default();
    let noted = waivers.apply(findings, Subject::Definition, now).notes;
    let said = |Note { line, text, .. }| match line {
        Some(line) => format!("line {line}: {text}"),
        None => text,
    };
    said_first.into_iter().chain(noted.into_iter().map(said)).collect()
}

/// The same in the log of every start and every reload.
pub(crate) fn say_of_waivers(definition: &Definition, now: Timestamp) {
    for note in notes_on_waivers(definition, now) {
        tracing::warn!(note, "a waiver needs somebody's attention");
    }
}

/// [`compile`] before there are keys: for each client one stands in, as it will be given one when the definition is run.
pub(crate) fn rehearse(definition: &Definition, now: Timestamp) -> anyhow::Result<Checked> {
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
    compile(definition, keys.collect::<anyhow::Result<_>>()?, now)
}
