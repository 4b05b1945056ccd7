//! A method of a resource, and how its callers are authorized.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::{AuthorizerId, Integration};

/// An HTTP method that a resource can have; `ANY` answers for those that it has not.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum HttpMethod {
    Get,
    Put,
    Post,
    Delete,
    Patch,
    Options,
    Head,
    Any,
}

impl HttpMethod {
    /// The name as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Options => "OPTIONS",
            Self::Head => "HEAD",
            Self::Any => "ANY",
        }
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no method of API Gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid HttpMethod; valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")]
pub struct HttpMethodError;

impl FromStr for HttpMethod {
    type Err = HttpMethodError;

    /// Exact: methods are case-sensitive (RFC 9110 §9.1).
    fn from_str(text: &str) -> Result<Self, HttpMethodError> {
        let all = [
            Self::Get,
            Self::Put,
            Self::Post,
            Self::Delete,
            Self::Patch,
            Self::Options,
            Self::Head,
            Self::Any,
        ];
        all.into_iter().find(|method| method.as_str() == text).ok_or(HttpMethodError)
    }
}

/// How the callers of a method are authorized.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizationType {
    /// Not at all.
    #[default]
    None,
    /// By an AWS signature (`SigV4`).
    AwsIam,
    /// By a Lambda authorizer.
    Custom,
    /// By a token of a user pool.
    CognitoUserPools,
}

/// A method of a resource.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    /// Which.
    pub http_method: HttpMethod,
    /// How callers are authorized.
    pub authorization_type: AuthorizationType,
    /// By which authorizer, for `CUSTOM` and `COGNITO_USER_POOLS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_id: Option<AuthorizerId>,
    /// Scopes of which an access token must have one, for `COGNITO_USER_POOLS`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_scopes: Vec<String>,
    /// Whether a caller must present an API key that is on a plan of the stage.
    pub api_key_required: bool,
    /// A name for the operation, shown to the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_name: Option<String>,
    /// Request parameters (`method.request.header.x` and so on), and whether each is required.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, bool>,
    /// What stands behind the method; without it the method cannot be deployed.
    #[serde(rename = "methodIntegration", skip_serializing_if = "Option::is_none")]
    pub integration: Option<Integration>,
}

/// What kind of authorizer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizerType {
    /// A Lambda function that is given one header.
    Token,
    /// A Lambda function that is given the whole request but its body.
    Request,
    /// User pools.
    CognitoUserPools,
}

/// An authorizer that methods may name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorizer {
    /// Its id.
    pub id: AuthorizerId,
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: AuthorizerType,
    /// The function's invocation URI, for `TOKEN` and `REQUEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    /// User pool ARNs, for `COGNITO_USER_POOLS`.
    #[serde(rename = "providerARNs", skip_serializing_if = "Vec::is_empty")]
    pub provider_arns: Vec<String>,
    /// Where the credential is, such as `method.request.header.Authorization`.
    pub identity_source: String,
    /// How long an answer is kept: 300 s by default, 3600 s at most, 0 for not at all.
    #[serde(rename = "authorizerResultTtlInSeconds", serialize_with = "whole_seconds")]
    pub result_ttl: Duration,
}

fn whole_seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
