//! `check`: the guardrails over the definition, or over what `terraform show -json` printed.
//!
//! It ends with 0 when nothing was found that counts, with 1 when something was, and with 2 when it could not be checked: a
//! pipeline that takes every end but 0 for a failure is right, and one that looks closer can tell the two apart.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::process::ExitCode;

use ambient::{Clock as _, SystemClock};
use anyhow::{Context as _, bail};
use check::terraform::Document;
use check::{Finding, Format, Note, Report, Subject, Waivers, judge};
use config::Definition;

use crate::cli::{Check, CheckFormat, Place};
use crate::{definition, terminal};

/// `config_is_named`: whether the definition is one that somebody asked for.
pub(crate) fn run(place: &Place, config_is_named: bool, options: &Check) -> ExitCode {
    if options.list {
        return listed();
    }
    match told(place, config_is_named, options) {
        Ok(report) if report.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Prints the rules.
fn listed() -> ExitCode {
    match terminal::print(&check::handbook()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Checks, and prints what was found.
fn told(place: &Place, config_is_named: bool, options: &Check) -> anyhow::Result<Report> {
    let report = if options.files.is_empty() {
        of_definition(place)?
    } else if !config_is_named && matches!(place.config.try_exists(), Ok(false)) {
        of_terraform(place, None, options)?
    } else {
        of_terraform(place, Some(&definition::read(&place.config)?), options)?
    };
    let format = match options.format {
        CheckFormat::Text => Format::Text,
        CheckFormat::Json => Format::Json,
        CheckFormat::Sarif => Format::Sarif,
        CheckFormat::Github => Format::Github,
    };
    terminal::print(&report.render(format))?;
    Ok(report)
}

fn of_definition(place: &Place) -> anyhow::Result<Report> {
    let definition = definition::read(&place.config)?;
    let file = place.config.display().to_string();
    let waivers = Waivers::of(&definition, &file)?;
    let findings = judge::definition(&definition, &file)?;
    Ok(waivers.apply(findings, Subject::Definition, SystemClock.now()))
}

fn of_terraform(place: &Place, definition: Option<&Definition>, options: &Check) -> anyhow::Result<Report> {
    let file = place.config.display().to_string();
    let waivers = definition.map_or(Ok(Waivers::default()), |definition| Waivers::of(definition, &file))?;
    let compared = definition.filter(|_| !options.no_compare);
    let mut findings = Vec::new();
    for path in &options.files {
        findings.extend(of_file(path, options, definition)?);
    }
    let mut report = waivers.apply(findings, Subject::Terraform, SystemClock.now());
    let note = |text: &str| Note { file, line: None, text: text.to_owned() };
    let not_compared = match (definition, compared) {
        (None, _) => {
            Some("there is no such file; nothing was held against a definition, and nothing is waived")
        }
        (_, Some(definition)) if definition.aws.is_none() => {
            Some("homes.aws is not defined; nothing was held against the definition")
        }
        _ => None,
    };
    report.notes.extend(not_compared.map(note));
    Ok(report)
}

fn of_file(path: &Path, options: &Check, definition: Option<&Definition>) -> anyhow::Result<Vec<Finding>> {
    let (name, text) = if path == Path::new("-") {
        ("stdin".to_owned(), read(io::stdin().lock(), LARGEST))
    } else {
        (
            path.display().to_string(),
            File::open(path).map_err(Into::into).and_then(|file| read(file, LARGEST)),
        )
    };
    let text = text.with_context(|| format!("`{name}` cannot be read"))?;
    let document = Document::parse(&text).with_context(|| format!("`{name}` cannot be checked"))?;
    // The document has what it needs of the text, and both can be large.
    drop(text);
    let judge = if options.no_compare { judge::terraform_alone } else { judge::terraform };
    Ok(judge(&document, &name, options.api.as_deref(), definition))
}

/// All of `source` as text, if it is no larger than `largest` bytes.
fn read(source: impl Read, largest: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    match source.take(largest.saturating_add(1)).read_to_string(&mut text) {
        Err(error) if error.kind() == ErrorKind::InvalidData => bail!(
            "it is no UTF-8 text; a plan file is made one by `terraform show -json FILE`, and in PowerShell by \
             `terraform show -json FILE | Out-File -Encoding utf8 plan.json`"
        ),
        Err(error) => Err(error.into()),
        Ok(_) if u64::try_from(text.len()).is_ok_and(|length| length <= largest) => Ok(text),
        Ok(_) => {
            bail!("it is larger than {} MiB; keep the front door in a root module of its own", largest >> 20)
        }
    }
}

/// More than a hundred thousand resources.
const LARGEST: u64 = 256 << 20;
/// What cannot be checked is neither good nor bad.
const NOT_CHECKED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_up_to_its_bound() {
        assert_eq!(read(&b"12345678"[..], 8).unwrap(), "12345678");
        let error = read(io::repeat(b' '), 1 << 20).unwrap_err().to_string();
        assert!(error.contains("larger than 1 MiB"), "{error}");
    }

    #[test]
    fn what_is_no_text_is_not_read() {
        let error = read(&b"PK\x03\x04\xff\xfe"[..], 8).unwrap_err().to_string();
        assert!(error.contains("terraform show -json"), "{error}");
    }
}
