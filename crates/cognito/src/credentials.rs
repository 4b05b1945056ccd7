//! What an app client shows upstream: its id, and one secret or two while they are rotated.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// The id and the secrets of an app client.
///
/// With two secrets it remembers which one the upstream took last, so that a rotation costs one refused attempt and not
/// one per token. Share it behind an `Arc`: a copy would remember for itself.
pub struct AppClientCredentials {
    id: String,
    first: SecretString,
    second: Option<SecretString>,
    second_is_preferred: AtomicBool,
}

impl AppClientCredentials {
    /// The credentials of the app client `id`.
    pub fn new(
        id: &str,
        first: SecretString,
        second: Option<SecretString>,
    ) -> Result<Self, CredentialsError> {
        // RFC 7617 §2: a colon ends the id, whatever follows is the secret.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(CredentialsError::Id);
        }
        let fits = |secret: &SecretString| {
            let secret = secret.expose_secret();
            !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !fits(&first) || !second.as_ref().is_none_or(fits) {
            return Err(CredentialsError::Secret);
        }
        Ok(Self { id: id.to_owned(), first, second, second_is_preferred: AtomicBool::new(false) })
    }

    /// The app client's id. Not a secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret to try first.
    pub(crate) fn preferred(&self) -> Which {
        let second = self.second.is_some() && self.second_is_preferred.load(Ordering::Relaxed);
        if second { Which::Second } else { Which::First }
    }

    /// The secret to try when `tried` was refused, if there is another.
    pub(crate) fn other_than(&self, tried: Which) -> Option<Which> {
        match tried {
            Which::First => self.second.is_some().then_some(Which::Second),
            Which::Second => Some(Which::First),
        }
    }

    /// Remembers that the upstream took `which`.
    pub(crate) fn prefer(&self, which: Which) {
        self.second_is_preferred.store(which == Which::Second, Ordering::Relaxed);
    }

    /// The `Authorization` of HTTP Basic: id and secret as they are, because Cognito does not form-decode them.
    pub(crate) fn basic(&self, which: Which) -> Option<HeaderValue> {
        let secret = match which {
            Which::First => &self.first,
            Which::Second => self.second.as_ref()?,
        };
        let pair = STANDARD.encode(format!("{}:{}", self.id, secret.expose_secret()));
        let mut header = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Debug for AppClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One of the two secrets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    First,
    Second,
}

/// Why something is no app client's credentials. It repeats neither.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The id is empty or has a colon, a space or a character outside ASCII.
    #[error("an app client id has a character that http basic cannot carry, or none at all")]
    Id,
    /// A secret is empty or has a space, a line break or a character outside ASCII.
    #[error("an app client secret has a space, a line break or another stray character, or is empty")]
    Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_carries_the_pair_as_it_is() {
        let credentials = AppClientCredentials::new("id", "a+b_c".into(), None).unwrap();
        let header = credentials.basic(Which::First).unwrap();
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", STANDARD.encode("id:a+b_c")));
        assert!(header.is_sensitive());
        assert_eq!(credentials.basic(Which::Second), None);
    }

    #[test]
    fn what_a_file_adds_to_a_secret_is_refused() {
        for (id, secret, error) in [
            ("", "x", CredentialsError::Id),
            ("a:b", "x", CredentialsError::Id),
            ("a b", "x", CredentialsError::Id),
            ("é", "x", CredentialsError::Id),
            ("id", "", CredentialsError::Secret),
            ("id", "hunter2\n", CredentialsError::Secret),
            ("id", "hunter 2", CredentialsError::Secret),
        ] {
            assert_eq!(AppClientCredentials::new(id, secret.into(), None).unwrap_err(), error);
            if error == CredentialsError::Secret {
                let second = Some(secret.into());
                assert_eq!(AppClientCredentials::new(id, "good".into(), second).unwrap_err(), error);
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = AppClientCredentials::new("id", "hunter2".into(), Some("hunter3".into())).unwrap();
        assert_eq!(format!("{credentials:?}"), r#"AppClientCredentials { id: "id", .. }"#);
    }
}
