//! What a function is: the event it is given, the reply it gives, and the trait that runs it.
//!
//! [`ProxyEvent`] and [`ProxyReply`] are the two sides of API Gateway's Lambda proxy integration (payload format 1.0).
//! In process they are passed as they are and never become JSON; a function in another process or on AWS reads and
//! writes the same types through their serializers, which reproduce the recorded bytes.
//!
//! [`Guarded`] puts a function behind its resource policy, as Lambda does: without a permission for the very call, the
//! function is not run and the caller is told [`InvokeError::Forbidden`].
//!
//! Pure: no I/O and no runtime. What runs a function as a process or on AWS implements [`Function`] elsewhere.

mod context;
mod event;
mod function;
mod pairs;
mod reply;

pub use context::{ClientCertificate, Identity, RequestContext, Validity, certificate_time, request_time};
pub use event::{EventError, ProxyEvent};
pub use function::{Function, Guarded, Invocation, InvokeError, Invoking};
pub use pairs::Pairs;
pub use reply::{MalformedReply, ProxyReply, UndecodableBody};
