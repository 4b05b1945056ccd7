//! What one request for a token took: for the audit line, and for whoever counts tokens that cost money.

use std::time::Duration;

/// What was tried, and how each attempt ended.
///
/// Cognito bills tokens, not attempts. An attempt that made no connection, or that was answered with a whole error,
/// minted nothing. Any other may have: a timeout hides whether a token was minted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Effort {
    /// Attempts in all.
    pub attempts: u32,
    /// Those of them that made no connection.
    pub unconnected: u32,
    /// Those of them that were answered with a whole error reply.
    pub error_replies: u32,
    /// How long everything took, waits included.
    pub elapsed: Duration,
}
