//! The function: takes invocations, gives back replies.

use std::fmt;
use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_lambda::operation::RequestId as _;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use lambda::{Function, Invocation, InvokeError, Invoking, ProxyEvent, ProxyReply};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::bound::{BoundAnswer, LARGEST};
use crate::fault;

/// Which function, and how it is reached.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its ARN, with an alias or a version if one is meant.
    pub arn: String,
    /// The region in the ARN.
    pub region: restapi::Region,
    /// Where Lambda's API is, if it is not AWS's own endpoint of the region.
    pub endpoint: Option<String>,
    /// How long an answer may take; without it, as long as whoever invokes waits.
    pub timeout: Option<Duration>,
}

/// Invokes a function that is deployed on AWS.
///
/// It must be used within a tokio runtime. A call that is dropped ends its connection; the function on AWS runs on.
///
/// Its `Debug` shows nothing of the credentials.
pub struct Deployed {
    client: Client,
    arn: String,
}

impl Deployed {
    /// The function `target`, with the credentials that are found. They are not looked for before the first invocation.
    pub async fn connect(target: Target) -> Self {
        let region = Region::new(target.region.as_str().to_owned());
        let found = aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).load();
        // Where a profile is wrong the error comes with the first invocation, in our own words.
        Self::with(&found.with_subscriber(NoSubscriber::new()).await, target)
    }

    /// The function `target`, with the credentials of `shared`.
    pub(crate) fn with(shared: &SdkConfig, target: Target) -> Self {
        let Target { arn, region, endpoint, timeout } = target;
        let mut timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
        timeouts.set_operation_timeout(timeout);
        let mut settings = Builder::from(shared)
            .region(Region::new(region.as_str().to_owned()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build())
            // A function that thinks for long sends nothing meanwhile. How long is the timeout's to say.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(BoundAnswer);
        settings.set_app_name(AppName::new("token-broker").ok());
        if let Some(endpoint) = endpoint {
            settings = settings.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(settings.build()), arn }
    }

    async fn run(&self, invocation: Invocation<'_>) -> Result<ProxyReply, InvokeError> {
        let event = invocation.event;
        let request_id = event.request_context.request_id.as_ref();
        let payload = event.to_json();
        if payload.len() > LARGEST {
            // Lambda does not take it.
            tracing::error!(request_id, function = self.arn, "the event is larger than Lambda takes");
            return Err(InvokeError::Unavailable);
        }
        let trace = trace(event);
        let sent = self
            .client
            .invoke()
            .function_name(&self.arn)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload))
            .customize()
            .mutate_request(move |request: &mut HttpRequest| {
                if let Some(trace) = trace.clone() {
                    request.headers_mut().insert(TRACE, trace);
                }
            })
            .send();
        // At `trace` the SDK writes requests and answers whole, with API keys and tokens. What is worth knowing of them is
        // logged here.
        match sent.with_subscriber(NoSubscriber::new()).await {
            Ok(answer) => self.read(request_id, &answer),
            Err(error) => Err(fault::log(request_id, &self.arn, &error)),
        }
    }

    /// The proxy reply in an answer.
    fn read(&self, request_id: &str, answer: &InvokeOutput) -> Result<ProxyReply, InvokeError> {
        if answer.function_error().is_some() {
            // What the function says of its error may repeat the event.
            let aws_request_id = answer.request_id();
            tracing::error!(
                request_id,
                function = self.arn,
                aws_request_id,
                mend = "look for the id in the function's log group in CloudWatch",
                "the function on AWS failed"
            );
            return Err(InvokeError::Failed);
        }
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        ProxyReply::from_json(payload).map_err(InvokeError::Malformed)
    }
}

impl Function for Deployed {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        Box::pin(self.run(invocation))
    }
}

impl fmt::Debug for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployed").field("arn", &self.arn).finish_non_exhaustive()
    }
}

/// The trace that the front door put the request under, so that AWS goes on with it.
fn trace(event: &ProxyEvent<'_>) -> Option<String> {
    event
        .headers
        .last(TRACE)
        .filter(|trace| !trace.bytes().any(|byte| byte.is_ascii_control()))
        .map(str::to_owned)
}

const TRACE: &str = "x-amzn-trace-id";
/// As long as the SDK itself gives a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);
