//! Spans of requests, sent to a collector by a build that has the feature `otlp`.

#[cfg_attr(not(feature = "otlp"), path = "traces/not_built.rs")]
mod sent;

pub(crate) use sent::{Traces, check, refuse_unbuilt};
