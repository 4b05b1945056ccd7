//! A report for programs.
//!
//! One object: `version` (1), `findings`, `waived`, `notes`. A finding has `id`, `title`, `severity` (`error`, `warning`),
//! `file`, `line` (a number, or null), `address`, `place` (a text, or null), `detail`, `reason` and `mend`; a waived one has
//! `waiver` besides, with `reason`, `expires` (a date), `file` and `line`; a note has `file`, `line` (or null) and `text`. Within a version
//! members are only ever added.

use serde_json::{Value, json};

use super::{Note, Report, Waived};
use crate::Finding;

pub(super) fn render(report: &Report) -> String {
    let report = json!({
        "version": VERSION,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "waived": report.waived.iter().map(waived).collect::<Vec<_>>(),
        "notes": report.notes.iter().map(note).collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

fn finding(finding: &Finding) -> Value {
    let Finding { rule, origin, detail } = finding;
    json!({
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity,
        "file": origin.file,
        "line": origin.line,
        "address": origin.address,
        "place": (!origin.place.is_empty()).then_some(&origin.place),
        "detail": detail,
        "reason": rule.reason,
        "mend": rule.mend,
    })
}

fn waived(waived: &Waived) -> Value {
    let Waived { reason, expires, file, line, .. } = waived;
    let mut value = finding(&waived.finding);
    if let Some(members) = value.as_object_mut() {
        let told = json!({ "reason": reason, "expires": expires, "file": file, "line": line });
        members.insert("waiver".into(), told);
    }
    value
}

fn note(note: &Note) -> Value {
    let Note { file, line, text } = note;
    json!({ "file": file, "line": line, "text": text })
}

const VERSION: u32 = 1;
