//! What `terraform show -json` prints, as `token-broker check` judges it.
//!
//! Either the text itself, or the name of a real plan or state in the first line, and what is changed in it in those that
//! follow: the number of a node, and the JSON in its place, or nothing if it is taken out. No fuzzer would find its way
//! through the document otherwise.

use std::sync::LazyLock;

use ambient::Timestamp;
use check::judge;
use check::terraform::Document;
use check::{Format, Report, Subject, Waivers};
use config::Definition;
use serde_json::Value;

use crate::{Broken, Kept};

/// Whatever the document says, judging it ends, comes to the same result each time, and is told in texts that keep their
/// form: JSON is JSON, a finding is one line.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(text) = str::from_utf8(input) else { return Ok(()) };
    let changed = changed(text);
    let Ok(document) = Document::parse(changed.as_deref().unwrap_or(text)) else { return Ok(()) };
    let definition = DEFINITION.as_ref().map_err(Broken::new)?;
    let report = report(&document, Some(definition))?;
    let again = self::report(&document, Some(definition))?;
    for format in [Format::Text, Format::Json, Format::Sarif, Format::Github] {
        let shown = report.render(format);
        keep!(shown == again.render(format), "two reports of one document differ");
        keep!(shown.ends_with('\n') || shown.is_empty(), "the report ends in mid-line: {shown:?}");
        if matches!(format, Format::Json | Format::Sarif) {
            let json: Result<Value, _> = serde_json::from_str(&shown);
            json.map_err(|error| Broken::by(&shown, error))?;
        }
        // Colours begin with an escape; nothing else has one.
        let is_plain = |c: char| c == '\n' || c == '\u{1b}' || !c.is_control();
        keep!(shown.chars().all(is_plain), "{format:?} has a control character: {shown:?}");
    }
    one_line_each(&report)
}

fn report(document: &Document, definition: Option<&Definition>) -> Result<Report, Broken> {
    let findings = judge::terraform(document, "plan.json", None, definition);
    let waivers = match definition {
        Some(definition) => {
            Waivers::of(definition, "token-broker.yaml").map_err(|error| Broken::by("waivers", error))?
        }
        None => Waivers::default(),
    };
    Ok(waivers.apply(findings, Subject::Terraform, Timestamp::EPOCH))
}

/// A name in a plan can make a finding neither more lines nor another finding.
fn one_line_each(report: &Report) -> Kept {
    let shown = report.render(Format::Github);
    let commands = shown.lines().filter(|line| line.starts_with("::error") || line.starts_with("::warning"));
    let expected = report.findings.len() + report.notes.len() + report.waived.len();
    let told = commands.count();
    keep!(told <= expected, "{told} annotations for {expected} findings: {shown:?}");
    keep!(
        told >= report.findings.len(),
        "{told} annotations for {} findings: {shown:?}",
        report.findings.len()
    );
    Ok(())
}

/// The real document that the first line names, with the changes of the others.
fn changed(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let name = lines.next()?;
    let (_, document) = DOCUMENTS.iter().find(|(own, _)| *own == name)?;
    let mut document: Value = serde_json::from_str(document).ok()?;
    for line in lines.take(MOST_CHANGES) {
        let (number, value) = line.split_once(' ').unwrap_or((line, ""));
        let (Ok(mut number), value) = (number.parse(), serde_json::from_str(value).ok()) else { continue };
        change(&mut document, &mut number, value.as_ref());
    }
    Some(document.to_string())
}

/// Replaces or takes out the node that comes after `number` others, and says whether it came.
fn change(node: &mut Value, number: &mut usize, to: Option<&Value>) -> bool {
    let mut is_it = |node: &mut Value| match (*number, to) {
        (0, Some(to)) => {
            node.clone_from(to);
            (true, true)
        }
        (0, None) => (true, false),
        _ => {
            *number -= 1;
            let found = change(node, number, to);
            (found, true)
        }
    };
    let mut is_found = false;
    match node {
        Value::Array(list) => list.retain_mut(|node| {
            let (found, is_kept) = if is_found { (true, true) } else { is_it(node) };
            is_found = found;
            is_kept
        }),
        Value::Object(members) => members.retain(|_, node| {
            let (found, is_kept) = if is_found { (true, true) } else { is_it(node) };
            is_found = found;
            is_kept
        }),
        _ => {}
    }
    is_found
}

const DOCUMENTS: [(&str, &str); 4] = [
    ("plan", include_str!("../../check/src/terraform/tests/fixtures/plan.json")),
    ("state", include_str!("../../check/src/terraform/tests/fixtures/state.json")),
    ("broker-plan", include_str!("../../check/src/terraform/tests/fixtures/broker-plan.json")),
    ("broker-state", include_str!("../../check/src/terraform/tests/fixtures/broker-state.json")),
];

/// More would only be slower.
const MOST_CHANGES: usize = 24;

static DEFINITION: LazyLock<Result<Definition, String>> = LazyLock::new(|| {
    let text = include_str!("../../check/src/terraform/tests/fixtures/token-broker.yaml");
    Definition::parse(text, "token-broker.yaml").map_err(|errors| errors.to_string())
});
