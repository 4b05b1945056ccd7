//! The address of a token endpoint, checked before anything is sent there.
//!
//! An app client's secret goes over this connection, so it must be HTTPS; plain HTTP is allowed only inside this machine,
//! where the embedded pool listens. It resolves no names: `localhost` is taken at its word.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// The URL of a token endpoint that is safe to send a secret to.
///
/// ```
/// # use oauth::TokenEndpointUrl;
/// assert!(TokenEndpointUrl::parse("https://pool.auth.eu-central-1.amazoncognito.com/oauth2/token").is_ok());
/// assert!(TokenEndpointUrl::parse("http://127.0.0.1:8082/oauth2/token").is_ok());
/// assert!(TokenEndpointUrl::parse("http://pool.example.com/oauth2/token").is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenEndpointUrl(Box<str>);

impl TokenEndpointUrl {
    /// Takes `text` as the whole URL of a token endpoint, path included.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::NoUrl)?;
        // First, because the other errors repeat the host: a password must not be taken for a part of it.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        let host = url.host().filter(can_be_asked).ok_or(EndpointError::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&host) => {}
            "http" => return Err(EndpointError::PlainHttp { host: host.to_string() }),
            _ => return Err(EndpointError::NoUrl),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        Ok(Self(url.as_str().into()))
    }

    /// The URL as it was understood, which is the one to send to: two readers of what was written might differ.
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenEndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not the URL of a token endpoint.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EndpointError {
    /// No URL of HTTPS or HTTP.
    #[error("the token endpoint must be a url that begins with `https://`")]
    NoUrl,
    /// Plain HTTP to another machine would show the app client's secret to everybody on the way.
    #[error("the token endpoint on `{host}` must be `https`; plain `http` is only for this machine")]
    PlainHttp {
        /// The host that was named.
        host: String,
    },
    /// A user name or a password stands in the URL. It is not repeated.
    #[error("the token endpoint's url must not contain a user name or a password")]
    Credentials,
    /// A query or a fragment stands in the URL.
    #[error("the token endpoint's url must not have a query or a fragment")]
    Query,
}

/// Whether an HTTP client takes the host: a URL may have characters in it that no name has.
fn can_be_asked(host: &Host<&str>) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !matches!(host, Host::Domain(name) if !name.bytes().all(is_plain))
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        // RFC 6761 §6.3: this name is always the machine itself.
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_this_machine() {
        for text in [
            "https://pool.auth.eu-central-1.amazoncognito.com/oauth2/token",
            "https://auth.example.com:8443/oauth2/token",
            "http://127.0.0.1:8082/oauth2/token",
            "http://127.9.9.9/oauth2/token",
            "http://[::1]:8082/oauth2/token",
            "http://LOCALHOST:8082/oauth2/token",
        ] {
            assert!(TokenEndpointUrl::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_and_says_why() {
        let plain = |host: &str| EndpointError::PlainHttp { host: host.to_owned() };
        for (text, error) in [
            ("", EndpointError::NoUrl),
            ("pool.example.com/oauth2/token", EndpointError::NoUrl),
            ("ftp://127.0.0.1/oauth2/token", EndpointError::NoUrl),
            ("unix:/run/pool", EndpointError::NoUrl),
            ("https://{pool}.example.com/oauth2/token", EndpointError::NoUrl),
            ("http://pool.example.com/oauth2/token", plain("pool.example.com")),
            ("http://localhost.example.com/", plain("localhost.example.com")),
            ("http://10.0.0.1/", plain("10.0.0.1")),
            ("http://0.0.0.0/", plain("0.0.0.0")),
            ("http://[::ffff:10.0.0.1]/", plain("[::ffff:a00:1]")),
            ("https://id:hunter2@pool.example.com/", EndpointError::Credentials),
            ("http://127.0.0.1@pool.example.com/", EndpointError::Credentials),
            ("https://pool.example.com/oauth2/token?client_id=x", EndpointError::Query),
            ("https://pool.example.com/oauth2/token#x", EndpointError::Query),
        ] {
            assert_eq!(TokenEndpointUrl::parse(text), Err(error), "{text}");
        }
    }
}
