//! An access token, kept so that it cannot be printed by accident.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A bearer token. It has no `Display`, its `Debug` shows nothing of it, and a clone shares its memory.
///
/// Its characters are those of RFC 6750 §2.1, because any other could not be sent in an `Authorization` header; so it
/// needs no escaping in JSON. Equality is for tests and caches: nobody is authenticated by it here.
#[derive(Clone, Eq, PartialEq)]
pub struct AccessToken(Arc<str>);

impl AccessToken {
    /// Takes `text` as a token.
    pub fn new(text: &str) -> Result<Self, AccessTokenError> {
        let unpadded = text.trim_end_matches('=');
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if unpadded.is_empty() || text.len() > MAX_BYTES || !unpadded.bytes().all(allowed) {
            return Err(AccessTokenError);
        }
        Ok(Self(text.into()))
    }

    /// The token itself, to hand it to whom it belongs. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// The text is no bearer token. It does not say which text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a bearer token")]
pub struct AccessTokenError;

/// A JWT from Cognito has about 1 KB, a few more with custom claims; request headers end at 10,240 bytes in API Gateway.
const MAX_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_an_authorization_header_is_a_token() {
        for text in ["a", "a.b.c", "aZ09-._~+/==", &"a".repeat(MAX_BYTES)] {
            assert_eq!(AccessToken::new(text).unwrap().expose(), text);
        }
        for text in ["", "=", "a b", "a\"", "a\\", "a=b", "a\n", "é", "a\0", &"a".repeat(MAX_BYTES + 1)] {
            assert_eq!(AccessToken::new(text), Err(AccessTokenError), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", AccessToken::new("eyJra").unwrap()), "AccessToken(..)");
    }
}
