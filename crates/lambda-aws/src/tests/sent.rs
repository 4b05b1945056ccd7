//! The request.

use super::fake::{Fake, replying};
use super::log::Log;
use super::signature::verify;
use super::*;

#[tokio::test]
async fn function_is_invoked_with_the_event_as_it_is() {
    let fake = Fake::doing(replying(r#"{"statusCode":201,"headers":{"X-One":"1"},"body":"hello"}"#)).await;
    let event = event("grant_type=client_credentials&scope=a%2Fb".into());
    let reply = invoke_with(&function_at(&fake.url), &event).await.unwrap();
    assert_eq!((reply.status, reply.body.as_ref()), (201, "hello"));
    let [(head, body)] = &fake.sent()[..] else { panic!("{:?}", fake.sent()) };
    assert_eq!(head.method, "POST");
    assert_eq!(
        head.uri.to_string(),
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Atoken-broker%3Alive/invocations"
    );
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("x-amz-invocation-type"), Some("RequestResponse"));
    assert_eq!(header("x-amz-log-type"), None);
    assert_eq!(header("x-amz-client-context"), None);
    assert_eq!(header("x-amzn-trace-id"), Some(TRACE));
    assert_eq!(header("x-api-key"), None);
    assert!(header("user-agent").unwrap().contains("app/token-broker"), "{:?}", header("user-agent"));
    assert_eq!(body.as_ref(), event.to_json());
}

#[tokio::test]
async fn request_is_signed_with_the_session_for_the_region_of_the_arn() {
    let fake = Fake::doing(replying("{}")).await;
    invoke(&function_at(&fake.url)).await.unwrap();
    let [(head, body)] = &fake.sent()[..] else { panic!("{:?}", fake.sent()) };
    let signed = verify(head, body, SECRET_KEY);
    for name in ["host", "x-amz-date", "x-amz-invocation-type", "x-amz-security-token", "content-type"] {
        assert!(signed.iter().any(|signed| signed == name), "{name} is not among {signed:?}");
    }
    assert_eq!(head.headers["x-amz-security-token"], SESSION_TOKEN);
    let authorization = head.headers["authorization"].to_str().unwrap();
    let scope = authorization.split(['=', ',']).nth(1).unwrap();
    assert!(scope.starts_with(&format!("{ACCESS_KEY}/")), "{scope}");
    assert!(scope.ends_with("/eu-central-1/lambda/aws4_request"), "{scope}");
}

#[tokio::test]
#[should_panic(expected = "the signature is wrong")]
async fn signature_of_another_secret_would_be_noticed() {
    let fake = Fake::doing(replying("{}")).await;
    invoke(&function_at(&fake.url)).await.unwrap();
    let (head, body) = fake.sent().remove(0);
    verify(&head, &body, "another-secret");
}

#[tokio::test]
async fn nothing_of_request_reply_or_credentials_is_logged_at_any_level() {
    let (log, _kept) = Log::keep();
    let fake = Fake::doing(replying(r#"{"statusCode":200,"body":"a-token-of-somebody"}"#)).await;
    let function = function_at(&fake.url);
    invoke(&function).await.unwrap();
    let told = format!("{}{function:?}", log.text());
    for secret in [API_KEY, SECRET_KEY, SESSION_TOKEN, ACCESS_KEY, "a-token-of-somebody", "grant_type"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[tokio::test]
async fn trace_that_cannot_stand_in_a_header_is_left_out() {
    let fake = Fake::doing(replying("{}")).await;
    let mut event = event("".into());
    event.headers.push("X-Amzn-Trace-Id", "Root=1\r\nX-Evil: 1");
    invoke_with(&function_at(&fake.url), &event).await.unwrap();
    let (head, _) = fake.sent().remove(0);
    assert_eq!((head.headers.get("x-amzn-trace-id"), head.headers.get("x-evil")), (None, None));
}
