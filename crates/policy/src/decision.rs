//! What policy answers, and what the client is told of it.
//!
//! The reasons are exhaustive on purpose: code, description and log name come from one table per column here, and a new
//! reason does not compile until it has all of them.

use oauth::{Description, ErrorCode, ErrorReply, GrantName, Quoted, Scope, ScopeSet};

use crate::{RuleId, Rules};

/// What policy answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The client may have a token with exactly these scopes.
    Allow {
        /// The scopes, never empty: those it asked for, else its default scopes.
        scopes: ScopeSet,
        /// The rules that were asked.
        rules: Rules,
    },
    /// The client gets nothing.
    Deny {
        /// Why.
        reason: DenyReason,
        /// What said no.
        rules: Rules,
    },
}

impl Decision {
    /// The rules that made it.
    pub const fn rules(&self) -> Rules {
        match self {
            Self::Allow { rules, .. } | Self::Deny { rules, .. } => *rules,
        }
    }
}

/// Why a request is denied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DenyReason {
    /// The client is switched off.
    ClientDisabled,
    /// The client's first moment is still to come.
    ClientNotYetValid,
    /// The client's last moment is over.
    ClientExpired,
    /// The request comes from none of the client's networks.
    SourceNotAllowed,
    /// The product does not know the grant type.
    GrantUnsupported(GrantName),
    /// The client may not use the grant type.
    GrantNotAllowed,
    /// No scope was asked for, and the client has no default scopes.
    NoDefaultScopes,
    /// No scope was asked for, and a default scope is not on the client's list.
    DefaultScopesNotAllowed,
    /// A scope that was asked for is not on the client's list.
    ScopeNotAllowed(Scope),
}

impl DenyReason {
    /// The code that the client gets.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::ClientDisabled
            | Self::ClientNotYetValid
            | Self::ClientExpired
            | Self::SourceNotAllowed
            | Self::GrantNotAllowed => ErrorCode::UnauthorizedClient,
            Self::GrantUnsupported(_) => ErrorCode::UnsupportedGrantType,
            Self::NoDefaultScopes | Self::DefaultScopesNotAllowed | Self::ScopeNotAllowed(_) => {
                ErrorCode::InvalidScope
            }
        }
    }

    /// What the client is told. It names nothing but what the client sent: whether a scope that it may not have exists
    /// is not its business.
    pub fn description(&self) -> Description {
        match self {
            Self::ClientDisabled => "the client is disabled".into(),
            Self::ClientNotYetValid => "the client is not valid yet".into(),
            Self::ClientExpired => "the client is no longer valid".into(),
            Self::SourceNotAllowed => "the client may not ask from this address".into(),
            Self::GrantUnsupported(name) => {
                format!("the grant type {} is not supported", Quoted(name.as_str())).into()
            }
            Self::GrantNotAllowed => "the client may not use this grant type".into(),
            Self::NoDefaultScopes | Self::DefaultScopesNotAllowed => {
                "the client has no default scopes: name the scopes".into()
            }
            Self::ScopeNotAllowed(scope) => {
                format!("the scope {} is not allowed for this client", Quoted(scope.as_str())).into()
            }
        }
    }

    /// The answer that the client gets.
    pub fn reply(&self) -> ErrorReply {
        ErrorReply::new(self.code(), self.description())
    }

    /// A word for logs and metrics, never a text that the client chose.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientDisabled => "client_disabled",
            Self::ClientNotYetValid => "client_not_yet_valid",
            Self::ClientExpired => "client_expired",
            Self::SourceNotAllowed => "source_not_allowed",
            Self::GrantUnsupported(_) => "grant_unsupported",
            Self::GrantNotAllowed => "grant_not_allowed",
            Self::NoDefaultScopes => "no_default_scopes",
            Self::DefaultScopesNotAllowed => "default_scopes_not_allowed",
            Self::ScopeNotAllowed(_) => "scope_not_allowed",
        }
    }

    pub(crate) const fn rules(&self) -> Rules {
        Rules::of(match self {
            Self::ClientDisabled => &[RuleId::CLIENT_ENABLED],
            Self::ClientNotYetValid => &[RuleId::NOT_BEFORE],
            Self::ClientExpired => &[RuleId::NOT_AFTER],
            Self::SourceNotAllowed => &[RuleId::ALLOW_FROM],
            Self::GrantUnsupported(_) => &[RuleId::GRANT_SUPPORTED],
            Self::GrantNotAllowed => &[RuleId::GRANT_ALLOWED],
            Self::NoDefaultScopes => &[RuleId::DEFAULT_SCOPES],
            Self::DefaultScopesNotAllowed => &[RuleId::DEFAULT_SCOPES, RuleId::SCOPES_ALLOWED],
            Self::ScopeNotAllowed(_) => &[RuleId::SCOPES_ALLOWED],
        })
    }
}
