//! Stable ids of the rules, for audit lines.
//!
//! An id never changes its meaning: people search old logs for it.

use std::fmt;

/// The id of a rule, as in `builtin:client-enabled`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleId(&'static str);

impl RuleId {
    /// The client must be enabled.
    pub const CLIENT_ENABLED: Self = Self("builtin:client-enabled");
    /// It must not be before the client's first moment.
    pub const NOT_BEFORE: Self = Self("builtin:not-before");
    /// It must not be after the client's last moment.
    pub const NOT_AFTER: Self = Self("builtin:not-after");
    /// The request must come from one of the client's networks.
    pub const ALLOW_FROM: Self = Self("builtin:allow-from");
    /// The grant type must be one that the product knows.
    pub const GRANT_SUPPORTED: Self = Self("builtin:grant-supported");
    /// The grant type must be on the client's list.
    pub const GRANT_ALLOWED: Self = Self("builtin:grant-allowed");
    /// Who asks for no scope gets the client's default scopes, and must have some.
    pub const DEFAULT_SCOPES: Self = Self("builtin:default-scopes");
    /// Every scope must be on the client's list.
    pub const SCOPES_ALLOWED: Self = Self("builtin:scopes-allowed");

    /// The id.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The rules that made a decision, in the order in which they were asked: all of them for an allowed request, only
/// what said no for a denied one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rules(&'static [RuleId]);

impl Rules {
    /// The rules behind a request that was allowed the scopes it asked for.
    pub(crate) const ALLOW_ASKED: Self = Self(&[
        RuleId::CLIENT_ENABLED,
        RuleId::NOT_BEFORE,
        RuleId::NOT_AFTER,
        RuleId::ALLOW_FROM,
        RuleId::GRANT_SUPPORTED,
        RuleId::GRANT_ALLOWED,
        RuleId::SCOPES_ALLOWED,
    ]);

    /// The rules behind a request that was allowed the client's default scopes.
    pub(crate) const ALLOW_DEFAULT: Self = Self(&[
        RuleId::CLIENT_ENABLED,
        RuleId::NOT_BEFORE,
        RuleId::NOT_AFTER,
        RuleId::ALLOW_FROM,
        RuleId::GRANT_SUPPORTED,
        RuleId::GRANT_ALLOWED,
        RuleId::DEFAULT_SCOPES,
        RuleId::SCOPES_ALLOWED,
    ]);

    pub(crate) const fn of(rules: &'static [RuleId]) -> Self {
        Self(rules)
    }

    /// The ids in order.
    pub fn iter(self) -> impl Iterator<Item = RuleId> {
        self.0.iter().copied()
    }
}
