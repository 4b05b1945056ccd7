//! What an app client shows upstream: its id, and one secret or two while they are rotated.
//!
//! The secrets are given, or read from where they are kept when the first token is asked for, and once more when the
//! upstream refuses them all.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

mod held;
mod reader;
mod secrets;

pub use secrets::{AppClientSecrets, CredentialsError, SecretSource, SecretsUnreadable};

pub(crate) use held::Held;
pub(crate) use reader::Bounds;
use reader::Reader;

/// The id and the secrets of an app client.
///
/// With two secrets it remembers which one the upstream took last, so that a rotation costs one refused attempt and not
/// one per token. Share it behind an `Arc`: a copy would remember for itself.
pub struct AppClientCredentials {
    id: String,
    secrets: Secrets,
}

enum Secrets {
    Given(Arc<Held>),
    Read(Reader),
}

impl AppClientCredentials {
    /// The credentials of the app client `id`, with secrets that never change.
    pub fn new(
        id: &str,
        first: SecretString,
        second: Option<SecretString>,
    ) -> Result<Self, CredentialsError> {
        Self::with_secrets(id, AppClientSecrets::new(first, second)?)
    }

    /// The same, with `secrets` that were read already.
    pub fn with_secrets(id: &str, secrets: AppClientSecrets) -> Result<Self, CredentialsError> {
        Ok(Self { id: checked(id)?, secrets: Secrets::Given(Held::new(secrets)) })
    }

    /// The credentials of the app client `id`, with secrets that are read from `source`: when they are needed first, and
    /// again when the upstream refuses them, but not more than once in `pause` for that reason.
    pub fn read_from(
        id: &str,
        source: Arc<dyn SecretSource>,
        pause: Duration,
    ) -> Result<Self, CredentialsError> {
        Ok(Self { id: checked(id)?, secrets: Secrets::Read(Reader::new(source, pause)) })
    }

    /// The app client's id. Not a secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secrets to try.
    pub(crate) async fn secrets(&self, bounds: Bounds<'_>) -> Result<Arc<Held>, SecretsUnreadable> {
        match &self.secrets {
            Secrets::Given(held) => Ok(Arc::clone(held)),
            Secrets::Read(reader) => reader.known(bounds).await,
        }
    }

    /// Other secrets than `refused`, if there are any by now.
    pub(crate) async fn instead_of(
        &self,
        refused: &Arc<Held>,
        bounds: Bounds<'_>,
    ) -> Result<Option<Arc<Held>>, SecretsUnreadable> {
        match &self.secrets {
            Secrets::Given(_) => Ok(None),
            Secrets::Read(reader) => reader.instead_of(refused, bounds).await,
        }
    }
}

impl fmt::Debug for AppClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// RFC 7617 §2: a colon ends the id, whatever follows is the secret.
fn checked(id: &str) -> Result<String, CredentialsError> {
    let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if fits { Ok(id.to_owned()) } else { Err(CredentialsError::Id) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let secrets = AppClientSecrets::new("hunter2".into(), Some("hunter3".into())).unwrap();
        assert_eq!(format!("{secrets:?}"), "AppClientSecrets(..)");
    }
}
