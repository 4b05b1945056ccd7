//! A line of the access log: a format, read once for what its text is, and filled in for each request.
//!
//! Values from outside are escaped for the place in which they stand, so that no client can forge a line or a field:
//!
//! - **JSON**, if the format is an object or an array of it: a value inside quotes is escaped as JSON has it, one outside
//!   stands as it is if it is a number, and becomes a text otherwise.
//! - **XML**, if it is one element whose values stand in content or quoted attributes: entities.
//! - **CSV**, if it is values between commas: a value that needs quotes gets them, and a quote is doubled (RFC 4180).
//! - **Anything else** is text as Apache writes its logs: quotes, backslashes, controls and what is not ASCII as `\"`, `\\`,
//!   `\n`, `\xhh`; outside quotes and brackets, where somebody else chooses the value, also spaces and every mark that the
//!   format itself uses there.
//!
//! What a spreadsheet makes of a value that begins like a formula is no matter of the line's.

mod escape;
mod xml;

use std::borrow::Cow;

use escape::Place;
pub(crate) use escape::write_text;
use restapi::LogVariable;
use serde_json::Value;

use crate::template::{Part, Template};

/// A format, ready to be filled in.
#[derive(Clone, Debug)]
pub(crate) struct LogLine {
    parts: Vec<LinePart>,
    /// ASCII marks that the format uses outside quotes and brackets, if it is text.
    marks: Vec<u8>,
}

#[derive(Clone, Debug)]
enum LinePart {
    Text(String),
    Variable { name: String, place: Place },
}

impl LogLine {
    /// Reads a format. Line breaks at its end are left out, and others become spaces: a request has one line.
    pub(crate) fn parse(format: &str) -> Self {
        let format = format.trim_end_matches(['\r', '\n']).replace('\n', " ");
        let Template(parts) = Template::parse(&format);
        let places = json(&parts).or_else(|| xml::places(&parts)).or_else(|| csv(&parts));
        let (places, marks) = places.map_or_else(|| text(&parts), |places| (places, Vec::new()));
        let mut places = places.into_iter();
        let parts = parts.into_iter().map(|part| match part {
            Part::Text(text) => LinePart::Text(text),
            Part::Variable(name) => {
                // There are as many places as variables.
                let place = places.next().unwrap_or(Place::Bare);
                let place = if place == Place::Bare && !is_chosen(&name) { Place::Own } else { place };
                LinePart::Variable { name, place }
            }
        });
        Self { parts: parts.collect(), marks }
    }

    /// Writes the line, without its end. `value` is asked for each variable; where there is none, a dash stands.
    pub(crate) fn render_into<'a>(&self, out: &mut Vec<u8>, value: impl Fn(&str) -> Option<Cow<'a, str>>) {
        for part in &self.parts {
            match part {
                LinePart::Text(text) => out.extend_from_slice(text.as_bytes()),
                LinePart::Variable { name, place } => {
                    match value(name).filter(|value| !value.is_empty()) {
                        Some(value) => place.write(&value, &self.marks, out),
                        // Whatever the marks of the format are.
                        None if *place == Place::Bare => out.push(b'-'),
                        None => place.write("-", &[], out),
                    }
                }
            }
        }
    }
}

/// Whether a client, whoever signs its certificate or an authorizer chooses the value freely. What this program or the definition says (an id, a status,
/// the time with a space in it) is no danger to the fields around it.
fn is_chosen(name: &str) -> bool {
    name.starts_with("authorizer.")
        || name.starts_with("identity.clientCert.")
        || ["path", "domainName", "domainPrefix", "identity.userAgent"].contains(&name)
        || LogVariable::find(name).is_none()
}

/// The places of the variables, if the text is an object or an array of JSON with them.
fn json(parts: &[Part]) -> Option<Vec<Place>> {
    let (mut probe, mut places) = (String::new(), Vec::new());
    let (mut is_string, mut is_escaped) = (false, false);
    for part in parts {
        match part {
            Part::Text(text) => {
                for c in text.chars() {
                    (is_string, is_escaped) = match (is_string, is_escaped, c) {
                        (true, true, _) => (true, false),
                        (true, false, '\\') => (true, true),
                        (is_string, _, '"') => (!is_string, false),
                        (is_string, ..) => (is_string, false),
                    };
                }
                probe.push_str(text);
            }
            // Behind a backslash or in `\u00…` a value would change what it means: this letter stands in neither.
            Part::Variable(_) if is_string => {
                probe.push('x');
                places.push(Place::JsonString);
            }
            Part::Variable(_) => {
                probe.push_str("null");
                places.push(Place::JsonValue);
            }
        }
    }
    let is_json = matches!(serde_json::from_str(&probe), Ok(Value::Object(_) | Value::Array(_)));
    is_json.then_some(places)
}

/// The places of the variables, if the text is values between commas: each a variable, a word, or something in quotes.
fn csv(parts: &[Part]) -> Option<Vec<Place>> {
    enum Field {
        Begins,
        Variable,
        Word,
        Quoted,
        QuoteEnds,
    }
    let (mut places, mut field, mut commas) = (Vec::new(), Field::Begins, 0);
    for part in parts {
        match part {
            Part::Variable(_) => {
                let (place, next) = match field {
                    Field::Begins => (Place::CsvField, Field::Variable),
                    Field::Quoted => (Place::CsvQuoted, Field::Quoted),
                    _ => return None,
                };
                places.push(place);
                field = next;
            }
            Part::Text(text) => {
                for c in text.chars() {
                    field = match (field, c) {
                        (Field::Quoted, '"') => Field::QuoteEnds,
                        (Field::Begins | Field::QuoteEnds, '"') | (Field::Quoted, _) => Field::Quoted,
                        (_, ',') => {
                            commas += 1;
                            Field::Begins
                        }
                        (Field::Begins | Field::Word, c) if c != '"' => Field::Word,
                        _ => return None,
                    };
                }
            }
        }
    }
    (commas > 0 && !matches!(field, Field::Quoted)).then_some(places)
}

/// The places of the variables in any text, and the marks that it uses outside quotes and brackets.
fn text(parts: &[Part]) -> (Vec<Place>, Vec<u8>) {
    let (mut places, mut marks, mut place, mut is_escaped) = (Vec::new(), Vec::new(), Place::Bare, false);
    for part in parts {
        match part {
            Part::Variable(_) => places.push(place),
            Part::Text(text) => {
                for c in text.chars() {
                    place = match (place, c) {
                        (Place::Quoted, '"') if !is_escaped => Place::Bare,
                        (Place::Bracketed, ']') => Place::Bare,
                        (Place::Bare, '"') => Place::Quoted,
                        (Place::Bare, '[') => Place::Bracketed,
                        (place, _) => place,
                    };
                    is_escaped = c == '\\' && !is_escaped;
                    if place == Place::Bare && c.is_ascii() && !c.is_ascii_alphanumeric() {
                        marks.extend(u8::try_from(c));
                    }
                }
            }
        }
    }
    // Quotes or brackets that do not close enclose nothing.
    if place != Place::Bare {
        places.fill(Place::Bare);
    }
    (places, marks)
}

#[cfg(test)]
mod tests;
