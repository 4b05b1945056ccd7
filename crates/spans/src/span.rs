//! A span that is over.

use std::fmt;
use std::sync::Arc;

use ambient::Timestamp;

use crate::{SpanId, TraceId};

/// Something that was done for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Which trace it belongs to.
    pub trace: TraceId,
    /// Which one it is.
    pub id: SpanId,
    /// The span above it, if there is one.
    pub parent: Option<SpanId>,
    /// Whether the span above was made by whoever sent the request.
    pub is_parent_remote: bool,
    /// `tracestate` of W3C Trace Context, as the sender had it.
    pub state: Option<Arc<str>>,
    /// What was done. There must be few names.
    pub name: Arc<str>,
    /// Whose side of a call it is.
    pub kind: Kind,
    /// When it began.
    pub started: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether it went wrong on this side.
    pub failed: bool,
}

/// Whose side of a call a span is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Nobody else's business.
    Internal,
    /// Of whoever answers a request.
    Server,
    /// Of whoever makes one.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(Arc<str>),
    /// A word of this program.
    Word(&'static str),
    /// A number.
    Number(u64),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Word(word) => Some(word),
            Self::Number(_) => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Takes spans.
pub trait SpanSink: fmt::Debug + Send + Sync {
    /// Takes a span, or drops it. Must not wait: requests go on after this.
    fn offer(&self, span: Span);
}
