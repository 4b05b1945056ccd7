//! The token endpoint of a pool's domain: a form goes there, with HTTP Basic (RFC 6749 §2.3.1, §4.4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Uri};
use oauth::{EndpointError, ErrorCode, ScopeSet, TokenReply};
use secrecy::ExposeSecret as _;

use super::{ExtraHeaders, Presented, Way, address};
use crate::error::UpstreamError;
use crate::transport::{Reply, TokenCall};

/// The token endpoint of a user pool's domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenEndpoint {
    uri: Uri,
    extra: ExtraHeaders,
}

impl TokenEndpoint {
    /// Takes `text` as the whole URL of a token endpoint, path included.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        Ok(Self { uri: address(text)?, extra: ExtraHeaders::default() })
    }

    /// The same endpoint, where every request carries `extra` as well.
    #[must_use]
    pub fn with_headers(self, extra: ExtraHeaders) -> Self {
        Self { extra, ..self }
    }

    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl Way for TokenEndpoint {
    fn call(&self, presented: Presented<'_>, scopes: &ScopeSet) -> Option<TokenCall> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", scopes.as_str())
            .finish();
        let mut headers = self.extra.to_map();
        headers.insert(AUTHORIZATION, basic(presented)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Some(TokenCall { headers, body: Bytes::from(form) })
    }

    fn token(&self, body: &[u8]) -> Option<TokenReply> {
        TokenReply::read(body).ok()
    }

    fn refusal(&self, reply: &Reply) -> Option<UpstreamError> {
        // What has no `error` was said by a load balancer, a firewall, or whoever serves a wrong path.
        Some(match oauth::UpstreamError::read(reply.body()).ok()? {
            oauth::UpstreamError::Known(ErrorCode::InvalidClient) => UpstreamError::RefusedClient,
            oauth::UpstreamError::Known(ErrorCode::InvalidScope) => UpstreamError::RefusedScope,
            other => UpstreamError::Refused(other),
        })
    }
}

/// The `Authorization` of HTTP Basic: id and secret as they are, because Cognito does not form-decode them.
fn basic(presented: Presented<'_>) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{}:{}", presented.id, presented.secret.expose_secret()));
    let mut header = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_a_form_with_raw_basic_and_the_extra_headers() {
        let extra = ExtraHeaders::new([("x-origin-verify", "sesame".into())]).unwrap();
        let endpoint = TokenEndpoint::parse("https://pool.example.com/oauth2/token").unwrap();
        let presented = Presented { id: "id", secret: &"a+b_c".into() };
        let scopes = "orders/read orders/write".parse().unwrap();
        let TokenCall { headers, body } = endpoint.with_headers(extra).call(presented, &scopes).unwrap();
        assert_eq!(body, "grant_type=client_credentials&scope=orders%2Fread+orders%2Fwrite");
        let mut shown: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        shown.sort();
        assert_eq!(
            shown,
            [
                "accept: application/json",
                &format!("authorization: Basic {}", STANDARD.encode("id:a+b_c")),
                "content-type: application/x-www-form-urlencoded",
                "x-origin-verify: sesame",
            ]
        );
        assert!(headers.get(AUTHORIZATION).unwrap().is_sensitive());
    }
}
