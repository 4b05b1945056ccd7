//! An address as proxies write it, and lists that are read from their end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of `a.b.c.d` or `[v6]`, either with a port or without; also of a bare `v6`, if `bare_v6` says so.
///
/// Zones, leading zeros and everything else that is no address are none.
pub(crate) fn address(text: &str, bare_v6: bool) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, behind) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return is_port_or_nothing(behind).then(|| IpAddr::V6(address).to_canonical());
    }
    if bare_v6 && let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address).to_canonical());
    }
    let end = text.find(':').unwrap_or(text.len());
    let (address, behind) = text.split_at(end);
    let address: Ipv4Addr = address.parse().ok()?;
    is_port_or_nothing(behind).then_some(IpAddr::V4(address))
}

fn is_port_or_nothing(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else { return text.is_empty() };
    // RFC 7239 §6.3: one to five digits, or a name behind a `_`.
    match port.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Without the spaces and tabs around it (RFC 9110 §5.6.3).
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(|byte| !is_blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_few_spellings() {
        let rows = [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("192.0.2.1:_port", Some("192.0.2.1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:65535", Some("2001:db8::1")),
            ("[::ffff:192.0.2.1]:1", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("", None),
            ("unknown", None),
            ("_hidden", None),
            ("192.0.2.1:", None),
            ("192.0.2.1:123456", None),
            ("192.0.2.1:8o", None),
            ("192.0.2.1:_", None),
            ("192.0.2.1:_a b", None),
            ("192.0.2.01", None),
            ("192.0.2.1.", None),
            ("192.0.2", None),
            ("3221225985", None),
            ("0xc0.0.2.1", None),
            (" 192.0.2.1", None),
            ("[192.0.2.1]", None),
            ("[2001:db8::1", None),
            ("2001:db8::1]", None),
            ("[2001:db8::1]80", None),
            ("[fe80::1%eth0]", None),
            ("fe80::1%eth0", None),
            ("[[::1]]", None),
            ("example.com", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(address(text, true), expected, "{text}");
        }
        assert_eq!(address("2001:db8::1", false), None);
    }

    #[test]
    fn only_spaces_and_tabs_are_around_it() {
        for (text, trimmed) in [(" \ta b\t ", "a b"), ("", ""), (" \t", ""), ("\u{a0}a", "\u{a0}a")] {
            assert_eq!(trim(text.as_bytes()), trimmed.as_bytes());
        }
    }
}
