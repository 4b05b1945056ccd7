//! Waivers over findings: what may be, for a reason and for a time.
//!
//! After the findings and before the report. A waiver that holds takes what it covers out of what counts, never out of the
//! report; one that has ended takes out nothing, and the finding says so. A waiver for a rule that does not exist is an
//! error, since whoever wrote it believes that it does something.

use std::time::Duration;

use ambient::Timestamp;
use config::{Definition, Waiver};
use restapi::guardrails;
use thiserror::Error;

use crate::{Finding, Note, Report, Waived, rules};

/// The waivers of a definition, each for a rule that exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waivers<'a> {
    file: &'a str,
    waivers: &'a [Waiver],
}

/// A waiver is for a rule that does not exist.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{file}:{line}: waivers: there is no rule `{id}`; the rules are TB001 to {last}")]
pub struct UnknownRule {
    file: String,
    line: usize,
    id: String,
    last: &'static str,
}

/// What findings were looked for in: a waiver can be said to cover nothing only where it could cover something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The definition itself.
    Definition,
    /// A Terraform plan or state.
    Terraform,
}

impl<'a> Waivers<'a> {
    /// The waivers of `definition`, which was read from `file`.
    pub fn of(definition: &'a Definition, file: &'a str) -> Result<Self, UnknownRule> {
        let rules = rules();
        let is_unknown = |waiver: &&Waiver| rules.iter().all(|rule| rule.id != waiver.guardrail);
        match definition.waivers.iter().find(is_unknown) {
            Some(Waiver { guardrail, position, .. }) => Err(UnknownRule {
                file: file.to_owned(),
                line: position.line,
                id: guardrail.clone(),
                last: rules.last().map_or("TB001", |rule| rule.id),
            }),
            None => Ok(Self { file, waivers: &definition.waivers }),
        }
    }

    /// The report of `findings`, which were looked for in `subject`.
    pub fn apply(self, findings: Vec<Finding>, subject: Subject, now: Timestamp) -> Report {
        let notes =
            self.waivers.iter().filter_map(|waiver| self.note(waiver, &findings, subject, now)).collect();
        let mut report = Report { notes, ..Report::default() };
        for finding in findings {
            let covering = || self.waivers.iter().filter(|waiver| covers(waiver, &finding));
            if let Some(waiver) = covering().find(|waiver| waiver.holds(now)) {
                report.waived.push(self.waived(finding, waiver));
            } else {
                let ended = covering().max_by_key(|waiver| waiver.expires);
                report.findings.push(match ended {
                    Some(waiver) => self.no_longer_waived(finding, waiver),
                    None => finding,
                });
            }
        }
        report
    }

    fn waived(self, finding: Finding, waiver: &Waiver) -> Waived {
        Waived {
            finding,
            reason: waiver.reason.clone(),
            expires: waiver.expires.to_string(),
            file: self.file.to_owned(),
            line: line(waiver),
        }
    }

    fn no_longer_waived(self, finding: Finding, waiver: &Waiver) -> Finding {
        let Waiver { expires, position, .. } = waiver;
        let detail =
            format!("{} (its waiver at {}:{} ended on {expires})", finding.detail, self.file, position.line);
        Finding { detail, ..finding }
    }

    /// What somebody should know of `waiver` itself.
    fn note(self, waiver: &Waiver, findings: &[Finding], subject: Subject, now: Timestamp) -> Option<Note> {
        let is_used = findings.iter().any(|finding| covers(waiver, finding));
        let says = match subject {
            _ if is_used => used(waiver, now),
            Subject::Terraform => is_for_terraform(waiver).then(|| "covers nothing; remove it".to_owned()),
            Subject::Definition => (!is_for_terraform(waiver)).then(|| {
                "covers nothing in the definition; remove it, or name the Terraform address that it is for".to_owned()
            }),
        };
        let Waiver { guardrail, at, .. } = waiver;
        says.map(|says| Note {
            file: self.file.to_owned(),
            line: Some(line(waiver)),
            text: format!("the waiver of {guardrail} at `{at}` {says}"),
        })
    }
}

/// Whether `waiver` is for `finding`, by the address, by the place that its rule named, or by the path in the definition.
fn covers(waiver: &Waiver, finding: &Finding) -> bool {
    let Finding { rule, origin, .. } = finding;
    waiver.covers(rule.id, &origin.address)
        || Definition::names_of(&origin.place).iter().any(|name| waiver.covers(rule.id, name))
}

/// Whether it can cover something in Terraform alone: by its rule, or by an address as Terraform writes them.
fn is_for_terraform(waiver: &Waiver) -> bool {
    let is_guardrail = guardrails::ALL.iter().any(|guardrail| guardrail.id == waiver.guardrail);
    let is_address = ["module.", "aws_", "output.", "var."].iter().any(|kind| waiver.at.starts_with(kind));
    !is_guardrail || is_address
}

/// What is to be said of the end of a waiver that something needs.
fn used(waiver: &Waiver, now: Timestamp) -> Option<String> {
    let expires = waiver.expires;
    if waiver.holds(now) && !waiver.holds(now.plus(SOON)) {
        Some(format!("ends on {expires}; from the next day on what it covers counts"))
    } else if waiver.holds(now.plus(LONG)) {
        Some(format!("ends on {expires}, more than a year from now; an earlier end has it looked at again"))
    } else {
        None
    }
}

fn line(waiver: &Waiver) -> u64 {
    u64::try_from(waiver.position.line).unwrap_or(u64::MAX)
}

/// How long before its end a waiver is told of.
const SOON: Duration = Duration::from_hours(30 * 24);

/// How long an exception is none any more.
const LONG: Duration = Duration::from_hours(366 * 24);

#[cfg(test)]
mod tests;
