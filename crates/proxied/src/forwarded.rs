//! `Forwarded` (RFC 7239): elements with commas between them, each written by the hop behind the one it names.
//!
//! A value may be quoted, and a comma in quotes is none. Which quotes belong together is found from the end of the line,
//! where the trusted hop wrote, and never from its beginning: a lone quote of a client's must not reach into what a proxy
//! put behind it. Backslashes in quotes are not known here; no address needs one.

use std::net::IpAddr;

use crate::entry::{address, trim};

/// Cuts the last element off a line: what stands before it, if anything, and the element.
pub(crate) fn last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    let comma = line.iter().rposition(|byte| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    });
    match comma {
        Some(comma) => (line.get(..comma), line.get(comma + 1..).unwrap_or_default()),
        None => (None, line),
    }
}

/// The address that an element names by its one `for`.
pub(crate) fn named(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = trim(element);
    loop {
        let (pair, behind) = pair(rest)?;
        if pair.name.eq_ignore_ascii_case("for") {
            // Twice is not allowed (RFC 7239 §4), and would leave open which was meant.
            if found.is_some() {
                return None;
            }
            // A colon or a bracket stands in quotes only, so IPv6 addresses always do.
            found = Some(address(pair.value, false)?);
        }
        match behind {
            Some(behind) => rest = behind,
            None => return found,
        }
    }
}

struct Pair<'a> {
    name: &'a str,
    value: &'a str,
}

/// The first pair, and what stands behind its semicolon.
fn pair(text: &[u8]) -> Option<(Pair<'_>, Option<&[u8]>)> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (text.get(..equals)?, text.get(equals + 1..)?);
    let (value, behind) = if let Some(quoted) = value.strip_prefix(b"\"") {
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        (quoted.get(..end).filter(|value| value.iter().copied().all(is_quotable))?, quoted.get(end + 1..)?)
    } else {
        let end = value.iter().position(|byte| !is_token(*byte)).unwrap_or(value.len());
        (value.get(..end).filter(|value| !value.is_empty())?, value.get(end..)?)
    };
    let is_name = !name.is_empty() && name.iter().copied().all(is_token);
    let behind = match behind {
        [] => None,
        [b';', behind @ ..] => Some(behind),
        _ => return None,
    };
    let pair = Pair { name: str::from_utf8(name).ok()?, value: str::from_utf8(value).ok()? };
    is_name.then_some((pair, behind))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 §5.6.4, without what needs a backslash.
fn is_quotable(byte: u8) -> bool {
    byte != b'\\' && (byte == b'\t' || (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_matched_from_the_end() {
        let rows: [(&str, Option<&str>, &str); 6] = [
            ("for=a, for=b", Some("for=a"), " for=b"),
            ("for=a;by=\"x, y\"", None, "for=a;by=\"x, y\""),
            ("for=\"a, for=192.0.2.1", Some("for=\"a"), " for=192.0.2.1"),
            ("\", for=\"[2001:db8::1]\"", Some("\""), " for=\"[2001:db8::1]\""),
            ("a,", Some("a"), ""),
            ("", None, ""),
        ];
        for (line, before, element) in rows {
            assert_eq!(last(line.as_bytes()), (before.map(str::as_bytes), element.as_bytes()), "{line}");
        }
    }

    #[test]
    fn element_names_one_address_or_none() {
        let rows = [
            ("for=192.0.2.1", Some("192.0.2.1")),
            (" FOR=192.0.2.1\t", Some("192.0.2.1")),
            ("for=\"192.0.2.1:47011\"", Some("192.0.2.1")),
            ("for=\"[2001:db8::1]\"", Some("2001:db8::1")),
            ("for=\"[2001:db8::1]:47011\"", Some("2001:db8::1")),
            ("for=\"[2001:db8::1]:_p\"", Some("2001:db8::1")),
            ("proto=https;for=192.0.2.1;by=203.0.113.1;host=\"a, b; for=198.51.100.1\"", Some("192.0.2.1")),
            ("secret=x;for=192.0.2.1", Some("192.0.2.1")),
            ("", None),
            ("192.0.2.1", None),
            ("proto=https", None),
            ("for=", None),
            ("for=\"\"", None),
            ("for=unknown", None),
            ("for=_hidden", None),
            ("for=192.0.2.1;for=192.0.2.1", None),
            ("for=192.0.2.1;", None),
            (";for=192.0.2.1", None),
            ("for =192.0.2.1", None),
            ("for= 192.0.2.1", None),
            ("for=192.0.2.1 ;by=a", None),
            ("for=192.0.2.1:80", None),
            ("for=2001:db8::1", None),
            ("for=[2001:db8::1]", None),
            ("for=\"2001:db8::1\"", None),
            ("for=\"192.0.2.1", None),
            ("for=\"192.0.2.1\"x", None),
            ("for=\"192.0.2.1\\\"", None),
            ("by=\"\\\"\";for=192.0.2.1", None),
            ("x-for=192.0.2.1", None),
        ];
        for (element, expected) in rows {
            let expected = expected.map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(named(element.as_bytes()), expected, "{element}");
        }
    }
}
