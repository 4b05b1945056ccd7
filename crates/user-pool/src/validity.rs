//! How long an access token lives.

use std::time::Duration;

use thiserror::Error;

/// The life of an app client's access tokens: five minutes to one day, in whole seconds, as Cognito bounds it.
///
/// ```
/// # use {std::time::Duration, user_pool::TokenValidity};
/// assert_eq!(TokenValidity::default().as_secs(), 3600);
/// assert!(TokenValidity::new(Duration::from_secs(299)).is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenValidity(Duration);

impl TokenValidity {
    /// Five minutes.
    pub const MIN: Self = Self(Duration::from_mins(5));
    /// One day.
    pub const MAX: Self = Self(Duration::from_hours(24));

    /// Takes `life` as the life of a token; a fraction of a second is dropped.
    pub fn new(life: Duration) -> Result<Self, ValidityError> {
        let whole = Duration::from_secs(life.as_secs());
        if (Self::MIN.0..=Self::MAX.0).contains(&life) { Ok(Self(whole)) } else { Err(ValidityError) }
    }

    /// The life in seconds.
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// The life.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

impl Default for TokenValidity {
    /// One hour, Cognito's default.
    fn default() -> Self {
        Self(Duration::from_hours(1))
    }
}

/// A life that no access token may have.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an access token is valid for five minutes to one day")]
pub struct ValidityError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_part_of_what_is_allowed() {
        for (millis, secs) in [
            (300_000, Some(300)),
            (86_400_000, Some(86_400)),
            (300_999, Some(300)),
            (299_999, None),
            (86_400_001, None),
        ] {
            let validity = TokenValidity::new(Duration::from_millis(millis)).ok();
            assert_eq!(validity.map(TokenValidity::as_secs), secs, "{millis}");
        }
    }
}
