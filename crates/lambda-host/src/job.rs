//! An invocation on its way to a process and back.

use ambient::{Timestamp, Uuid};
use bytes::Bytes;
use http::HeaderValue;
use lambda::InvokeError;
use tokio::sync::oneshot;

use crate::pool::Work;

/// An invocation on its way to a process. What it carries is never printed.
pub(crate) struct Job {
    /// Its id, as the process sees it.
    pub(crate) id: Uuid,
    /// The event.
    pub(crate) event: Bytes,
    /// The trace it belongs to.
    pub(crate) trace: Option<HeaderValue>,
    /// When the caller stops waiting.
    pub(crate) deadline: Timestamp,
    /// Where the outcome goes; closed when the caller has stopped waiting.
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

/// What came of an invocation: the reply as the process sent it, or why there is none.
pub(crate) type Outcome = Result<Bytes, InvokeError>;

impl Job {
    /// Tells whoever still waits.
    pub(crate) fn finish(self, outcome: Outcome) {
        // Nobody waits any longer: then it is nobody's.
        let _abandoned = self.outcome.send(outcome);
    }
}

impl Work for Job {
    fn is_abandoned(&self) -> bool {
        self.outcome.is_closed()
    }

    fn has_id(&self, id: &str) -> bool {
        self.id.as_str() == id
    }
}
