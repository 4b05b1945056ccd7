//! Spans to an OpenTelemetry collector, by OTLP over HTTP with protobuf.
//!
//! [`Exporter`] takes spans into a bounded queue and sends them in batches from a task of its own. A request waits for
//! nothing of it: what there is no room for is dropped, and what the collector does not take is tried again for a while and
//! then dropped; [`Counts`] says how many. When the program stops, what is queued has until a deadline.
//!
//! The messages are written here: there are eight of them, and they are frozen by OpenTelemetry's own promise. The libraries
//! for it bring a gRPC stack, and an SDK with clocks and randomness of its own: docs/adr/0027.

mod counts;
mod exporter;
mod headers;
mod message;
mod transport;
mod wire;

pub use counts::{Counts, Dropped};
pub use exporter::{Exporter, Exporting, Settings};
pub use headers::{CollectorHeaders, HeadersError};
pub use message::Origin;
pub use transport::{CollectorUrl, CollectorUrlError, HttpTransport};
