//! Refusals that an OAuth client understands: RFC 6749 §5.2 for each of API Gateway's response types.
//!
//! The stock bodies are `{"message": …}`, which OAuth libraries take for a broken server, or for a token. The bodies here
//! are constant, because API Gateway's templates cannot compute; a data plane that knows how long to wait may send a
//! better `Retry-After`.
//!
//! One refusal is out of reach on AWS: a request for an unknown stage belongs to no deployment, so API Gateway answers its
//! stock 403 whatever is customized here. A data plane that serves a single API can answer it with `DEFAULT_4XX`.

use std::collections::BTreeMap;

use oauth::{ErrorCode, ErrorReply};
use restapi::{GatewayResponse, ResponseType};

/// One answer for each response type.
pub(super) fn oauth() -> Vec<GatewayResponse> {
    ResponseType::ALL.into_iter().map(response).collect()
}

fn response(response_type: ResponseType) -> GatewayResponse {
    let (status_code, code, description) = row(response_type);
    // Answers of a token endpoint are never stored, refusals neither (RFC 6749 §5.1).
    let mut headers = vec![
        ("Cache-Control", "'no-store'"),
        ("Content-Type", "'application/json'"),
        ("Pragma", "'no-cache'"),
    ];
    if response_type == ResponseType::Throttled {
        // A bucket refills within a second; when a quota does, nothing here can know.
        headers.push(("Retry-After", "'1'"));
    }
    let name = |header| format!("gatewayresponse.header.{header}");
    GatewayResponse {
        response_type,
        status_code,
        response_parameters: headers
            .into_iter()
            .map(|(header, value)| (name(header), value.into()))
            .collect(),
        response_templates: BTreeMap::from([(
            "application/json".into(),
            ErrorReply::new(code, description).to_json(),
        )]),
    }
}

/// Status, code and description. Without a status the answer keeps the one that it would have had: integration failures
/// are 500 or 502 as the case may be, and the two catch-alls stand for many.
fn row(response_type: ResponseType) -> (Option<u16>, ErrorCode, &'static str) {
    use ErrorCode::{AccessDenied, InvalidClient, InvalidRequest, ServerError, TemporarilyUnavailable};
    match response_type {
        ResponseType::AccessDenied => (Some(403), AccessDenied, "the caller is not allowed to do this"),
        ResponseType::ApiConfigurationError => (None, ServerError, "internal server error"),
        ResponseType::AuthorizerConfigurationError | ResponseType::AuthorizerFailure => {
            (Some(500), ServerError, "internal server error")
        }
        ResponseType::BadRequestBody => (Some(400), InvalidRequest, "the request body is not valid"),
        ResponseType::BadRequestParameters => (Some(400), InvalidRequest, "the request is malformed"),
        ResponseType::Default4xx => (None, InvalidRequest, "Forbidden"),
        ResponseType::Default5xx | ResponseType::IntegrationFailure => {
            (None, ServerError, "internal server error")
        }
        ResponseType::ExpiredToken => (Some(401), InvalidClient, "the credential has expired"),
        ResponseType::IntegrationTimeout => (Some(504), ServerError, "the request took too long"),
        ResponseType::InvalidApiKey => (Some(401), InvalidClient, "the API key is missing or not valid"),
        ResponseType::InvalidSignature => (Some(403), InvalidRequest, "the request signature is not valid"),
        ResponseType::MissingAuthenticationToken => {
            (Some(403), InvalidRequest, "Missing Authentication Token")
        }
        ResponseType::QuotaExceeded => (Some(429), TemporarilyUnavailable, "the quota is used up"),
        ResponseType::RequestTooLarge => (Some(413), InvalidRequest, "the request is too large"),
        ResponseType::ResourceNotFound => (Some(404), InvalidRequest, "there is no such resource"),
        ResponseType::Throttled => (Some(429), TemporarilyUnavailable, "too many requests"),
        ResponseType::Unauthorized => (Some(401), InvalidClient, "the credential is missing or not valid"),
        ResponseType::UnsupportedMediaType => (Some(415), InvalidRequest, "the media type is not supported"),
        ResponseType::WafFiltered => (Some(403), AccessDenied, "the request was filtered"),
    }
}
