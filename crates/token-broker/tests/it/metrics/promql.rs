//! Queries of Prometheus, read as far as it takes to say which metrics and labels they are about.
//!
//! It is no parser of the language: whether brackets and quotes close is all it knows of syntax. The rules that are shipped
//! were held against `promtool` when they were written.

use std::collections::{BTreeMap, BTreeSet};

/// Labels that Prometheus gives every series.
const OF_THE_TARGET: [&str; 2] = ["instance", "job"];

/// The metrics of ours that `query` is about; an error is what does not fit what is shown.
pub(super) fn check(
    query: &str,
    shown: &BTreeMap<String, BTreeSet<String>>,
) -> Result<BTreeSet<String>, String> {
    let tokens = tokens(query)?;
    let (mut seen, mut wanted, mut known) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut rest = tokens.as_slice();
    while let [token, behind @ ..] = rest {
        rest = behind;
        if token.starts_with("token_broker_") {
            let labels = shown.get(token).ok_or_else(|| format!("nobody shows `{token}`"))?;
            seen.insert(token.clone());
            known.extend(labels.iter().cloned());
            if behind.first().is_some_and(|next| next == "{") {
                for matched in names(behind, "}") {
                    if !labels.contains(&matched) && !OF_THE_TARGET.contains(&matched.as_str()) {
                        return Err(format!("`{token}` has no label `{matched}`"));
                    }
                }
            }
        } else if ["by", "without", "on", "ignoring"].contains(&token.as_str()) {
            wanted.extend(names(behind, ")"));
        }
    }
    wanted.retain(|label| !known.contains(label) && !OF_THE_TARGET.contains(&label.as_str()));
    if wanted.is_empty() { Ok(seen) } else { Err(format!("nothing has the labels {wanted:?}")) }
}

/// The names inside the brackets that begin here: those in front of an operator, or all of a list.
fn names(tokens: &[String], end: &str) -> Vec<String> {
    let inside = tokens.iter().skip(1).take_while(|token| *token != end);
    inside.filter(|token| token.starts_with(|c: char| c.is_ascii_alphabetic())).cloned().collect()
}

/// Words, and every other character by itself; texts in quotes are left out. Brackets must match.
fn tokens(query: &str) -> Result<Vec<String>, String> {
    let (mut tokens, mut open) = (Vec::new(), Vec::new());
    let mut characters = query.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => loop {
                match characters.next() {
                    Some('"') => break,
                    Some(_) => {}
                    None => return Err("a quote does not close".to_owned()),
                }
            },
            'a'..='z' | 'A'..='Z' | '_' | '$' => {
                let mut word = String::from(character);
                while let Some(more) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(more);
                }
                tokens.push(word);
            }
            ' ' => {}
            bracket => {
                match bracket {
                    '(' => open.push(')'),
                    '{' => open.push('}'),
                    '[' => open.push(']'),
                    ')' | '}' | ']' if open.pop() != Some(bracket) => {
                        return Err(format!("`{bracket}` closes nothing"));
                    }
                    _ => {}
                }
                tokens.push(bracket.to_string());
            }
        }
    }
    if open.is_empty() { Ok(tokens) } else { Err("a bracket does not close".to_owned()) }
}
