//! Where a user pool is asked for tokens, and in which of the two ways.
//!
//! The ways differ in the request that is sent and in how its answer reads; that is all of [`Way`]. Retries, the
//! breaker, secrets and the checks of a token do not know which it is.

use http::Uri;
use oauth::{EndpointError, ScopeSet, TokenEndpointUrl, TokenReply};
use secrecy::SecretString;

use crate::error::UpstreamError;
use crate::transport::{Reply, TokenCall};

mod extra_headers;
mod idp;
mod token;

pub use extra_headers::{ExtraHeaders, HeaderError};
pub use idp::IdpEndpoint;
pub use token::TokenEndpoint;

/// One way to ask a user pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// `POST /oauth2/token` of the pool's domain.
    Token(TokenEndpoint),
    /// `GetClientToken` of the Cognito API; the pool needs no domain.
    Idp(IdpEndpoint),
}

impl Endpoint {
    pub(crate) const fn uri(&self) -> &Uri {
        match self {
            Self::Token(endpoint) => endpoint.uri(),
            Self::Idp(endpoint) => endpoint.uri(),
        }
    }

    pub(crate) const fn way(&self) -> &dyn Way {
        match self {
            Self::Token(endpoint) => endpoint,
            Self::Idp(endpoint) => endpoint,
        }
    }
}

impl From<TokenEndpoint> for Endpoint {
    fn from(endpoint: TokenEndpoint) -> Self {
        Self::Token(endpoint)
    }
}

impl From<&TokenEndpoint> for Endpoint {
    fn from(endpoint: &TokenEndpoint) -> Self {
        Self::Token(endpoint.clone())
    }
}

impl From<IdpEndpoint> for Endpoint {
    fn from(endpoint: IdpEndpoint) -> Self {
        Self::Idp(endpoint)
    }
}

/// What differs between the ways.
pub(crate) trait Way {
    /// The request for a token with exactly `scopes`; none if the credentials fit into no request.
    fn call(&self, presented: Presented<'_>, scopes: &ScopeSet) -> Option<TokenCall>;

    /// The token in the body of a successful answer, if there is one.
    fn token(&self, body: &[u8]) -> Option<TokenReply>;

    /// What an answer of status 4xx means; none if no user pool said it.
    fn refusal(&self, reply: &Reply) -> Option<UpstreamError>;
}

/// What an app client shows of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presented<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a SecretString,
}

/// The address in the client's own form. Only what is safe to send a secret to has one.
fn address(text: &str) -> Result<Uri, EndpointError> {
    TokenEndpointUrl::parse(text)?.as_str().parse().map_err(|_| EndpointError::NoUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_is_not_safe_is_no_endpoint_in_either_way() {
        let plain = || EndpointError::PlainHttp { host: "pool.example.com".into() };
        assert!(TokenEndpoint::parse("http://127.0.0.1:8082/oauth2/token").is_ok());
        assert_eq!(TokenEndpoint::parse("http://pool.example.com/oauth2/token"), Err(plain()));
        assert!(IdpEndpoint::parse("https://cognito-idp.eu-central-1.amazonaws.com").is_ok());
        assert!(IdpEndpoint::parse("http://127.0.0.1:8082/").is_ok());
        assert_eq!(IdpEndpoint::parse("http://pool.example.com/"), Err(plain()));
        assert_eq!(
            IdpEndpoint::parse("https://id:hunter2@pool.example.com/"),
            Err(EndpointError::Credentials)
        );
    }

    #[test]
    fn nothing_of_the_extra_headers_is_in_debug() {
        let extra = || ExtraHeaders::new([("x-origin-verify", "hunter2".into())]).unwrap();
        let token = TokenEndpoint::parse("https://pool.example.com/oauth2/token").unwrap();
        let idp = IdpEndpoint::parse("https://pool.example.com/").unwrap();
        let both = [Endpoint::from(token.with_headers(extra())), Endpoint::from(idp.with_headers(extra()))];
        let shown = format!("{both:?}");
        assert!(shown.contains("pool.example.com") && !shown.contains("hunter2"), "{shown}");
    }
}
