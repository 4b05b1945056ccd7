//! Replies of a token endpoint: written for the client, read from the upstream.
//!
//! Written replies have the members and the order that Cognito's have. Reading is strict about what matters (a token, of
//! type Bearer, with a lifetime) and blind to the rest, as RFC 6749 §5.1 asks. Of an upstream error only a known code
//! survives: other text could repeat the request, which holds the secret.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{AccessToken, AccessTokenError, Description, ErrorCode};

/// A refusal in the form of RFC 6749 §5.2.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrorReply {
    /// What went wrong, for programs.
    pub error: ErrorCode,
    /// What went wrong, for people.
    pub error_description: Description,
}

impl ErrorReply {
    /// The refusal `error` with its description.
    pub fn new(error: ErrorCode, description: impl Into<Description>) -> Self {
        Self { error, error_description: description.into() }
    }

    /// The body on the wire.
    ///
    /// ```
    /// # use oauth::{ErrorCode, ErrorReply};
    /// let reply = ErrorReply::new(ErrorCode::InvalidClient, "unknown key");
    /// assert_eq!(reply.to_json(), r#"{"error":"invalid_client","error_description":"unknown key"}"#);
    /// ```
    pub fn to_json(&self) -> String {
        // Neither has a character that JSON would escape.
        format!(r#"{{"error":"{}","error_description":"{}"}}"#, self.error, self.error_description)
    }
}

/// A bearer token and how long it lives (RFC 6749 §5.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenReply {
    /// The token.
    pub access_token: AccessToken,
    /// How long it lives from now on; whole seconds on the wire.
    pub expires_in: Duration,
}

impl TokenReply {
    /// The body on the wire; a fraction of a second is dropped, so that no life is promised that is not there.
    pub fn to_json(&self) -> String {
        let (token, seconds) = (self.access_token.expose(), self.expires_in.as_secs());
        format!(r#"{{"access_token":"{token}","expires_in":{seconds},"token_type":"Bearer"}}"#)
    }

    /// Reads the body of a successful answer.
    pub fn read(body: &[u8]) -> Result<Self, ReplyError> {
        let members: TokenMembers<'_> = members(body)?;
        let access_token = AccessToken::new(&members.access_token.ok_or(ReplyError::AccessToken)?)?;
        // Compared without case: RFC 6749 §5.1.
        if !members.token_type.is_some_and(|name| name.eq_ignore_ascii_case("Bearer")) {
            return Err(ReplyError::TokenType);
        }
        let expires_in = members.expires_in.as_ref().and_then(lifetime).ok_or(ReplyError::Lifetime)?;
        Ok(Self { access_token, expires_in })
    }
}

/// The error that an upstream answered, as far as it can be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpstreamError {
    /// A code of the RFCs.
    Known(ErrorCode),
    /// Any other.
    Unknown,
}

impl UpstreamError {
    /// Reads the body of an unsuccessful answer, which must have an `error`.
    pub fn read(body: &[u8]) -> Result<Self, ReplyError> {
        let members: ErrorMembers<'_> = members(body)?;
        let name = members.error.filter(|name| !name.is_empty()).ok_or(ReplyError::Error)?;
        Ok(ErrorCode::named(&name).map_or(Self::Unknown, Self::Known))
    }
}

/// Why an upstream's answer cannot be used. It never repeats a part of the answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ReplyError {
    /// The answer is longer than any token needs.
    #[error("the reply is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The answer is no JSON object, or a member has the wrong type or stands twice.
    #[error("the reply is not the json of a token endpoint")]
    Malformed,
    /// `access_token` is missing or no bearer token.
    #[error("the reply has no usable access token")]
    AccessToken,
    /// `token_type` is missing or not Bearer.
    #[error("the reply's token type is not bearer")]
    TokenType,
    /// `expires_in` is missing or no positive whole number of seconds.
    #[error("the reply has no usable lifetime")]
    Lifetime,
    /// `error` is missing or empty.
    #[error("the reply has no error code")]
    Error,
}

impl From<AccessTokenError> for ReplyError {
    fn from(AccessTokenError: AccessTokenError) -> Self {
        Self::AccessToken
    }
}

// serde refuses a member that stands twice, and reads over those that are not listed.
#[derive(Deserialize)]
struct TokenMembers<'a> {
    #[serde(borrow)]
    access_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    token_type: Option<Cow<'a, str>>,
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct ErrorMembers<'a> {
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

fn members<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ReplyError> {
    if body.len() > MAX_BYTES {
        return Err(ReplyError::TooLarge);
    }
    // serde reads a struct from an array too; only an object has members.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ReplyError::Malformed);
    }
    serde_json::from_slice(body).map_err(|_| ReplyError::Malformed)
}

/// Some servers write the number as a string; libraries tolerate it, so this does.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds: u32 = match value {
        Value::Number(number) => number.as_u64()?.try_into().ok()?,
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        _ => return None,
    };
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

const MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
