//! Gateway responses: what an API answers by itself when a request does not reach its integration, or that fails.

use std::collections::BTreeMap;

use serde::Serialize;

/// Why the gateway answers by itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "API Gateway's names; what each stands for is in its documentation of gateway responses"
)]
pub enum ResponseType {
    AccessDenied,
    ApiConfigurationError,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    BadRequestBody,
    BadRequestParameters,
    #[serde(rename = "DEFAULT_4XX")]
    Default4xx,
    #[serde(rename = "DEFAULT_5XX")]
    Default5xx,
    ExpiredToken,
    IntegrationFailure,
    IntegrationTimeout,
    InvalidApiKey,
    InvalidSignature,
    MissingAuthenticationToken,
    QuotaExceeded,
    RequestTooLarge,
    ResourceNotFound,
    Throttled,
    Unauthorized,
    UnsupportedMediaType,
    WafFiltered,
}

impl ResponseType {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::AccessDenied,
        Self::ApiConfigurationError,
        Self::AuthorizerConfigurationError,
        Self::AuthorizerFailure,
        Self::BadRequestBody,
        Self::BadRequestParameters,
        Self::Default4xx,
        Self::Default5xx,
        Self::ExpiredToken,
        Self::IntegrationFailure,
        Self::IntegrationTimeout,
        Self::InvalidApiKey,
        Self::InvalidSignature,
        Self::MissingAuthenticationToken,
        Self::QuotaExceeded,
        Self::RequestTooLarge,
        Self::ResourceNotFound,
        Self::Throttled,
        Self::Unauthorized,
        Self::UnsupportedMediaType,
        Self::WafFiltered,
    ];

    /// The name in the management API and in `$context.error.responseType`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "ACCESS_DENIED",
            Self::ApiConfigurationError => "API_CONFIGURATION_ERROR",
            Self::AuthorizerConfigurationError => "AUTHORIZER_CONFIGURATION_ERROR",
            Self::AuthorizerFailure => "AUTHORIZER_FAILURE",
            Self::BadRequestBody => "BAD_REQUEST_BODY",
            Self::BadRequestParameters => "BAD_REQUEST_PARAMETERS",
            Self::Default4xx => "DEFAULT_4XX",
            Self::Default5xx => "DEFAULT_5XX",
            Self::ExpiredToken => "EXPIRED_TOKEN",
            Self::IntegrationFailure => "INTEGRATION_FAILURE",
            Self::IntegrationTimeout => "INTEGRATION_TIMEOUT",
            Self::InvalidApiKey => "INVALID_API_KEY",
            Self::InvalidSignature => "INVALID_SIGNATURE",
            Self::MissingAuthenticationToken => "MISSING_AUTHENTICATION_TOKEN",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::ResourceNotFound => "RESOURCE_NOT_FOUND",
            Self::Throttled => "THROTTLED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::WafFiltered => "WAF_FILTERED",
        }
    }

    /// The status in the management API when nothing is customized; the two defaults have none of their own.
    ///
    /// At run time an integration failure that is not customized answers 500 or 502, not this 504.
    pub const fn default_status(self) -> Option<u16> {
        match self {
            Self::Default4xx | Self::Default5xx => None,
            Self::BadRequestBody | Self::BadRequestParameters => Some(400),
            Self::Unauthorized => Some(401),
            Self::AccessDenied
            | Self::ExpiredToken
            | Self::InvalidApiKey
            | Self::InvalidSignature
            | Self::MissingAuthenticationToken
            | Self::WafFiltered => Some(403),
            Self::ResourceNotFound => Some(404),
            Self::RequestTooLarge => Some(413),
            Self::UnsupportedMediaType => Some(415),
            Self::QuotaExceeded | Self::Throttled => Some(429),
            Self::ApiConfigurationError | Self::AuthorizerConfigurationError | Self::AuthorizerFailure => {
                Some(500)
            }
            Self::IntegrationFailure | Self::IntegrationTimeout => Some(504),
        }
    }

    /// The catch-all that stands in for this one where only the catch-all is customized.
    #[must_use]
    pub const fn catch_all(self) -> Self {
        match self.default_status() {
            Some(500..) => Self::Default5xx,
            _ if matches!(self, Self::Default5xx) => Self::Default5xx,
            _ => Self::Default4xx,
        }
    }
}

/// An answer that differs from the stock one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayResponse {
    /// When it is given.
    pub response_type: ResponseType,
    /// With which status; the stock one if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Headers: `gatewayresponse.header.NAME` to a value, which is `'static text'` in single quotes or a `context.…`
    /// variable.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, String>,
    /// Bodies by media type, with `$context` variables.
    pub response_templates: BTreeMap<String, String>,
}
