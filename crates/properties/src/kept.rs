//! Whether a property is kept, and how it is broken if not.

use std::fmt::Display;

use thiserror::Error;

/// What a property says of an input.
pub type Kept = Result<(), Broken>;

/// How a property is broken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct Broken(String);

impl Broken {
    /// It is broken in the way that `how` says.
    pub fn new(how: impl Into<String>) -> Self {
        Self(how.into())
    }

    /// What must not fail failed with `error`.
    pub(crate) fn by(what: &str, error: impl Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

/// Goes on if the condition holds, and is broken as the text says if not.
macro_rules! keep {
    ($condition:expr, $($how:tt)+) => {
        if !$condition {
            return Err($crate::Broken::new(format!($($how)+)));
        }
    };
}
