//! Whether a format is XML, strictly enough that a value can be escaped wherever it stands.
//!
//! One element with elements, text and quoted attributes in it. Comments, CDATA, instructions and declarations are none of
//! it: entities mean nothing there, so that a value could not be escaped.

use super::Place;
use crate::template::Part;

/// The places of the variables, if the text is one element of XML with them.
pub(super) fn places(parts: &[Part]) -> Option<Vec<Place>> {
    let mut probe = String::new();
    let mut variables = 0;
    for part in parts {
        match part {
            Part::Text(text) if text.contains(VARIABLE) => return None,
            Part::Text(text) => probe.push_str(text),
            Part::Variable(_) => {
                probe.push(VARIABLE);
                variables += 1;
            }
        }
    }
    is_one_element(probe.trim()).then(|| vec![Place::Xml; variables])
}

fn is_one_element(text: &str) -> bool {
    let Some(mut rest) = text.strip_prefix('<') else { return false };
    let mut open: Vec<&str> = Vec::new();
    loop {
        // `rest` is behind a `<`.
        let tag = if let Some(closing) = rest.strip_prefix('/') {
            let Some((name, after)) = closing.split_once('>') else { return false };
            if open.pop() != Some(name.trim_end()) {
                return false;
            }
            after
        } else {
            let (name, after) = name(rest);
            match attributes(after) {
                Some((is_empty, after)) if !name.is_empty() => {
                    open.extend((!is_empty).then_some(name));
                    after
                }
                _ => return false,
            }
        };
        if open.is_empty() {
            return tag.is_empty();
        }
        let Some((content, next)) = tag.split_once('<') else { return false };
        if !is_content(content) || content.contains("]]>") {
            return false;
        }
        rest = next;
    }
}

/// The name that a text begins with, and what is behind it.
fn name(text: &str) -> (&str, &str) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    let end = text.find(|c: char| !is_of_name(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        text.split_at(end)
    } else {
        ("", text)
    }
}

/// Reads attributes to the end of the tag. Says whether the element ends with it, and what is behind it.
fn attributes(mut text: &str) -> Option<(bool, &str)> {
    let mut names = Vec::new();
    loop {
        let trimmed = text.trim_start();
        if let Some(after) = trimmed.strip_prefix('>') {
            return Some((false, after));
        }
        if let Some(after) = trimmed.strip_prefix("/>") {
            return Some((true, after));
        }
        let (name, after) = name(trimmed);
        if trimmed.len() == text.len() || name.is_empty() || names.contains(&name) {
            return None;
        }
        names.push(name);
        let value = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'')?;
        let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
        if value.contains('<') || !is_content(value) {
            return None;
        }
        text = after;
    }
}

/// Whether every `&` begins a reference that all XML has.
fn is_content(text: &str) -> bool {
    text.split('&').skip(1).all(|behind| {
        let name = behind.split_once(';').map(|(name, _)| name);
        matches!(name, Some("amp" | "lt" | "gt" | "quot" | "apos"))
    })
}

/// In the place of a variable: no name has it, and no format in its own text.
const VARIABLE: char = '\u{f0000}';
