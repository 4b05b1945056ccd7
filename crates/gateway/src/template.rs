//! Texts with `$context` variables: bodies of gateway responses, and formats of the access log before they are read
//! closer.

use std::borrow::Cow;

/// A text cut into what stands still and what is filled in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Template(pub(crate) Vec<Part>);

/// A piece of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// What stands still.
    Text(String),
    /// A variable without `$context.`.
    Variable(String),
}

impl Template {
    /// Cuts `text` at every `$context.name`. A name is letters, digits, `.` and `_`, and does not end in a dot.
    pub(crate) fn parse(text: &str) -> Self {
        const MARK: &str = "$context.";
        let mut parts = Vec::new();
        let mut pieces = text.split(MARK);
        let push_text = |parts: &mut Vec<Part>, text: &str| {
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
        };
        push_text(&mut parts, pieces.next().unwrap_or_default());
        for piece in pieces {
            let end = piece
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'))
                .unwrap_or(piece.len());
            let (name, rest) = piece.split_at(end);
            let trimmed = name.trim_end_matches('.');
            parts.push(Part::Variable(trimmed.to_owned()));
            push_text(&mut parts, &name.chars().skip(trimmed.len()).collect::<String>());
            push_text(&mut parts, rest);
        }
        Self(parts)
    }

    /// Fills the variables in. `value` writes the text of one, already escaped for where it stands.
    pub(crate) fn render_into(&self, out: &mut Vec<u8>, value: impl Fn(&str, &mut Vec<u8>)) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Variable(name) => value(name, out),
            }
        }
    }

    /// The whole text, if there is nothing to fill in.
    pub(crate) fn as_static(&self) -> Option<Cow<'_, str>> {
        match self.0.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [Part::Text(text)] => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }
}

/// Writes `text` so that it can stand inside the quotes of a JSON string. No control character, quote or backslash gets
/// through, so a value from outside can end neither the string nor the line.
pub(crate) fn escape_json(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, more) = rest.split_at_checked(plain_length(rest.as_bytes())).unwrap_or((rest, ""));
        out.extend_from_slice(plain.as_bytes());
        let mut characters = more.chars();
        match characters.next() {
            None => return,
            Some('"') => out.extend_from_slice(b"\\\""),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some(c) if is_unseen(c) => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = characters.as_str();
    }
}

/// How many of the first bytes can stand inside the quotes as they are. Mostly that is all of them, and they are copied at once.
fn plain_length(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    bytes.iter().position(|byte| !is_plain(byte)).unwrap_or(bytes.len())
}

/// Whether a character is not to be written as it is. Controls, C1 too, line and paragraph separators end lines in some
/// viewers; bidi overrides reorder them.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(template: &str) -> String {
        let mut out = Vec::new();
        Template::parse(template)
            .render_into(&mut out, |name, out| out.extend_from_slice(format!("<{name}>").as_bytes()));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn variables_are_found_where_they_end() {
        assert_eq!(
            render(r#"{"id":"$context.requestId","ip":"$context.identity.sourceIp"}"#),
            r#"{"id":"<requestId>","ip":"<identity.sourceIp>"}"#
        );
        assert_eq!(render("$context.status $context.stage."), "<status> <stage>.");
        assert_eq!(render("plain $ctx $context"), "plain $ctx $context");
        assert_eq!(Template::parse("plain").as_static().as_deref(), Some("plain"));
        assert_eq!(Template::parse("$context.stage").as_static(), None);
    }

    proptest! {
        #[test]
        fn escaped_text_is_one_json_string_with_the_same_meaning(text in any::<String>()) {
            let mut out = vec![b'"'];
            escape_json(&text, &mut out);
            out.push(b'"');
            prop_assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
