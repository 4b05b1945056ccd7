//! Grant types: the ones this product knows, and the name a request gave.
//!
//! Names compare exactly, byte by byte: folding case, trimming or look-alikes would let a request through that another
//! part of the system reads differently.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// A grant type that this product knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum GrantType {
    /// The client asks for itself (RFC 6749 §4.4).
    ClientCredentials,
}

impl GrantType {
    /// Every grant type that this product knows.
    pub const ALL: [Self; 1] = [Self::ClientCredentials];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
        }
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is the name of no grant type that this product knows.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a grant type that is supported")]
pub struct UnknownGrant;

impl FromStr for GrantType {
    type Err = UnknownGrant;

    fn from_str(name: &str) -> Result<Self, UnknownGrant> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == name).ok_or(UnknownGrant)
    }
}

/// The grant type that a request names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RequestedGrant {
    /// One that this product knows.
    Known(GrantType),
    /// Any other name.
    Unknown(GrantName),
}

impl RequestedGrant {
    /// The grant type called `name`.
    pub fn named(name: &str) -> Self {
        name.parse().map_or_else(|UnknownGrant| Self::Unknown(GrantName(name.into())), Self::Known)
    }

    /// A word for logs and metrics: the grant type's name, or `other`, never a text that the client chose.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Known(grant) => grant.as_str(),
            Self::Unknown(_) => "other",
        }
    }
}

impl From<GrantType> for RequestedGrant {
    fn from(grant: GrantType) -> Self {
        Self::Known(grant)
    }
}

/// A name that no grant type known here has.
///
/// It is whatever the client sent, a misplaced secret included, so `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct GrantName(Arc<str>);

impl GrantName {
    /// The name as it was sent. Quote it with [`Quoted`](crate::Quoted) before showing it to the client.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrantName(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_is_known() {
        for grant in GrantType::ALL {
            assert_eq!(RequestedGrant::named(grant.as_str()), RequestedGrant::Known(grant));
            assert_eq!(RequestedGrant::Known(grant).label(), grant.as_str());
        }
    }

    #[test]
    fn case_space_and_look_alikes_are_other_names() {
        let names = [
            "Client_Credentials",
            "CLIENT_CREDENTIALS",
            " client_credentials",
            "client_credentials ",
            "client-credentials",
            "client_credentials\0",
            "client_сredentials", // a Cyrillic с
            "ｃlient_credentials",
            "client_credential",
            "password",
            "",
        ];
        for name in names {
            let RequestedGrant::Unknown(unknown) = RequestedGrant::named(name) else {
                panic!("{name:?} is taken for a grant type")
            };
            assert_eq!(unknown.as_str(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_not_shown() {
        let grant = RequestedGrant::named("hunter2");
        assert_eq!(format!("{grant:?}"), "Unknown(GrantName(..))");
        assert_eq!(grant.label(), "other");
    }
}
