//! The address of a token endpoint, ready to be sent to.

use http::Uri;
use oauth::{EndpointError, TokenEndpointUrl};

/// A [`TokenEndpointUrl`] in the client's own form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenEndpoint(Uri);

impl TokenEndpoint {
    /// Takes `text` as the whole URL of a token endpoint, path included.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        TokenEndpointUrl::parse(text)?.as_str().parse().map(Self).map_err(|_| EndpointError::NoUrl)
    }

    pub(crate) const fn uri(&self) -> &Uri {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_is_not_safe_is_no_endpoint() {
        assert!(TokenEndpoint::parse("http://127.0.0.1:8082/oauth2/token").is_ok());
        let plain = TokenEndpoint::parse("http://pool.example.com/oauth2/token");
        assert_eq!(plain, Err(EndpointError::PlainHttp { host: "pool.example.com".into() }));
    }
}
