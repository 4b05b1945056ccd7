//! Reading the definition file, and writing it the first time.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use ambient::Timestamp;
use anyhow::{Context as _, anyhow, bail};
use config::{Breach, Compiled, Definition, KeyRecord};

use crate::function;

/// Reads the definition.
pub(crate) fn read(path: &Path) -> anyhow::Result<Definition> {
    let shown = path.display();
    match fs::read_to_string(path) {
        Ok(text) => Definition::parse(&text, &shown.to_string()).map_err(|errors| anyhow!("{errors}")),
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

/// A definition that may run.
pub(crate) struct Checked {
    pub(crate) compiled: Compiled,
    /// What it breaks all the same: warnings, and what a waiver covers.
    pub(crate) passed: Vec<Breach>,
}

/// Compiles the definition and holds it against the guardrails: what breaks one without a waiver that holds at `now` does
/// not run.
pub(crate) fn compile(
    definition: &Definition,
    keys: Vec<KeyRecord>,
    now: Timestamp,
) -> anyhow::Result<Checked> {
    function::refuse_unbuilt(&definition.local.function_home)?;
    let compiled = config::compile(definition, keys)?;
    let (stopping, passed): (Vec<_>, Vec<_>) =
        config::guard(&compiled, now).into_iter().partition(Breach::stops);
    if stopping.is_empty() {
        return Ok(Checked { compiled, passed });
    }
    let listed: Vec<String> = stopping.iter().map(ToString::to_string).collect();
    bail!("the definition breaks {} guardrail(s):\n\n{}", stopping.len(), listed.join("\n\n"))
}
