//! The `Host` header: whether it is one, and the name in it.

use std::net::Ipv6Addr;

/// Whether this is a host with an optional port (RFC 9110 §7.2).
pub(crate) fn is_host(host: &str) -> bool {
    let name = name(host);
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.len() <= 255
        && match literal {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte))
            }
        }
}

/// The host without its port. The colons of an IPv6 address are inside brackets and do not begin a port.
pub(crate) fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_taken_off() {
        for (host, expected) in [
            ("localhost", "localhost"),
            ("localhost:8080", "localhost"),
            ("localhost:", "localhost"),
            ("[::1]", "[::1]"),
            ("[::1]:8080", "[::1]"),
        ] {
            assert_eq!(name(host), expected);
            assert!(is_host(host), "{host}");
        }
    }

    #[test]
    fn text_that_is_no_host_is_known() {
        let long = "a".repeat(256);
        for text in [
            "", ":8080", "a:b", "a:1:2", "::1", "a b", "a/b", "user@a", "[::1", "[x]", "[]", "a?b", "a,b",
            "ä", &long,
        ] {
            assert!(!is_host(text), "{text}");
        }
    }
}
