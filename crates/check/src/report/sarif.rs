//! A report as SARIF 2.1.0 (OASIS), which code scanning and editors read.
//!
//! Every rule is listed, broken or not, so that a reader can tell "not broken" from "not looked for". What is waived is a
//! result with a suppression. A finding keeps its fingerprint when details of it change, so that an alert stays one alert.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Note, Report, Waived, part, sentence};
use crate::{Finding, Origin, Rule, rules};

pub(super) fn render(report: &Report) -> String {
    let rules = rules();
    let mut fingerprints = Fingerprints::default();
    let mut results: Vec<Value> =
        report.findings.iter().map(|finding| result(finding, &rules, &mut fingerprints)).collect();
    for waived in &report.waived {
        let mut result = result(&waived.finding, &rules, &mut fingerprints);
        if let Some(members) = result.as_object_mut() {
            members.insert("suppressions".into(), json!([suppression(waived)]));
        }
        results.push(result);
    }
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "token-broker",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(descriptor).collect::<Vec<_>>(),
            }},
            // Without it a reader may take an empty list for a run that broke off.
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": report.notes.iter().map(notification).collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn descriptor(rule: &Rule) -> Value {
    let Rule { id, title, reason, mend, severity } = rule;
    json!({
        "id": id,
        "name": name(title),
        "shortDescription": { "text": sentence_case(title) },
        "fullDescription": { "text": reason },
        "help": {
            "text": format!("Why: {reason}\nMend: {mend}"),
            "markdown": format!("**Why:** {reason}\n\n**Mend:** {mend}"),
        },
        "defaultConfiguration": { "level": severity },
    })
}

fn result(finding: &Finding, rules: &[Rule], fingerprints: &mut Fingerprints) -> Value {
    let Finding { rule, origin, .. } = finding;
    let logical: Vec<_> = logical_location(&origin.address).into_iter().collect();
    let address = if logical.is_empty() { String::new() } else { format!("{}: ", origin.address) };
    json!({
        "ruleId": rule.id,
        "ruleIndex": rules.iter().position(|known| known.id == rule.id),
        "level": rule.severity,
        "message": { "text": address + &sentence(finding) },
        "locations": [{
            "physicalLocation": physical_location(&origin.file, origin.line),
            "logicalLocations": logical,
        }],
        "partialFingerprints": { "tokenBrokerFinding/v1": fingerprints.of(finding) },
    })
}

/// What a finding is about, unless it is about a file as a whole.
fn logical_location(address: &str) -> Option<Value> {
    (!address.is_empty()).then(|| json!({ "fullyQualifiedName": address, "kind": "resource" }))
}

fn suppression(waived: &Waived) -> Value {
    let Waived { reason, expires, file, line, .. } = waived;
    json!({
        "kind": "external",
        "status": "accepted",
        "justification": format!("{} (until {expires})", part(reason)),
        "location": { "physicalLocation": physical_location(file, Some(*line)) },
    })
}

fn notification(note: &Note) -> Value {
    json!({
        "level": "note",
        "message": { "text": note.text },
        "locations": [{ "physicalLocation": physical_location(&note.file, note.line) }],
    })
}

/// Code scanning shows no result without a line: where lines mean nothing it is the first.
fn physical_location(file: &str, line: Option<u64>) -> Value {
    json!({
        "artifactLocation": { "uri": uri(file) },
        "region": { "startLine": line.unwrap_or(1).max(1) },
    })
}

/// A path as a URI reference (RFC 3986): a path that begins at the root is a file URI, any other stays relative.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let character = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().fold(scheme.to_owned(), |uri, byte| uri + &character(byte))
}

/// What a finding is known by, however its details change: rule, address and member, numbered where that is not enough.
#[derive(Default)]
struct Fingerprints(BTreeMap<String, usize>);

impl Fingerprints {
    fn of(&mut self, finding: &Finding) -> String {
        let Origin { address, .. } = &finding.origin;
        let base = format!("{}|{address}|{}", finding.rule.id, finding.origin.working_place());
        let seen = self.0.entry(base.clone()).or_default();
        *seen += 1;
        format!("{base}|{seen}")
    }
}

/// A title as an identifier: `no other endpoint` is `NoOtherEndpoint`.
fn name(title: &str) -> String {
    title.split(|character: char| !character.is_alphanumeric()).map(sentence_case).collect()
}

/// A text with a capital first letter.
fn sentence_case(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
