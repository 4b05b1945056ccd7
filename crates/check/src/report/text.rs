//! A report for people: `FILE:LINE: ID ADDRESS: what; why: …; mend: …`, one line each.

use anstyle::{AnsiColor, Style};
use restapi::guardrails::Severity;

use super::{Note, Report, Waived, counted, part, printable, sentence};
use crate::{Finding, Origin};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const PLACE: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();

pub(super) fn render(report: &Report) -> String {
    let findings = report.findings.iter().map(finding);
    let waived = report.waived.iter().map(waived);
    let notes = report.notes.iter().map(note);
    findings.chain(waived).chain(notes).chain([summary(report)]).map(|line| line + "\n").collect()
}

fn finding(finding: &Finding) -> String {
    let style = match finding.rule.severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
    };
    let (rule, said) = (finding.rule.id, sentence(finding));
    let said = printable(&said);
    format!("{}: {style}{rule}{style:#}{}: {said}", origin(&finding.origin), address(finding))
}

fn waived(waived: &Waived) -> String {
    let Waived { finding, reason, expires, file, line } = waived;
    let (rule, address) = (finding.rule.id, address(finding));
    let (detail, reason) = (printable(&finding.detail), printable(part(reason)));
    let until = format!("waived until {expires} by {}:{line}: {reason}", printable(file));
    format!("{}: {DIM}{rule}{DIM:#}{address}{DIM}: {detail}; {until}{DIM:#}", origin(&finding.origin))
}

/// A space and the address; nothing for what is about a file as a whole.
fn address(finding: &Finding) -> String {
    match printable(&finding.origin.address) {
        address if address.is_empty() => String::new(),
        address => format!(" {PLACE}{address}{PLACE:#}"),
    }
}

fn note(note: &Note) -> String {
    format!("{}: note: {}", at(&note.file, note.line), printable(&note.text))
}

/// Only what counts is counted; what is waived stands behind it.
fn summary(report: &Report) -> String {
    let count = counted(report.findings.len(), "finding");
    match report.waived.len() {
        0 => count,
        waived => format!("{count} ({waived} waived)"),
    }
}

fn origin(origin: &Origin) -> String {
    at(&origin.file, origin.line)
}

/// `FILE` or `FILE:LINE`.
fn at(file: &str, line: Option<u64>) -> String {
    let file = printable(file);
    line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
}
