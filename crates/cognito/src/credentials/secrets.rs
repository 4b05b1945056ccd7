//! One secret or two, and where they come from.

use std::fmt;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// The secrets of an app client at one time. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct AppClientSecrets {
    first: SecretString,
    second: Option<SecretString>,
}

impl AppClientSecrets {
    /// One secret, or two while they are rotated; Cognito allows as many.
    pub fn new(first: SecretString, second: Option<SecretString>) -> Result<Self, CredentialsError> {
        let fits = |secret: &SecretString| {
            let secret = secret.expose_secret();
            !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !fits(&first) || !second.as_ref().is_none_or(fits) {
            return Err(CredentialsError::Secret);
        }
        Ok(Self { first, second })
    }

    /// Secrets as files and stores keep them: a line each. Empty lines do not count.
    ///
    /// ```
    /// # use cognito::AppClientSecrets;
    /// assert!(AppClientSecrets::from_lines("old\nnew\n").is_ok());
    /// assert!(AppClientSecrets::from_lines("\n").is_err());
    /// ```
    pub fn from_lines(text: &str) -> Result<Self, CredentialsError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (first, second) = (lines.next(), lines.next());
        match (first, lines.next()) {
            (Some(first), None) => Self::new(first.into(), second.map(Into::into)),
            _ => Err(CredentialsError::Count),
        }
    }

    pub(super) const fn first(&self) -> &SecretString {
        &self.first
    }

    pub(super) const fn second(&self) -> Option<&SecretString> {
        self.second.as_ref()
    }

    /// Whether `secret` is one of them. Both sides are ours: nobody could learn from how long it takes.
    pub(super) fn has(&self, secret: &SecretString) -> bool {
        let equal = |own: &SecretString| own.expose_secret() == secret.expose_secret();
        equal(&self.first) || self.second.as_ref().is_some_and(equal)
    }

    /// Whether both are the same secrets, in whatever order.
    pub(super) fn same(&self, other: &Self) -> bool {
        let all_in = |some: &Self, others: &Self| {
            others.has(&some.first) && some.second.as_ref().is_none_or(|second| others.has(second))
        };
        all_in(self, other) && all_in(other, self)
    }
}

impl fmt::Debug for AppClientSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppClientSecrets(..)")
    }
}

/// Where the secrets of one app client are kept.
///
/// Whoever asks bounds how long and how often: a source neither waits for itself nor counts. Its `Debug` shows no secret.
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// The secrets, as they are known at the least expense: a cache may answer.
    fn current(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>>;

    /// The secrets as they are now: the known ones were refused, so that no cache may answer that can be passed by.
    fn refresh(&self) -> BoxFuture<'_, Result<AppClientSecrets, SecretsUnreadable>> {
        self.current()
    }
}

/// The secrets could not be read, or what was read is none. Why is for the source's own log.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the app client's secrets could not be read")]
pub struct SecretsUnreadable;

impl From<CredentialsError> for SecretsUnreadable {
    fn from(_what_was_read: CredentialsError) -> Self {
        Self
    }
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
    /// No secret, or more than two.
    #[error("there must be one app client secret, or two while they are rotated, a line each")]
    Count,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(first: &str, second: Option<&str>) -> AppClientSecrets {
        AppClientSecrets::new(first.into(), second.map(Into::into)).unwrap()
    }

    #[test]
    fn lines_are_one_secret_or_two() {
        for (text, read) in [
            ("a", Ok(secrets("a", None))),
            (" a \r\n\nb\n", Ok(secrets("a", Some("b")))),
            ("", Err(CredentialsError::Count)),
            ("\n \n", Err(CredentialsError::Count)),
            ("a\nb\nc", Err(CredentialsError::Count)),
            ("a b", Err(CredentialsError::Secret)),
        ] {
            let found = AppClientSecrets::from_lines(text);
            match (found, read) {
                (Ok(found), Ok(read)) => {
                    assert_eq!(found.first.expose_secret(), read.first.expose_secret());
                    assert_eq!(found.second.is_some(), read.second.is_some());
                    assert!(found.same(&read), "{text:?}");
                }
                (found, read) => assert_eq!(found.err(), read.err(), "{text:?}"),
            }
        }
    }

    #[test]
    fn order_and_repetition_make_no_other_secrets() {
        assert!(secrets("a", Some("b")).same(&secrets("b", Some("a"))));
        assert!(secrets("a", Some("a")).same(&secrets("a", None)));
        assert!(!secrets("a", Some("b")).same(&secrets("a", None)));
        assert!(!secrets("a", None).same(&secrets("a", Some("b"))));
        assert!(!secrets("a", None).same(&secrets("b", None)));
    }
}
