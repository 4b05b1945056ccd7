//! A request target: a path with or without a query, or a whole URL of this host. Nothing else, and nothing unencoded.

use http::Uri;

use crate::violation::Violation;

/// Holds the target against RFC 9112 §3.2. Of a whole URL, the host must be that of the `Host` header.
pub(crate) fn check(target: &str, host: &[u8]) -> Result<(), Violation> {
    if !is_encoded(target.as_bytes()) {
        return Err(Violation::Target);
    }
    if target.starts_with('/') {
        return Ok(());
    }
    let uri: Uri = target.parse().map_err(|_| Violation::Target)?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(Violation::Target);
    };
    if authority.as_str().as_bytes().eq_ignore_ascii_case(host) { Ok(()) } else { Err(Violation::Host) }
}

/// Whether this is a path with or without a query, and nothing else.
pub(crate) fn is_path(target: &str) -> bool {
    target.starts_with('/') && is_encoded(target.as_bytes())
}

/// Whether every character may stand in a URL, and every `%` begins an encoded one (RFC 3986 §2). No fragment: it must
/// not be sent.
fn is_encoded(target: &[u8]) -> bool {
    let mut rest = target.iter();
    while let Some(byte) = rest.next() {
        let is_right = match byte {
            b'%' => (0..2).all(|_| rest.next().is_some_and(u8::is_ascii_hexdigit)),
            byte => stands(*byte),
        };
        if !is_right {
            return false;
        }
    }
    true
}

/// RFC 3986: unreserved, sub-delims, and what separates the parts of a URL but a fragment.
const fn stands(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
        )
        || matches!(byte, b';' | b'=' | b':' | b'@' | b'/' | b'?' | b'[' | b']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_or_url_of_this_host_is_a_target() {
        for target in [
            "/",
            "//",
            "/a/b?c=d&e=%2f",
            "/a;b@c:d!$&'()*+,=-._~",
            "/?a[]=1",
            "http://localhost:8080/",
            "HTTP://LOCALHOST:8080/a",
            "https://localhost:8080",
        ] {
            assert_eq!(check(target, b"localhost:8080"), Ok(()), "{target}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for target in [
            "",
            "*",
            "a",
            "localhost:8080",
            "ftp://localhost:8080/",
            "//localhost:8080/\\",
            "/a#b",
            "/a\"b",
            "/a<b",
            "/a>b",
            "/a^b",
            "/a`b",
            "/a{b",
            "/a|b",
            "/a}b",
            "/a%",
            "/a%2",
            "/a%zz",
            "/\u{e9}",
            "http:/a",
            "http:///a",
            "?a",
            "http://",
        ] {
            assert_eq!(check(target, b"localhost:8080"), Err(Violation::Target), "{target}");
        }
    }

    #[test]
    fn url_of_another_host_contradicts() {
        for target in
            ["http://other/", "http://localhost/", "http://u@localhost:8080/", "http://localhost:80801/"]
        {
            let refused = check(target, b"localhost:8080").unwrap_err();
            assert!([Violation::Host, Violation::Target].contains(&refused), "{target}");
        }
    }
}
