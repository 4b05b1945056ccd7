//! `X-Forwarded-For`: addresses with commas between them, each written by the hop behind the one it names.

use std::net::IpAddr;

use crate::entry::{address, trim};

/// Cuts the last entry off a line: what stands before it, if anything, and the entry.
pub(crate) fn last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match line.iter().rposition(|byte| *byte == b',') {
        Some(comma) => (line.get(..comma), line.get(comma + 1..).unwrap_or_default()),
        None => (None, line),
    }
}

/// The address that an entry names. IPv6 addresses stand with brackets or without, and some proxies write ports.
pub(crate) fn named(entry: &[u8]) -> Option<IpAddr> {
    address(str::from_utf8(trim(entry)).ok()?, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_cut_off_from_the_end() {
        assert_eq!(last(b"a, b ,c"), (Some(&b"a, b "[..]), &b"c"[..]));
        assert_eq!(last(b"a"), (None, &b"a"[..]));
        assert_eq!(last(b",a"), (Some(&b""[..]), &b"a"[..]));
        assert_eq!(last(b""), (None, &b""[..]));
    }

    #[test]
    fn quotes_belong_to_the_other_header() {
        assert_eq!(named(b"\t192.0.2.1 "), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(named(b"\"192.0.2.1\""), None);
        assert_eq!(named(b"for=192.0.2.1"), None);
        assert_eq!(named(b"192.0.2.1\xff"), None);
    }
}
