//! Refusals that an OAuth client understands: RFC 6749 §5.2 for each of API Gateway's response types.
//!
//! The stock bodies are `{"message": …}`, which OAuth libraries take for a broken server, or for a token. The bodies here
//! are constant, because API Gateway's templates cannot compute; a data plane that knows how long to wait may send a
//! better `Retry-After`.
//!
//! Two types have no answer of their own, and `DEFAULT_5XX` speaks for them: configuration errors and integration failures
//! keep the status that they would have had (500 or 502 as the case may be), and API Gateway gives an answer without a
//! status back with one, so that it could not be told from one that was set.
//!
//! One refusal is out of reach on AWS: a request for an unknown stage belongs to no deployment, so API Gateway answers its
//! stock 403 whatever is customized here. A data plane that serves a single API can answer it with `DEFAULT_4XX`.

use std::collections::BTreeMap;

use oauth::{ErrorCode, ErrorReply};
use restapi::{GatewayResponse, ResponseType};

/// One answer for each response type that a catch-all does not answer as well.
pub(super) fn oauth() -> Vec<GatewayResponse> {
    ResponseType::ALL.into_iter().filter_map(response).collect()
}

fn response(response_type: ResponseType) -> Option<GatewayResponse> {
    let (status_code, code, description) = row(response_type)?;
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
    Some(GatewayResponse {
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
    })
}

/// Status, code and description; none where the catch-all says the same. The two catch-alls stand for many statuses, and
/// so have none.
fn row(response_type: ResponseType) -> Option<(Option<u16>, ErrorCode, &'static str)> {
    use ErrorCode::{AccessDenied, InvalidClient, InvalidRequest, ServerError, TemporarilyUnavailable};
    let (status, code, description) = match response_type {
        ResponseType::ApiConfigurationError | ResponseType::IntegrationFailure => return None,
        ResponseType::Default4xx => return Some((None, InvalidRequest, "Forbidden")),
        ResponseType::Default5xx => return Some((None, ServerError, "internal server error")),
        ResponseType::AccessDenied => (403, AccessDenied, "the caller is not allowed to do this"),
        ResponseType::AuthorizerConfigurationError | ResponseType::AuthorizerFailure => {
            (500, ServerError, "internal server error")
        }
        ResponseType::BadRequestBody => (400, InvalidRequest, "the request body is not valid"),
        ResponseType::BadRequestParameters => (400, InvalidRequest, "the request is malformed"),
        ResponseType::ExpiredToken => (401, InvalidClient, "the credential has expired"),
        ResponseType::IntegrationTimeout => (504, ServerError, "the request took too long"),
        ResponseType::InvalidApiKey => (401, InvalidClient, "the API key is missing or not valid"),
        ResponseType::InvalidSignature => (403, InvalidRequest, "the request signature is not valid"),
        ResponseType::MissingAuthenticationToken => (403, InvalidRequest, "Missing Authentication Token"),
        ResponseType::QuotaExceeded => (429, TemporarilyUnavailable, "the quota is used up"),
        ResponseType::RequestTooLarge => (413, InvalidRequest, "the request is too large"),
        ResponseType::ResourceNotFound => (404, InvalidRequest, "there is no such resource"),
        ResponseType::Throttled => (429, TemporarilyUnavailable, "too many requests"),
        ResponseType::Unauthorized => (401, InvalidClient, "the credential is missing or not valid"),
        ResponseType::UnsupportedMediaType => (415, InvalidRequest, "the media type is not supported"),
        ResponseType::WafFiltered => (403, AccessDenied, "the request was filtered"),
    };
    Some((Some(status), code, description))
}
