//! Spans: what was done for a request, from when to when, as OpenTelemetry thinks of it.
//!
//! Whoever works on a request asks its [`Tracer`] and hands over each [`Span`] when it is over; where spans go is the
//! [`SpanSink`]'s. It knows no protocol and no clock. Attributes are what the definition or this program says; nothing that a
//! client wrote may become one, so that no secret in a wrong place gets out this way.

mod id;
mod span;
mod tracer;

pub use id::{SpanId, TraceId, Under};
pub use span::{Kind, Span, SpanSink, Value};
pub use tracer::{Senders, Tracer};
