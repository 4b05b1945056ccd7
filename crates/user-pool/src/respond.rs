//! Answers, with the statuses and headers that Cognito sends.
//!
//! An error is always status 400 with a code and no description. Headers are those recorded from a real domain, without
//! the cookie, the `Server` and the application context.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, PRAGMA};
use http::header::{STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION};
use http::{Method, StatusCode};
use http_body_util::Full;
use listen::Answer;
use oauth::{ErrorCode, TokenReply};

/// The answer of the token endpoint to a request that carries the id `request_id`.
pub(crate) fn token(outcome: Result<TokenReply, ErrorCode>, request_id: &str) -> Answer {
    let (status, body) = match outcome {
        Ok(reply) => (StatusCode::OK, reply.to_json()),
        Err(ErrorCode::ServerError) => {
            (StatusCode::INTERNAL_SERVER_ERROR, error_body(ErrorCode::ServerError))
        }
        Err(code) => (StatusCode::BAD_REQUEST, error_body(code)),
    };
    let mut answer = json(status, body.into());
    let headers = answer.headers_mut();
    // The media type has no space before its charset in Cognito's answers.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    // The id is a UUID: always a header value.
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    for (name, value) in TOKEN_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A document that anybody may read.
pub(crate) fn document(body: Bytes) -> Answer {
    json(StatusCode::OK, body)
}

/// The answer to a path that is not served.
pub(crate) fn not_found() -> Answer {
    json(StatusCode::NOT_FOUND, Bytes::from_static(br#"{"message":"Not Found"}"#))
}

/// The answer to a method that is not `allowed`.
pub(crate) fn wrong_method(allowed: &Method) -> Answer {
    let mut answer =
        json(StatusCode::METHOD_NOT_ALLOWED, Bytes::from_static(br#"{"message":"Method Not Allowed"}"#));
    if let Ok(allowed) = HeaderValue::from_str(allowed.as_str()) {
        answer.headers_mut().insert(ALLOW, allowed);
    }
    answer
}

fn error_body(code: ErrorCode) -> String {
    // A code has no character that JSON would escape.
    format!(r#"{{"error":"{code}"}}"#)
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Answer::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-cognito-request-id");

const TOKEN_HEADERS: [(HeaderName, &str); 7] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_XSS_PROTECTION, "1; mode=block"),
    (CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate"),
    (PRAGMA, "no-cache"),
    (EXPIRES, "0"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000 ; includeSubDomains"),
    (X_FRAME_OPTIONS, "DENY"),
];
