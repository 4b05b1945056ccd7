//! Step 2: what is asked, read strictly.
//!
//! Between client and broker several programs read the same request. Where two of them could read it differently (two
//! content types, parameters in the URL and in the body), it is refused.

use lambda::{ProxyEvent, UndecodableBody};
use oauth::{ErrorCode, ErrorReply, FormError, RequestError, TokenRequest};
use thiserror::Error;

/// The token request in `event`.
pub(crate) fn read(event: &ProxyEvent<'_>) -> Result<TokenRequest, BadRequest> {
    if event.query.iter().any(|(name, _)| BODY_ONLY.contains(&name)) {
        return Err(BadRequest::InUrl);
    }
    let content_type = content_type(event)?;
    let body = event.body_bytes().map_err(|UndecodableBody| BadRequest::Body)?;
    // The front door puts this where the body was not UTF-8: what stood there is lost, and nobody means it.
    if !event.is_base64_encoded
        && event.body.as_deref().is_some_and(|body| body.contains(char::REPLACEMENT_CHARACTER))
    {
        return Err(BadRequest::Body);
    }
    Ok(TokenRequest::parse(content_type, &body)?)
}

/// Why a request is not read. It never repeats a part of it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum BadRequest {
    #[error("parameters belong in the body, not in the url")]
    InUrl,
    #[error("the header `Content-Type` is repeated")]
    ContentTypeRepeated,
    #[error("the body cannot be decoded")]
    Body,
    #[error(transparent)]
    Form(#[from] RequestError),
}

impl BadRequest {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Form(RequestError::Form(FormError::MediaType)) => 415,
            Self::Form(RequestError::Form(FormError::TooLarge)) => 413,
            Self::InUrl | Self::ContentTypeRepeated | Self::Body | Self::Form(_) => 400,
        }
    }

    pub(crate) fn reply(self) -> ErrorReply {
        match self {
            Self::Form(error) => error.reply(),
            Self::InUrl | Self::ContentTypeRepeated | Self::Body => {
                ErrorReply::new(ErrorCode::InvalidRequest, self.to_string())
            }
        }
    }

    /// A word for logs and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InUrl => "parameters_in_url",
            Self::ContentTypeRepeated => "content_type_repeated",
            Self::Body => "body_undecodable",
            Self::Form(RequestError::Form(FormError::MediaType)) => "media_type",
            Self::Form(RequestError::Form(FormError::TooLarge)) => "body_too_large",
            Self::Form(RequestError::Form(_)) => "form_malformed",
            Self::Form(RequestError::GrantMissing) => "grant_missing",
            Self::Form(RequestError::Scope(_)) => "scope_malformed",
            Self::Form(RequestError::ClientMetadata) => "client_metadata_unsupported",
            Self::Form(RequestError::Resource) => "resource_unsupported",
        }
    }
}

fn content_type<'e>(event: &'e ProxyEvent<'_>) -> Result<Option<&'e str>, BadRequest> {
    let mut values = event.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let first = values.next().map(|(_, value)| value);
    if values.next().is_some() { Err(BadRequest::ContentTypeRepeated) } else { Ok(first) }
}

/// RFC 6749 §2.3.1 and §3.2: these must not stand in the URL, where every proxy on the way writes them down.
const BODY_ONLY: [&str; 6] =
    ["grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_that_was_not_utf_8_is_refused() {
        let mut event = ProxyEvent::default();
        event.headers.push("Content-Type", "application/x-www-form-urlencoded");
        let mut asked = |body: &'static [u8]| {
            event.body = Some(String::from_utf8_lossy(body));
            read(&event).err()
        };
        assert_eq!(asked(b"grant_type=client_credentials&x=\xff"), Some(BadRequest::Body));
        assert_eq!(asked(b"grant_type=client_credentials&x=y"), None);
    }
}
