//! What becomes of an `Invoke` that Lambda did not answer with a reply: one line in the log, one [`InvokeError`].
//!
//! API Gateway answers 500 to all of it, and 502 where the function itself is at fault. What AWS says is repeated only
//! where it is known to hold nothing of the request: AWS quotes payloads that it cannot read, and whole signed headers
//! where a signature is wrong.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId as _;
use aws_sdk_lambda::operation::invoke::InvokeError as Refused;
use http_body_util::LengthLimitError;
use lambda::InvokeError;

/// Logs what became of the request, and says what whoever invoked is told.
pub(crate) fn log(request_id: &str, function: &str, error: &SdkError<Refused, HttpResponse>) -> InvokeError {
    match error {
        SdkError::ServiceError(answer) => {
            let refused = answer.err();
            let code = refused.code().filter(|code| is_code(code)).unwrap_or("unknown");
            let Row { error: told, mend, says_why } = row(code);
            let status = answer.raw().status().as_u16();
            let said = refused.message().filter(|_| says_why).map(cut);
            let aws_request_id = error.request_id();
            tracing::error!(
                request_id,
                function,
                status,
                code,
                said,
                aws_request_id,
                mend,
                "Lambda refused the invocation"
            );
            told
        }
        SdkError::ResponseError(_) if find::<LengthLimitError>(error).is_some() => {
            tracing::error!(request_id, function, "the reply is larger than Lambda lets one be");
            InvokeError::Failed
        }
        other => {
            let (why, mend) = unreached(other);
            tracing::error!(request_id, function, why, mend, "the function on AWS could not be invoked");
            InvokeError::Unavailable
        }
    }
}

/// What is done about a code of Lambda's.
struct Row {
    error: InvokeError,
    mend: &'static str,
    /// Whether AWS's own message may be repeated.
    says_why: bool,
}

fn row(code: &str) -> Row {
    let unavailable = |mend| Row { error: InvokeError::Unavailable, mend, says_why: true };
    match code {
        "TooManyRequestsException" => Row {
            error: InvokeError::Throttled,
            mend: "raise the function's or the account's concurrency, or lower the stage's throttle",
            says_why: true,
        },
        "AccessDeniedException" => unavailable("allow the caller `lambda:InvokeFunction` on this ARN"),
        "ResourceNotFoundException" => {
            unavailable("see region, account, name and alias of `homes.local.function.aws`")
        }
        "UnrecognizedClientException" | "ExpiredTokenException" | "InvalidClientTokenId" => {
            unavailable("renew the credentials, and see whose they are: `aws sts get-caller-identity`")
        }
        "ResourceNotReadyException" | "ResourceConflictException" => {
            unavailable("wait until the function is active")
        }
        _ if code.starts_with("KMS") => unavailable("see the key that encrypts the function's environment"),
        _ => Row {
            error: InvokeError::Unavailable,
            mend: "look the code up under Invoke in the Lambda API reference",
            says_why: false,
        },
    }
}

/// Why there is no answer, and what to do.
fn unreached(error: &SdkError<Refused, HttpResponse>) -> (String, &'static str) {
    if let Some(credentials) = find::<CredentialsError>(error) {
        let mend = "see the AWS credentials that this program runs with: environment, profile, role. \
                    `aws sts get-caller-identity` in the same environment says more";
        return (said_of(credentials), mend);
    }
    let mend = "see whether Lambda's endpoint of the region can be reached from here";
    let why = match error {
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time".to_owned(),
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().map_or_else(String::new, |failure| innermost(failure))
        }
        SdkError::ResponseError(_) => "the answer is none of Lambda's, or broke off".to_owned(),
        _ => "the request could not be made".to_owned(),
    };
    (why, mend)
}

/// What is wrong with the credentials. Of what a source of them answered nothing is repeated.
fn said_of(error: &CredentialsError) -> String {
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => error
            .source()
            .map_or_else(|| error.to_string(), |source| format!("{error}: {}", cut(&source.to_string()))),
        other => other.to_string(),
    }
}

/// `error`, and what caused it, one after the other.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The first error of this kind among `error` and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The cause behind all others: that of a connection is the operating system's or the certificate's.
fn innermost(error: &(dyn Error + 'static)) -> String {
    cut(&causes(error).last().unwrap_or(error).to_string())
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

const LONGEST: usize = 300;
