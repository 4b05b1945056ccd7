//! A report as workflow commands: GitHub Actions shows each as an annotation at its file and line.

use std::fmt::Write as _;

use super::{Note, Report, Waived, part, printable, sentence};
use crate::{Finding, Origin};

pub(super) fn render(report: &Report) -> String {
    let findings = report.findings.iter().map(finding);
    let waived = report.waived.iter().map(waived);
    let notes = report.notes.iter().map(note);
    findings.chain(waived).chain(notes).map(|line| line + "\n").collect()
}

fn finding(finding: &Finding) -> String {
    command(finding.rule.severity.as_str(), &finding.origin, &title(finding), &sentence(finding))
}

fn waived(waived: &Waived) -> String {
    let Waived { finding, reason, expires, .. } = waived;
    let message = format!("{}; waived until {expires}: {}", finding.detail, part(reason));
    command("notice", &finding.origin, &title(finding), &message)
}

fn note(note: &Note) -> String {
    let Note { file, line, text } = note;
    let origin = Origin { file: file.clone(), line: *line, address: String::new(), place: String::new() };
    command("notice", &origin, "token-broker check", text)
}

fn title(finding: &Finding) -> String {
    format!("{} {}", finding.rule.id, finding.origin.address).trim_end().to_owned()
}

fn command(name: &str, origin: &Origin, title: &str, message: &str) -> String {
    let mut command = format!("::{name} file={}", property(&origin.file));
    if let Some(line) = origin.line {
        // A string takes every write.
        let _written = write!(command, ",line={line}");
    }
    command + &format!(",title={}::{}", property(title), data(message))
}

/// A message: whatever would end the command is written as the runner reads it back.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    printable(&escaped).into_owned()
}

/// A property: as a message, and without what ends a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
