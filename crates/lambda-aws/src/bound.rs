//! How much of an answer is read.

use aws_sdk_lambda::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_lambda::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_lambda::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// The largest event and the largest reply: 6 MiB, and room for what AWS's own services put around them. AWS says that the
/// function failed if its reply is larger; whoever else listens at an endpoint must not fill the memory.
pub(crate) const LARGEST: usize = 6 * 1024 * 1024 + 100;

/// Ends the reading of an answer that is larger than any can be.
#[derive(Debug)]
pub(crate) struct BoundAnswer;

#[dyn_dispatch_hint]
impl Intercept for BoundAnswer {
    fn name(&self) -> &'static str {
        "BoundAnswer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let unbound = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(unbound, LARGEST));
        Ok(())
    }
}
