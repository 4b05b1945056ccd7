//! What is sent, how it is signed, and what becomes of every answer, at a stand-in for Lambda's API on loopback.

mod answers;
mod fake;
mod log;
mod sent;
mod signature;

use std::borrow::Cow;
use std::time::Duration;

use ambient::Timestamp;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use lambda::{Function as _, Invocation, InvokeError, Pairs, ProxyEvent, ProxyReply, RequestContext};
use restapi::{AccountId, HttpMethod, MethodArn, Region, ResourcePath, RestApiId, StageName};

use crate::{Deployed, Target};

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live";
const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";
const SESSION_TOKEN: &str = "a-session-token-of-nobody";
/// What stands in a request and must not stand in any log.
const API_KEY: &str = "a-clients-api-key-that-nobody-may-see";
const TRACE: &str = "Root=1-6ab58520-70315d7939e4c191321149a9";

/// The function at `endpoint`, invoked with credentials that are known.
fn function_at(endpoint: &str) -> Deployed {
    let known = Credentials::new(ACCESS_KEY, SECRET_KEY, Some(SESSION_TOKEN.into()), None, "test");
    function_with(known, endpoint)
}

fn function_with(credentials: impl ProvideCredentials + 'static, endpoint: &str) -> Deployed {
    let shared = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Deployed::with(&shared, target(endpoint))
}

fn target(endpoint: &str) -> Target {
    Target {
        arn: ARN.into(),
        region: Region::parse("eu-central-1").unwrap(),
        endpoint: Some(endpoint.into()),
        // Far longer than any test: whatever ends sooner was ended by what the test is about.
        timeout: Some(Duration::from_mins(5)),
    }
}

/// A request for a token, with what nobody may see.
fn event(body: Cow<'_, str>) -> ProxyEvent<'_> {
    let mut headers = Pairs::with_capacity(2);
    headers.push("X-Amzn-Trace-Id", TRACE);
    headers.push("x-api-key", API_KEY);
    ProxyEvent {
        resource: "/oauth2/token".into(),
        path: "/oauth2/token".into(),
        http_method: "POST".into(),
        headers,
        body: Some(body),
        request_context: RequestContext { request_id: "a-request".into(), ..RequestContext::default() },
        ..ProxyEvent::default()
    }
}

async fn invoke(function: &Deployed) -> Result<ProxyReply, InvokeError> {
    invoke_with(function, &event("grant_type=client_credentials".into())).await
}

async fn invoke_with(function: &Deployed, event: &ProxyEvent<'_>) -> Result<ProxyReply, InvokeError> {
    let source = MethodArn {
        region: Region::parse("us-east-1").unwrap(),
        account_id: AccountId::parse("000000000000").unwrap(),
        api_id: RestApiId::derived(&["token-broker-api"]),
        stage: StageName::parse("dev").unwrap(),
        method: HttpMethod::Post,
        path: ResourcePath::of("/oauth2/token"),
    };
    function.invoke(Invocation { event, source: &source, deadline: Timestamp::from_secs(0) }).await
}
