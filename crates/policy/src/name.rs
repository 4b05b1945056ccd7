//! Names of clients and groups, as the configuration gives them.
//!
//! They stand in log lines, metrics, file names and cache keys, so they are short and plain: a lower-case letter or a
//! digit, then up to 63 of those, hyphens and underscores.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The name of a client: who policy, budget and cache think of, however many API keys it has.
///
/// ```
/// # use policy::ClientId;
/// assert_eq!("billing".parse::<ClientId>()?.as_str(), "billing");
/// assert!("../billing".parse::<ClientId>().is_err());
/// # Ok::<(), policy::NameError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        check(name).map(Self)
    }
}

impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a group that a client belongs to.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        check(name).map(Self)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NameError {
    /// It has no character, or too many.
    #[error("a name has 1 to {MAX_LENGTH} characters")]
    Length,
    /// It starts with something other than a lower-case letter or a digit.
    #[error("a name starts with a lower-case letter or a digit")]
    Start,
    /// It has a character that no name has.
    #[error("a name has only lower-case letters, digits, `-` and `_`")]
    Character,
}

fn check(name: &str) -> Result<Arc<str>, NameError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let first = name.bytes().next().ok_or(NameError::Length)?;
    if name.len() > MAX_LENGTH {
        return Err(NameError::Length);
    }
    if !name.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'_')) {
        return Err(NameError::Character);
    }
    if plain(first) { Ok(name.into()) } else { Err(NameError::Start) }
}

const MAX_LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "0", "billing", "billing-2_eu", &"a".repeat(64)] {
            assert_eq!(name.parse::<ClientId>().unwrap().as_str(), name);
            assert_eq!(name.parse::<GroupName>().unwrap().as_str(), name);
        }
        let rows = [
            ("", NameError::Length),
            (&"a".repeat(65), NameError::Length),
            ("-a", NameError::Start),
            ("_a", NameError::Start),
            ("Billing", NameError::Character),
            ("a b", NameError::Character),
            ("a/b", NameError::Character),
            ("..", NameError::Character),
            ("a\n", NameError::Character),
            ("é", NameError::Character),
        ];
        for (name, error) in rows {
            assert_eq!(name.parse::<ClientId>(), Err(error), "{name:?}");
            assert_eq!(name.parse::<GroupName>(), Err(error), "{name:?}");
        }
    }
}
