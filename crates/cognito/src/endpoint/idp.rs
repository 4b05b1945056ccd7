//! `GetClientToken` of the Cognito API: JSON with a name of an operation, no signature, the secret in the body.
//!
//! It grants what the token endpoint grants and needs no domain. Its errors have types; the types are those of AWS's own
//! model of the operation. Which type stands for what is written down for few of them: `docs/quirks.md` says where a
//! meaning was chosen.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Uri};
use oauth::{AccessToken, EndpointError, ErrorCode, ScopeSet, TokenReply};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{ExtraHeaders, Presented, Way, address};
use crate::answer::retry_after;
use crate::error::UpstreamError;
use crate::transport::{Reply, TokenCall};

/// The endpoint of the Cognito API in a region, or of an embedded pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdpEndpoint {
    uri: Uri,
    extra: ExtraHeaders,
}

impl IdpEndpoint {
    /// Takes `text` as the URL of the API: `https://cognito-idp.{region}.amazonaws.com/` on AWS.
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

impl Way for IdpEndpoint {
    fn call(&self, presented: Presented<'_>, scopes: &ScopeSet) -> Option<TokenCall> {
        let body = serde_json::to_vec(&Question {
            client_id: presented.id,
            secret: presented.secret.expose_secret(),
            scopes: scopes.iter().collect(),
        });
        let mut headers = self.extra.to_map();
        headers.insert(TARGET, HeaderValue::from_static(GET_CLIENT_TOKEN));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        Some(TokenCall { headers, body: Bytes::from(body.ok()?) })
    }

    fn token(&self, body: &[u8]) -> Option<TokenReply> {
        let granted = object::<Granted<'_>>(body)?.result?;
        granted.token_type.filter(|name| name.eq_ignore_ascii_case("Bearer"))?;
        let seconds = granted.expires_in.filter(|seconds| *seconds > 0)?;
        Some(TokenReply {
            access_token: AccessToken::new(&granted.access_token?).ok()?,
            expires_in: Duration::from_secs(seconds.into()),
        })
    }

    fn refusal(&self, reply: &Reply) -> Option<UpstreamError> {
        let body = object::<Refusal<'_>>(reply.body()).unwrap_or_default();
        let header = reply.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok());
        // The header is read first, as every SDK does.
        let kind = header.map(shape).or_else(|| body.kind.as_deref().map(shape));
        let kind = kind.filter(|kind| !kind.is_empty())?;
        Some(match kind {
            "TooManyRequestsException" | "LimitExceededException" | "ThrottlingException" => {
                UpstreamError::Throttled { retry_after: retry_after(reply) }
            }
            // A firewall of the pool says `ForbiddenException`: of the client's secret and scopes it knows nothing.
            "InternalErrorException" | "InternalFailure" | "ServiceUnavailable" | "ForbiddenException" => {
                UpstreamError::Unavailable { retry_after: retry_after(reply) }
            }
            "NotAuthorizedException" | "ResourceNotFoundException" => UpstreamError::RefusedClient,
            "InvalidParameterException" => parameter(body.message.as_deref().unwrap_or_default()),
            "OperationNotEnabledException" => {
                UpstreamError::Refused(oauth::UpstreamError::Known(ErrorCode::UnauthorizedClient))
            }
            _ => UpstreamError::Refused(oauth::UpstreamError::Unknown),
        })
    }
}

/// Which parameter is meant is told by the text alone. What is read from it is one of three meanings, never the text.
fn parameter(message: &str) -> UpstreamError {
    let message = message.to_ascii_lowercase();
    if message.contains("'secret'") || message.contains("'clientid'") {
        // Refused for its shape before anybody was recognized: the other secret may have the right one.
        UpstreamError::RefusedClient
    } else if message.contains("scope") {
        UpstreamError::RefusedScope
    } else {
        UpstreamError::Refused(oauth::UpstreamError::Known(ErrorCode::InvalidRequest))
    }
}

/// The name of an error without the namespace before it and without what AWS appends after a colon.
fn shape(text: &str) -> &str {
    let name = text.split_once(':').map_or(text, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim_ascii()
}

fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    // serde reads a struct from an array too; only an object has members.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    is_object.then(|| serde_json::from_slice(body).ok()).flatten()
}

/// `ClientMetadata` is never sent: it could change a token that is cached for others.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    client_id: &'a str,
    secret: &'a str,
    scopes: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow, rename = "ClientAuthenticationResult")]
    result: Option<Authentication<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Authentication<'a> {
    #[serde(borrow)]
    access_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    token_type: Option<Cow<'a, str>>,
    expires_in: Option<u32>,
}

#[derive(Default, Deserialize)]
struct Refusal<'a> {
    #[serde(borrow, rename = "__type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "Message")]
    message: Option<Cow<'a, str>>,
}

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const GET_CLIENT_TOKEN: &str = "AWSCognitoIdentityProviderService.GetClientToken";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_json_with_the_secret_in_its_body_alone() {
        let extra = ExtraHeaders::new([("x-origin-verify", "sesame".into())]).unwrap();
        let endpoint = IdpEndpoint::parse("https://cognito-idp.eu-central-1.amazonaws.com").unwrap();
        let presented = Presented { id: "id", secret: &r#"a+b"c"#.into() };
        let scopes = "orders/read orders/write".parse().unwrap();
        let TokenCall { headers, body } = endpoint.with_headers(extra).call(presented, &scopes).unwrap();
        assert_eq!(body, r#"{"ClientId":"id","Secret":"a+b\"c","Scopes":["orders/read","orders/write"]}"#);
        let mut shown: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        shown.sort();
        assert_eq!(
            shown,
            [
                "content-type: application/x-amz-json-1.1",
                "x-amz-target: AWSCognitoIdentityProviderService.GetClientToken",
                "x-origin-verify: sesame",
            ]
        );
    }

    #[test]
    fn name_of_an_error_is_found_in_every_form_that_aws_writes() {
        for text in [
            "NotAuthorizedException",
            "NotAuthorizedException:",
            "NotAuthorizedException:http://internal.amazon.com/coral/com.amazonaws/#x",
            "com.amazonaws.cognito.identity.idp.model#NotAuthorizedException",
            "com.amazonaws.cognito#NotAuthorizedException:http://internal.amazon.com/coral/",
        ] {
            assert_eq!(shape(text), "NotAuthorizedException", "{text}");
        }
    }
}
