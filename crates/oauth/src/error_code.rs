//! The error codes of the token endpoint, each with the section that defines it.

use std::fmt;

/// An OAuth error code.
///
/// The first six are the token endpoint's own. Three are borrowed from the authorization endpoint (RFC 6749 §4.1.2.1),
/// because the token endpoint has none for them and client libraries know these.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ErrorCode {
    /// A parameter is missing, repeated, malformed or not supported (RFC 6749 §5.2).
    InvalidRequest,
    /// The client did not prove who it is (RFC 6749 §5.2).
    InvalidClient,
    /// The grant is wrong, expired or somebody else's (RFC 6749 §5.2).
    InvalidGrant,
    /// The client may not use this grant (RFC 6749 §5.2).
    UnauthorizedClient,
    /// The grant type is not known here (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// A scope is malformed, unknown or more than is allowed (RFC 6749 §5.2).
    InvalidScope,
    /// Not now; later perhaps (RFC 6749 §4.1.2.1, borrowed).
    TemporarilyUnavailable,
    /// The request is understood and refused (RFC 6749 §4.1.2.1, borrowed).
    AccessDenied,
    /// Something broke on this side (RFC 6749 §4.1.2.1, borrowed).
    ServerError,
    /// No token can be bound to the resource that was named (RFC 8707 §2).
    InvalidTarget,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 10] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::TemporarilyUnavailable,
        Self::AccessDenied,
        Self::ServerError,
        Self::InvalidTarget,
    ];

    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::InvalidTarget => "invalid_target",
        }
    }

    /// The section that defines the code.
    pub const fn section(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::InvalidClient
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope => "RFC 6749 §5.2",
            Self::TemporarilyUnavailable | Self::AccessDenied | Self::ServerError => "RFC 6749 §4.1.2.1",
            Self::InvalidTarget => "RFC 8707 §2",
        }
    }

    /// The code with this spelling, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_their_sections() {
        let table: Vec<String> =
            ErrorCode::ALL.iter().map(|code| format!("{code}: {}", code.section())).collect();
        insta::assert_snapshot!("error_codes", table.join("\n"));
    }

    #[test]
    fn a_code_is_found_by_its_exact_name() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::named(code.as_str()), Some(code));
        }
        assert_eq!(ErrorCode::named("Invalid_Client"), None);
        assert_eq!(ErrorCode::named(""), None);
    }
}
