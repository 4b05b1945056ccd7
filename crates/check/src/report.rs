//! What is told of a check: the findings that count, those that are waived, and notes; in four formats.
//!
//! Last on the path: [`Waivers::apply`](crate::Waivers::apply) makes a report, [`Report::render`] the text of it.
//!
//! Promises: the same report has the same text; a finding is one line of text and of workflow commands, whatever
//! characters a plan's names have; JSON and SARIF keep their shape within a version. It prints nothing itself.

mod github;
mod json;
mod sarif;
mod text;

use std::borrow::Cow;

use crate::Finding;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What counts, by rule, then by address.
    pub findings: Vec<Finding>,
    /// What would count, had nobody given a reason why it may be.
    pub waived: Vec<Waived>,
    /// What else somebody should know.
    pub notes: Vec<Note>,
}

/// A finding that a waiver takes out of what counts.
#[derive(Clone, Debug)]
pub struct Waived {
    /// The finding.
    pub finding: Finding,
    /// Why it may be.
    pub reason: String,
    /// The last day on which it may, such as `2027-01-31`.
    pub expires: String,
    /// The definition that says so.
    pub file: String,
    /// The line of it.
    pub line: u64,
}

/// Something that breaks no rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// The definition it is about.
    pub file: String,
    /// The line of it, if it is about one.
    pub line: Option<u64>,
    /// What somebody should know.
    pub text: String,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// One line per finding, for people; with ANSI colours, for whoever prints it to take out or not.
    Text,
    /// One JSON object; its `version` changes when its shape does.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions: annotations in a pull request.
    Github,
}

impl Report {
    /// Whether nothing was found that counts.
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The report as a text that ends with a line feed.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text::render(self),
            Format::Json => json::render(self),
            Format::Sarif => sarif::render(self),
            Format::Github => github::render(self),
        }
    }
}

/// What is there, why it must not be, and how to mend it: the parts of the one line.
fn sentence(finding: &Finding) -> String {
    let Finding { rule, detail, .. } = finding;
    format!("{detail}; why: {}; mend: {}", part(rule.reason), part(rule.mend))
}

/// A text as part of a sentence that goes on.
fn part(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}

/// `1 finding`, `2 findings`.
fn counted(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A text without characters that a terminal or a log obeys. Names in a plan are free, and may be a stranger's.
fn printable(text: &str) -> Cow<'_, str> {
    // Marks that turn the direction of writing, and separators of lines, are no control characters.
    let is_obeyed = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let written = |character: char| {
        if is_obeyed(character) { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(written).collect::<String>().into()
}

#[cfg(test)]
mod tests;
