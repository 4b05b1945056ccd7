//! Reading the definition file, and writing it the first time.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use config::{Compiled, Definition, KeyRecord};

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

/// Compiles the definition and holds it against the guardrails: what breaks one does not run.
pub(crate) fn compile(definition: &Definition, keys: Vec<KeyRecord>) -> anyhow::Result<Compiled> {
    let compiled = config::compile(definition, keys)?;
    let findings: Vec<_> = config::guard(&compiled).into_iter().filter(config::Breach::stops).collect();
    if findings.is_empty() {
        return Ok(compiled);
    }
    let listed: Vec<String> = findings.iter().map(ToString::to_string).collect();
    bail!("the definition breaks {} guardrail(s):\n\n{}", findings.len(), listed.join("\n\n"))
}
