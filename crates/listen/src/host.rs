//! Whether the value of a `Host` header is one.

use std::net::Ipv6Addr;

/// Whether this is a host with an optional port (RFC 9110 §7.2).
pub(crate) fn is_host(host: &[u8]) -> bool {
    let Ok(host) = str::from_utf8(host) else { return false };
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("", Some(port)),
        Some(_) => return false,
        None => host.split_once(':').map_or((host, None), |(name, _)| (name, host.get(name.len()..))),
    };
    let is_literal = host.starts_with('[');
    host.len() <= 255
        && (is_literal || is_name(name))
        && port.is_none_or(|port| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte))
}

/// A port may be left out after its colon.
fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_has_a_name_or_an_address_and_may_have_a_port() {
        for host in
            ["localhost", "localhost:8080", "localhost:", "127.0.0.1:1", "[::1]", "[::1]:8080", "a_b~%2d.c"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn text_that_is_no_host_is_known() {
        let long = "a".repeat(256);
        for text in [
            "", ":8080", "a:b", "a:1:2", "::1", "a b", "a/b", "user@a", "[::1", "[x]", "[]", "[::1]a",
            "[::1]:x", "a?b", "a,b", "a:65536", "a:-1", "a:+1", "http://a", "ä", &long,
        ] {
            assert!(!is_host(text.as_bytes()), "{text}");
        }
    }
}
