//! Why the control socket does not do what it was asked, in API Gateway's names and, where it has one, its words.

use std::error::Error;
use std::fmt;

use http::StatusCode;
use limits::{Day, MeterError};

use super::DAYS_KEPT;
use crate::reload::Refusal;

/// A request that is not fulfilled: status, error type and message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    /// `x-amzn-ErrorType`.
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
    /// What caused it, each the cause of the one before.
    pub(crate) causes: Vec<String>,
}

impl Fault {
    /// The request makes no sense.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error_type: "BadRequestException",
            message: message.into(),
            causes: Vec::new(),
        }
    }

    /// What it is about is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error_type: "NotFoundException",
            message: message.into(),
            causes: Vec::new(),
        }
    }

    pub(crate) fn no_such_plan() -> Self {
        Self::not_found("Invalid Usage Plan ID specified")
    }

    pub(crate) fn no_such_key() -> Self {
        Self::not_found("Invalid API Key identifier specified")
    }

    pub(crate) fn no_quota(plan: &str) -> Self {
        Self::bad(format!("Usage Plan {plan} has no quota, and usage is counted by quotas"))
    }

    pub(crate) fn not_begun(day: Day, today: Day) -> Self {
        Self::bad(format!("endDate {day} has not begun; it is {today} (UTC)"))
    }

    pub(crate) fn not_kept(day: Day, first: Day) -> Self {
        Self::bad(format!(
            "startDate {day} is too long ago: usage is kept for {DAYS_KEPT} days, and the first day that can be asked for is \
             {first}"
        ))
    }

    /// The definition was not taken over.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let Refusal { message, causes } = refusal;
        Self { causes, ..Self::bad(message) }
    }

    /// The server has begun to stop.
    pub(crate) fn stopping() -> Self {
        Self::unavailable("the server is stopping")
    }

    fn unavailable(message: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error_type: "ServiceUnavailableException",
            message: message.to_owned(),
            causes: Vec::new(),
        }
    }

    /// The peer is of another user.
    pub(crate) fn foreign(uid: u32) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            error_type: "AccessDeniedException",
            message: format!("user {uid} is neither the server's user nor root"),
            causes: Vec::new(),
        }
    }

    /// The method is not one of this path's.
    pub(crate) fn wrong_method(allowed: &str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error_type: "MethodNotAllowedException",
            message: format!("use {allowed}"),
            causes: Vec::new(),
        }
    }

    /// Nobody's fault but the server's.
    pub(crate) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error_type: "InternalFailureException",
            message: "the server failed; see its log".to_owned(),
            causes: Vec::new(),
        }
    }
}

impl From<MeterError> for Fault {
    /// What a person can do something about is said; the log has the rest.
    fn from(error: MeterError) -> Self {
        match &error {
            MeterError::TooMuch { .. } => Self::bad(error.to_string()),
            MeterError::Store(_) => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(%error, cause, "a quota could not be read or extended");
                Self::unavailable("quotas cannot be read or written at the moment; see the server's log")
            }
            _ => {
                tracing::error!(%error, "a quota could not be read or extended");
                Self::internal()
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
