//! The token request of RFC 6749 §4.4.2, read strictly.
//!
//! What comes out is what the product acts on and nothing more: which grant, which scopes. Credentials in the body are
//! no identity here. Libraries send `client_id` and `client_secret` by habit, so both are read over like every unknown
//! parameter, and nothing of them is kept. Parameters that would change what a token means are refused, never dropped.

use thiserror::Error;

use crate::{ErrorCode, ErrorReply, Form, FormError, RequestedGrant, ScopeError, ScopeSet};

/// What a client asks of the token endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenRequest {
    /// The grant it names.
    pub grant: RequestedGrant,
    /// The scopes it names; none when it names none. Never an empty set.
    pub scopes: Option<ScopeSet>,
}

impl TokenRequest {
    /// Reads the body of a `POST /oauth2/token`, and its `Content-Type`.
    ///
    /// ```
    /// # use oauth::{GrantType, TokenRequest};
    /// let form = Some("application/x-www-form-urlencoded");
    /// let request = TokenRequest::parse(form, b"grant_type=client_credentials&scope=b+a")?;
    /// assert_eq!(request.grant, GrantType::ClientCredentials.into());
    /// assert_eq!(request.scopes.unwrap().as_str(), "a b");
    /// # Ok::<(), oauth::RequestError>(())
    /// ```
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, RequestError> {
        let form = Form::read(content_type, body)?;
        // It can change a token's claims upstream, so tokens asked for with it could not be shared from the cache.
        if form.value("aws_client_metadata").is_some() {
            return Err(RequestError::ClientMetadata);
        }
        // The upstream binds no M2M token to a resource: a token without the binding would be more than was asked for.
        if form.value("resource").is_some() {
            return Err(RequestError::Resource);
        }
        let grant = form.value("grant_type").ok_or(RequestError::GrantMissing)?;
        let scopes = form.value("scope").map(str::parse).transpose()?;
        Ok(Self { grant: RequestedGrant::named(grant), scopes })
    }
}

/// Why a token request is refused before anyone asks who sent it. It never repeats a part of the body.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RequestError {
    /// The body is no form. [`FormError::MediaType`] and [`FormError::TooLarge`] have HTTP statuses of their own.
    #[error(transparent)]
    Form(#[from] FormError),
    /// `grant_type` is absent or empty.
    #[error("the parameter `grant_type` is missing")]
    GrantMissing,
    /// `scope` is malformed.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// `aws_client_metadata` is there.
    #[error("the parameter `aws_client_metadata` is not supported")]
    ClientMetadata,
    /// `resource` (RFC 8707) is there.
    #[error("tokens cannot be bound to a resource")]
    Resource,
}

impl RequestError {
    /// The code that the client gets.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Form(_) | Self::GrantMissing | Self::ClientMetadata => ErrorCode::InvalidRequest,
            Self::Scope(_) => ErrorCode::InvalidScope,
            Self::Resource => ErrorCode::InvalidTarget,
        }
    }

    /// The answer that the client gets.
    pub fn reply(self) -> ErrorReply {
        ErrorReply::new(self.code(), self.to_string())
    }
}

#[cfg(test)]
mod tests;
