//! The name in a `Host` header. That the header is one has been seen to by the listener.

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
        }
    }
}
