//! Scopes, one and many, as RFC 6749 §3.3 writes them.
//!
//! A [`ScopeSet`] is a set: order and repetition mean nothing, so `b a b` equals `a b`. It is part of the token cache's
//! key and of what is asked upstream, so it keeps one canonical spelling, sorted and without repeats, behind a cheap
//! clone. Size and number are bounded. What a scope allows, and to whom, is not known here.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The most scopes a set may name. Cognito allows an app client as many.
pub const MAX_SCOPES: usize = 50;

/// The longest set, in bytes of its text. Far above what fifty real scopes need, and a bound on the work they make.
const MAX_BYTES: usize = 8192;

/// One scope: one or more of the characters `%x21 / %x23-5B / %x5D-7E`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        check(text)?;
        Ok(Self(text.into()))
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of scopes, at most [`MAX_SCOPES`] of them, in its one canonical spelling.
///
/// ```
/// # use oauth::ScopeSet;
/// assert_eq!("b a b".parse::<ScopeSet>()?.as_str(), "a b");
/// # Ok::<(), oauth::ScopeError>(())
/// ```
// INVARIANT: the text is sorted by bytes, without repeats, joined by single spaces. A space sorts before every scope
// character, so comparing texts is comparing sorted lists.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ScopeSet(Arc<str>);

impl ScopeSet {
    /// The set of `scopes`, which may be none.
    pub fn from_scopes<'a>(scopes: impl IntoIterator<Item = &'a Scope>) -> Result<Self, ScopeError> {
        let scopes: Vec<&str> = scopes.into_iter().map(Scope::as_str).collect();
        Self::canonical(scopes)
    }

    /// The scopes in order, separated by single spaces: how they stand in a request, a log line and a claim.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        // Splitting an empty text gives one empty piece.
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }

    /// How many scopes there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `scope` is one of them.
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// Whether every scope of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.outside(other).is_none()
    }

    /// The first scope of this set that is not in `other`; none when this is a subset.
    pub fn first_outside(&self, other: &Self) -> Option<Scope> {
        self.outside(other).map(|scope| Scope(scope.into()))
    }

    fn outside(&self, other: &Self) -> Option<&str> {
        // Both are sorted, so one walk over each is enough.
        let mut others = other.iter();
        self.iter().find(|scope| !others.any(|candidate| candidate == *scope))
    }

    fn canonical(mut scopes: Vec<&str>) -> Result<Self, ScopeError> {
        // Bounded as written, repeats included: the bound is on the work too.
        if scopes.len() > MAX_SCOPES {
            return Err(ScopeError::TooMany);
        }
        scopes.sort_unstable();
        scopes.dedup();
        let text = scopes.join(" ");
        if text.len() > MAX_BYTES {
            return Err(ScopeError::TooLong);
        }
        Ok(Self(text.into()))
    }
}

/// Reads scopes separated by exactly one space. Repeated scopes are one; no scope at all is an error, because RFC 6749
/// has no such text.
impl FromStr for ScopeSet {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text.len() > MAX_BYTES {
            return Err(ScopeError::TooLong);
        }
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        let scopes: Vec<&str> = text.split(' ').take(MAX_SCOPES + 1).collect();
        if scopes.contains(&"") {
            return Err(ScopeError::Spacing);
        }
        for scope in &scopes {
            check(scope)?;
        }
        Self::canonical(scopes)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no scope, or no set of scopes. It never repeats the text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ScopeError {
    /// There is no character.
    #[error("a scope must not be empty")]
    Empty,
    /// A character outside `%x21 / %x23-5B / %x5D-7E`.
    #[error("a scope has a character that is not allowed")]
    Character,
    /// A space at the start or the end, or two in a row.
    #[error("scopes must be separated by one space")]
    Spacing,
    /// More than [`MAX_SCOPES`].
    #[error("more than {MAX_SCOPES} scopes")]
    TooMany,
    /// Longer than the bound in bytes.
    #[error("more than {MAX_BYTES} bytes of scopes")]
    TooLong,
}

fn check(scope: &str) -> Result<(), ScopeError> {
    if scope.is_empty() {
        return Err(ScopeError::Empty);
    }
    if scope.len() > MAX_BYTES {
        return Err(ScopeError::TooLong);
    }
    let allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    if scope.bytes().all(allowed) { Ok(()) } else { Err(ScopeError::Character) }
}

#[cfg(test)]
mod tests;
