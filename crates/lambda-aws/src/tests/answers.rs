//! What becomes of each answer, and of none: what whoever invoked is told, what is logged, and that it was asked once.

use std::fmt::Write as _;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use lambda::MalformedReply;

use super::fake::{Doing, Fake, replying};
use super::log::Log;
use super::*;
use crate::bound::LARGEST;

/// An error as Lambda answers it.
fn refusing(status: u16, code: &'static str, message: &str) -> Doing {
    let body = format!(r#"{{"Type":"User","Message":"{message}"}}"#);
    Doing::Answer(status, vec![("x-amzn-ErrorType", code)], body.into())
}

fn rows() -> Vec<(&'static str, Doing)> {
    let failed = |kind| vec![("X-Amz-Function-Error", kind), ("X-Amz-Executed-Version", "7")];
    let error = r#"{"errorMessage":"cannot read a-clients-api-key-that-nobody-may-see","errorType":"Error"}"#;
    vec![
        ("reply", replying(r#"{"statusCode":400,"body":"{}"}"#)),
        ("function_that_failed", Doing::Answer(200, failed("Unhandled"), error.into())),
        ("function_that_says_an_error", Doing::Answer(200, failed("Handled"), error.into())),
        ("no_json", replying("hello")),
        ("no_proxy_reply", replying(r#"{"access_token":"x"}"#)),
        ("nothing", replying("")),
        ("throttled", refusing(429, "TooManyRequestsException", "Rate Exceeded.")),
        (
            "not_there",
            refusing(
                404,
                "ResourceNotFoundException",
                "Function not found: arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live",
            ),
        ),
        (
            "not_allowed",
            refusing(
                403,
                "AccessDeniedException",
                "User: arn:aws:iam::123456789012:user/front-door is not authorized to perform: lambda:InvokeFunction",
            ),
        ),
        (
            "credentials_unknown",
            refusing(
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
        ),
        (
            "credentials_expired",
            refusing(403, "ExpiredTokenException", "The security token included in the request is expired"),
        ),
        (
            "signature_wrong",
            refusing(
                403,
                "InvalidSignatureException",
                "The Canonical String should have been x-amz-security-token:a-session-token-of-nobody",
            ),
        ),
        (
            "payload_quoted",
            refusing(
                400,
                "InvalidRequestContentException",
                "Could not parse a-clients-api-key-that-nobody-may-see",
            ),
        ),
        (
            "key_not_allowed",
            refusing(
                502,
                "KMSAccessDeniedException",
                "Lambda was unable to decrypt the environment variables.",
            ),
        ),
        ("too_large", refusing(413, "RequestTooLargeException", "6291556 byte payload is too large")),
        ("not_ready", refusing(502, "ResourceNotReadyException", "The function is inactive.")),
        ("lambda_broken", refusing(500, "ServiceException", "")),
        ("init_throttled", refusing(502, "EC2ThrottledException", "")),
        (
            "somebody_else",
            Doing::Answer(503, vec![("Content-Type", "text/html")], "<h1>a-token-of-somebody</h1>".into()),
        ),
        ("code_that_is_none", refusing(400, "a code: with\ttabs", "")),
        ("cut", Doing::Cut),
    ]
}

#[tokio::test]
async fn every_answer_has_one_outcome_one_line_at_most_and_is_asked_for_once() {
    let mut table = String::new();
    for (name, doing) in rows() {
        let (log, kept) = Log::keep();
        let fake = Fake::doing(doing).await;
        let outcome = invoke(&function_at(&fake.url)).await;
        drop(kept);
        let told = match &outcome {
            Ok(reply) => format!("reply {}", reply.status),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(fake.sent().len(), 1, "{name} was not asked for once");
        assert!(log.own().lines().count() <= 1, "{name}: {}", log.own());
        for secret in [API_KEY, SECRET_KEY, SESSION_TOKEN, "a-token-of-somebody"] {
            assert!(!log.text().contains(secret), "{name}: {secret} is in {}", log.text());
        }
        writeln!(table, "{name}: {told}\n    {}", log.own().replace(ARN, "ARN")).unwrap();
    }
    insta::assert_snapshot!("answers", table);
}

#[tokio::test]
async fn reply_is_read_up_to_what_lambda_lets_one_have() {
    let body = |size: usize| format!(r#"{{"body":"{}"}}"#, "x".repeat(size - 11));
    let fake = Fake::doing(replying(body(LARGEST))).await;
    assert_eq!(invoke(&function_at(&fake.url)).await.unwrap().body.len(), LARGEST - 11);
    let (log, _kept) = Log::keep();
    let fake = Fake::doing(replying(body(LARGEST + 1))).await;
    assert_eq!(invoke(&function_at(&fake.url)).await, Err(InvokeError::Failed));
    assert!(log.own().contains("larger than Lambda lets one be"), "{}", log.own());
}

#[tokio::test]
async fn event_that_lambda_does_not_take_is_not_sent() {
    let fake = Fake::doing(replying("{}")).await;
    let event = event("x".repeat(LARGEST).into());
    assert_eq!(invoke_with(&function_at(&fake.url), &event).await, Err(InvokeError::Unavailable));
    assert!(fake.sent().is_empty());
}

#[tokio::test]
async fn endpoint_where_nobody_listens_is_no_function() {
    let (log, _kept) = Log::keep();
    // Port 1 is nobody's.
    assert_eq!(invoke(&function_at("http://127.0.0.1:1")).await, Err(InvokeError::Unavailable));
    assert!(log.own().contains("Connection refused"), "{}", log.own());
}

#[tokio::test(start_paused = true)]
async fn answer_that_does_not_come_is_waited_for_as_long_as_was_said() {
    let (log, _kept) = Log::keep();
    let fake = Fake::doing(Doing::Hang).await;
    assert_eq!(invoke(&function_at(&fake.url)).await, Err(InvokeError::Unavailable));
    assert!(log.own().contains("no answer in time"), "{}", log.own());
}

#[derive(Debug)]
struct Broken(fn() -> CredentialsError);

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err((self.0)()))
    }
}

#[tokio::test]
async fn credentials_that_are_not_there_are_an_operators_problem_and_nothing_is_sent() {
    for (broken, said) in [
        (
            Broken(|| CredentialsError::not_loaded("no providers in chain provided credentials")),
            "no providers in chain provided credentials",
        ),
        (
            Broken(|| CredentialsError::provider_error("an answer with a-session-token-of-nobody in it")),
            "an error occurred while loading credentials",
        ),
    ] {
        let (log, _kept) = Log::keep();
        let fake = Fake::doing(replying("{}")).await;
        assert_eq!(invoke(&function_with(broken, &fake.url)).await, Err(InvokeError::Unavailable));
        assert!(
            log.own().contains(said) && log.own().contains("aws sts get-caller-identity"),
            "{}",
            log.own()
        );
        assert!(!log.text().contains(SESSION_TOKEN), "{}", log.text());
        assert!(fake.sent().is_empty());
    }
}

#[tokio::test]
async fn malformed_reply_says_what_is_wrong_with_it() {
    let fake = Fake::doing(replying(r#"{"statusCode":"x"}"#)).await;
    let outcome = invoke(&function_at(&fake.url)).await;
    assert_eq!(outcome, Err(InvokeError::Malformed(MalformedReply::StatusCode)));
}
