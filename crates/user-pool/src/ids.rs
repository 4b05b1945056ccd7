//! The names that Cognito makes up: of a pool, of an app client, and the app client's secret.
//!
//! Each has the shape that Cognito gives it, so that whatever checks the shape (an issuer pattern in a resource server, a
//! Terraform variable) takes the embedded pool for a real one.

use std::fmt;

use ambient::{Entropy, alphanumeric};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// The id of a user pool: `{region}_{nine letters or digits}`.
///
/// ```
/// # use user_pool::PoolId;
/// assert_eq!(PoolId::parse("eu-central-1_a1B2c3D4e").unwrap().region(), "eu-central-1");
/// assert!(PoolId::parse("eu-central-1").is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PoolId(String);

impl PoolId {
    /// Takes `text` as the id of a pool.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (region, unique) = text.split_once('_').ok_or(IdError::Pool)?;
        let region_fits = (1..=MAX_REGION).contains(&region.len())
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let unique_fits =
            unique.len() == POOL_LENGTH && unique.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if region_fits && unique_fits { Ok(Self(text.to_owned())) } else { Err(IdError::Pool) }
    }

    /// A new id in `region`.
    pub fn generate(region: &str, entropy: &dyn Entropy) -> Result<Self, IdError> {
        Self::parse(&format!("{region}_{}", alphanumeric(entropy, MIXED, POOL_LENGTH)))
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region that the id begins with.
    pub fn region(&self) -> &str {
        self.0.split_once('_').map_or("", |(region, _)| region)
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an app client: 26 lowercase letters or digits. Not a secret.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AppClientId(String);

impl AppClientId {
    /// Takes `text` as the id of an app client.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = text.len() == CLIENT_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if fits { Ok(Self(text.to_owned())) } else { Err(IdError::AppClient) }
    }

    /// A new id.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(alphanumeric(entropy, LOWER, CLIENT_LENGTH))
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An app client's secret: 24 to 64 letters, digits, `_` or `+`. Those that Cognito makes up are 51 long, lowercase.
///
/// It has no `Display`, and its `Debug` shows nothing.
#[derive(Clone, Debug)]
pub struct AppClientSecret(SecretString);

impl AppClientSecret {
    /// Takes `text` as a secret. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = SECRET_LENGTHS.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+'));
        if fits { Ok(Self(SecretString::from(text))) } else { Err(IdError::Secret) }
    }

    /// A new secret, of the kind that Cognito makes up: 263 bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretString::from(alphanumeric(entropy, LOWER, GENERATED_SECRET_LENGTH)))
    }

    /// The secret, still wrapped: for the credentials of whoever calls the pool, or for its file.
    pub fn as_secret(&self) -> &SecretString {
        &self.0
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A text has not the shape of the name that it should be. It never repeats the text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum IdError {
    /// Not the id of a pool.
    #[error("a user pool id is a region, an underscore and {POOL_LENGTH} letters or digits")]
    Pool,
    /// Not the id of an app client.
    #[error("an app client id is {CLIENT_LENGTH} lowercase letters or digits")]
    AppClient,
    /// Not a secret.
    #[error("an app client secret is 24 to 64 letters, digits, underscores or plus signs")]
    Secret,
}

const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const MIXED: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MAX_REGION: usize = 32;
const POOL_LENGTH: usize = 9;
const CLIENT_LENGTH: usize = 26;
const GENERATED_SECRET_LENGTH: usize = 51;
const SECRET_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

#[cfg(test)]
mod tests {
    use testkit::SeededEntropy;

    use super::*;

    #[test]
    fn what_is_made_up_has_the_shape_that_is_asked_for() {
        for seed in 0..32 {
            let entropy = SeededEntropy::new(seed);
            let pool = PoolId::generate("eu-central-1", &entropy).unwrap();
            assert_eq!(pool.region(), "eu-central-1");
            assert_eq!(
                AppClientId::parse(AppClientId::generate(&entropy).as_str()).unwrap().as_str().len(),
                26
            );
            let secret = AppClientSecret::generate(&entropy);
            assert_eq!(AppClientSecret::parse(secret.expose()).unwrap().expose().len(), 51);
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in [
            "",
            "eu_12345678",
            "eu_1234567890",
            "EU_123456789",
            "_123456789",
            "eu_12345_789",
            "eu/x_123456789",
        ] {
            assert_eq!(PoolId::parse(text), Err(IdError::Pool), "{text}");
        }
        for text in
            ["", "1234567890123456789012345", "1234567890123456789012345A", "1234567890123456789012345é"]
        {
            assert_eq!(AppClientId::parse(text), Err(IdError::AppClient), "{text}");
        }
        for text in ["", &"a".repeat(23), &"a".repeat(65), &"a-".repeat(15), &"é".repeat(15)] {
            assert_eq!(AppClientSecret::parse(text).unwrap_err(), IdError::Secret, "{text}");
        }
    }

    #[test]
    fn secret_with_plus_and_underscore_is_taken_and_not_shown() {
        let secret = AppClientSecret::parse("hunter2+hunter2_hunter2+").unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
