//! Answers, with the statuses and headers that Cognito sends.
//!
//! An error of the token endpoint is always status 400 with a code and no description. Headers are those recorded from a
//! real domain, without the cookie, the `Server` and the application context. An error of the Cognito API has a type, in
//! the body and in a header.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, PRAGMA};
use http::header::{STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION};
use http::{Method, StatusCode};
use http_body_util::Full;
use listen::Answer;
use oauth::{ErrorCode, TokenReply};
use serde::Serialize;

use crate::client_token::{MEDIA_TYPE, Refused};

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

/// The answer of `GetClientToken` to a request that carries the id `request_id`.
pub(crate) fn client_token(outcome: Result<TokenReply, Refused>, request_id: &str) -> Answer {
    let (status, body) = match &outcome {
        Ok(TokenReply { access_token, expires_in }) => {
            // A token has no character that JSON would escape.
            let (token, seconds) = (access_token.expose(), expires_in.as_secs());
            let members = format!(r#""AccessToken":"{token}","ExpiresIn":{seconds},"TokenType":"Bearer""#);
            (StatusCode::OK, format!(r#"{{"ClientAuthenticationResult":{{{members}}}}}"#).into())
        }
        Err(Refused::Internal) => (StatusCode::INTERNAL_SERVER_ERROR, typed_body(&Refused::Internal)),
        Err(refused) => (StatusCode::BAD_REQUEST, typed_body(refused)),
    };
    let mut answer = json(status, body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    let mut set = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(API_REQUEST_ID, request_id);
    if let Err(refused) = outcome {
        // Recorded: with a colon behind the type.
        set(ERROR_TYPE, &format!("{}:", refused.kind()));
        if let Some(message) = refused.message() {
            set(ERROR_MESSAGE, &message);
        }
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

fn typed_body(refused: &Refused) -> Bytes {
    #[derive(Serialize)]
    struct Typed<'a> {
        __type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Cow<'a, str>>,
    }
    let body = Typed { __type: refused.kind(), message: refused.message() };
    // Two texts cannot fail to serialize; the type stands in a header too.
    serde_json::to_vec(&body).map(Bytes::from).unwrap_or_default()
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Answer::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

const API_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-amzn-errormessage");
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
