//! How a value is written where it stands.

use crate::template::{escape_json, is_unseen};

/// Where in a line a value stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Inside the quotes of a JSON string.
    JsonString,
    /// Where JSON has a value.
    JsonValue,
    /// In the content of an XML element, or in a quoted attribute.
    Xml,
    /// A field of CSV by itself.
    CsvField,
    /// Inside the quotes of a CSV field.
    CsvQuoted,
    /// In text, inside double quotes.
    Quoted,
    /// In text, inside square brackets.
    Bracketed,
    /// In text, inside nothing.
    Bare,
    /// The same, where the value is this program's own.
    Own,
}

impl Place {
    /// Writes `value`. `marks` are what separates values in text.
    pub(super) fn write(self, value: &str, marks: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::JsonString => escape_json(value, out),
            Self::JsonValue if is_number(value) => out.extend_from_slice(value.as_bytes()),
            Self::JsonValue => {
                out.push(b'"');
                escape_json(value, out);
                out.push(b'"');
            }
            Self::Xml => xml(value, out),
            Self::CsvField if value.contains([',', '"']) || value != value.trim() => {
                out.push(b'"');
                csv(value, out);
                out.push(b'"');
            }
            Self::CsvField | Self::CsvQuoted => csv(value, out),
            Self::Quoted | Self::Own => text(value, |_| false, out),
            Self::Bracketed => text(value, |byte| byte == b'[' || byte == b']', out),
            Self::Bare => text(value, |byte| b" '[]".contains(&byte) || marks.contains(&byte), out),
        }
    }
}

/// Whether the text is a number as JSON writes it, and nothing around it.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn xml(value: &str, out: &mut Vec<u8>) {
    for c in value.chars() {
        match c {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\'' => out.extend_from_slice(b"&apos;"),
            // XML 1.0 §2.2: not even a reference may name these.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                push(REPLACEMENT, out);
            }
            c if is_unseen(c) => out.extend_from_slice(format!("&#x{:x};", u32::from(c)).as_bytes()),
            c => push(c, out),
        }
    }
}

/// CSV has no way to write a control character on one line.
fn csv(value: &str, out: &mut Vec<u8>) {
    for c in value.chars() {
        match c {
            '"' => out.extend_from_slice(b"\"\""),
            c if is_unseen(c) => push(REPLACEMENT, out),
            c => push(c, out),
        }
    }
}

/// Writes text of our own with what may have come from elsewhere: nothing in it ends the line.
pub(crate) fn write_text(value: &str, out: &mut Vec<u8>) {
    text(value, |_| false, out);
}

/// As Apache's `ap_escape_logitem` does, byte by byte; what `is_mark` names is escaped as well. Mostly there is nothing to
/// escape, and everything is copied at once.
fn text(value: &str, is_mark: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    let is_plain =
        |byte: u8| (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\') && !is_mark(byte);
    let mut rest = value.as_bytes();
    loop {
        let length = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
        let (plain, more) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((byte, more)) = more.split_first() else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
        rest = more;
    }
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

const REPLACEMENT: char = '\u{fffd}';
