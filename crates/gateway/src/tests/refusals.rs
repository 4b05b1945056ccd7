//! The one table of what the front door answers by itself, row by row, as a client sees it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use lambda::{InvokeError, ProxyReply};
use limits::Wait;
use listen::Violation;
use serde_json::Value;

use super::account::{GOOD, daily, standard, throttle};
use super::harness::{House, Reply, Request, Setup};
use super::stand_ins::{Lost, Says};
use crate::{Mistake, Refusal, RequestBounds, Verdict};

/// The reason after `refusal`, beginning with the first, so that every reason is visited.
///
/// A new reason does not compile until it has a place here and a scene below.
fn after(refusal: Option<&Refusal>) -> Option<Refusal> {
    use Refusal as R;
    let Some(refusal) = refusal else { return Some(R::UnknownStage) };
    Some(match refusal {
        R::UnknownStage => R::UnknownRoute,
        R::UnknownRoute => R::UnknownRouteSigned { header_digest: DIGEST.to_owned() },
        R::UnknownRouteSigned { .. } => R::BadRequest(Mistake::Protocol(Violation::Host)),
        R::BadRequest(Mistake::Protocol(_)) => R::BadRequest(Mistake::RepeatedHeader),
        R::BadRequest(Mistake::RepeatedHeader) => R::BadRequest(Mistake::BrokenBody),
        R::BadRequest(Mistake::BrokenBody) => R::BadRequest(Mistake::SlowBody),
        R::BadRequest(Mistake::SlowBody) => R::BodyTooLarge,
        R::BodyTooLarge => R::UrlTooLong,
        R::UrlTooLong => R::HeadersTooLarge,
        R::HeadersTooLarge => R::ExpectationFailed,
        R::ExpectationFailed => R::Unauthorized,
        R::Unauthorized => R::AccessDenied { explicitly: true },
        R::AccessDenied { explicitly: true } => R::AccessDenied { explicitly: false },
        R::AccessDenied { explicitly: false } => R::AuthorizerBroken,
        R::AuthorizerBroken => R::KeyNotAdmitted,
        R::KeyNotAdmitted => R::Throttled { wait: Wait::After(Duration::from_millis(2_500)) },
        // The clock stands at 20:16:32 UTC.
        R::Throttled { .. } => R::QuotaExceeded { wait: Wait::After(Duration::from_secs(13_408)) },
        R::QuotaExceeded { .. } => R::LimitsUnavailable { wait: Wait::After(Duration::from_secs(1)) },
        R::LimitsUnavailable { .. } => R::NotInvoked,
        R::NotInvoked => R::BadReply,
        R::BadReply => R::UndecodableReply,
        R::UndecodableReply => R::TimedOut,
        R::TimedOut => return None,
    })
}

/// `printf 'Basic YWJjOmRlZg==' | openssl dgst -sha256 -binary | base64`
const DIGEST: &str = "owlvuq37Mw9hPlHxYNJbovd7UE/vUf3CXsU9HhzURwE=";

/// How many requests have to pass before one is refused for this reason.
fn before(refusal: &Refusal) -> usize {
    usize::from(matches!(refusal, Refusal::Throttled { .. } | Refusal::QuotaExceeded { .. }))
}

/// Whether a request that is refused for this reason has reached the function.
fn reaches_the_function(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::BadReply | Refusal::UndecodableReply | Refusal::TimedOut)
}

/// What has to be set up for a reason to come true.
fn set_up(setup: Setup, refusal: &Refusal) -> Setup {
    let says = |verdict| Arc::new(Says::new(verdict));
    match refusal {
        Refusal::UnknownStage
        | Refusal::UnknownRoute
        | Refusal::UnknownRouteSigned { .. }
        | Refusal::BadRequest(_)
        | Refusal::ExpectationFailed
        | Refusal::KeyNotAdmitted
        | Refusal::BadReply
        | Refusal::TimedOut => setup,
        Refusal::BodyTooLarge | Refusal::UrlTooLong | Refusal::HeadersTooLarge => {
            let bounds = RequestBounds { url_bytes: 100, header_bytes: 500, body_bytes: 100, ..setup.bounds };
            Setup { bounds, ..setup }
        }
        Refusal::Unauthorized => setup.authorized_by(says(Verdict::Unauthorized)),
        Refusal::AccessDenied { explicitly } => {
            setup.authorized_by(says(Verdict::Deny { explicitly: *explicitly }))
        }
        Refusal::AuthorizerBroken => setup.authorized_by(says(Verdict::Broken)),
        Refusal::Throttled { .. } => {
            setup.with(|account| standard(account).throttle = Some(throttle(400, 1)))
        }
        Refusal::QuotaExceeded { .. } => setup.with(|account| standard(account).quota = Some(daily(1))),
        Refusal::LimitsUnavailable { .. } => Setup { limiter: Arc::new(Lost::default()), ..setup },
        Refusal::NotInvoked => setup.with(|account| account.permissions.clear()),
        Refusal::UndecodableReply => {
            setup.with(|account| account.rest_apis[0].binary_media_types = vec!["image/png".to_owned()])
        }
    }
}

/// The request that is refused for this reason.
fn provoke(house: &House, refusal: &Refusal) -> Request {
    let good = Request::token(GOOD);
    match refusal {
        Refusal::UnknownStage => Request::new("POST", "/test/oauth2/token"),
        Refusal::UnknownRoute => Request::new("POST", "/dev/oauth2/tokens"),
        Refusal::UnknownRouteSigned { .. } => {
            Request::new("POST", "/dev/oauth2/tokens").header("Authorization", "Basic YWJjOmRlZg==")
        }
        Refusal::BadRequest(Mistake::Protocol(_)) => good.header("Host", "two words"),
        Refusal::BadRequest(Mistake::RepeatedHeader) => good.header("X-Api-Key", GOOD),
        Refusal::BadRequest(Mistake::BrokenBody) => {
            good.header("Transfer-Encoding", "chunked").body("no chunk\r\n")
        }
        Refusal::BadRequest(Mistake::SlowBody) => good.header("Content-Length", "99"),
        Refusal::BodyTooLarge => good.body("x".repeat(101)),
        Refusal::UrlTooLong => Request::new("POST", &format!("/dev/oauth2/token?{}", "x".repeat(100))),
        Refusal::HeadersTooLarge => good.header("X-Long", "x".repeat(500)),
        Refusal::ExpectationFailed => good.header("Expect", "200-ok"),
        Refusal::KeyNotAdmitted => Request::anonymous_token(),
        Refusal::BadReply => {
            house.function.fails(InvokeError::Failed);
            good
        }
        Refusal::UndecodableReply => {
            let reply = ProxyReply {
                status: 200,
                body: "&".into(),
                is_base64_encoded: true,
                ..ProxyReply::default()
            };
            house.function.replies(reply);
            good.header("Accept", "image/png")
        }
        Refusal::TimedOut => {
            house.function.hangs();
            good
        }
        Refusal::Unauthorized
        | Refusal::AccessDenied { .. }
        | Refusal::AuthorizerBroken
        | Refusal::Throttled { .. }
        | Refusal::QuotaExceeded { .. }
        | Refusal::LimitsUnavailable { .. }
        | Refusal::NotInvoked => good,
    }
}

/// The answer to a request that is refused for this reason.
async fn refused(house: &House, refusal: &Refusal) -> Reply {
    for _ in 0..before(refusal) {
        assert_eq!(house.send(Request::token(GOOD)).await.status, 200, "{refusal:?}");
    }
    house.send(provoke(house, refusal)).await
}

/// A row of the table: the answer, and what its access-log line says.
async fn row(setup: Setup, refusal: &Refusal) -> String {
    let house = set_up(setup, refusal).open().await;
    let reply = refused(&house, refusal).await;
    let calls = before(refusal) + usize::from(reaches_the_function(refusal));
    assert_eq!(house.function.calls(), calls, "{refusal:?}");
    let log = house.log();
    assert_eq!(log.len(), before(refusal) + 1, "{refusal:?}");
    let line: Value = serde_json::from_str(log.last().unwrap()).unwrap();
    assert_eq!(line["status"], reply.status.to_string(), "{refusal:?}");
    assert_eq!(line["requestId"], reply.header("x-amzn-requestid").unwrap(), "{refusal:?}");
    assert_eq!(line["responseLength"], reply.body.len().to_string(), "{refusal:?}");

    let mut text = format!("{refusal:?}\n    {} {}", reply.status, reply.header("content-type").unwrap());
    for name in ["x-amzn-errortype", "retry-after", "cache-control", "pragma", "x-amzn-trace-id"] {
        for value in reply.all(name) {
            write!(text, "; {name}: {value}").unwrap();
        }
    }
    write!(text, "\n    {} {}", reply.body.len(), reply.body).unwrap();
    write!(
        text,
        "\n    log: {} {}\n",
        line["responseType"].as_str().unwrap(),
        line["limit"].as_str().unwrap()
    )
    .unwrap();
    text.replace(line["requestId"].as_str().unwrap(), "[request id]")
}

async fn table(setup: fn() -> Setup) -> String {
    let mut table = String::new();
    let mut at = after(None);
    while let Some(refusal) = at {
        table.push_str(&row(setup(), &refusal).await);
        at = after(Some(&refusal));
    }
    table
}

#[tokio::test(start_paused = true)]
async fn stock_table() {
    insta::assert_snapshot!(table(Setup::stock).await);
}

#[tokio::test(start_paused = true)]
async fn table_that_oauth_clients_can_read() {
    insta::assert_snapshot!(table(Setup::oauth).await);
}

/// What was recorded, in the words of the record: status, error type, body.
#[tokio::test(start_paused = true)]
async fn stock_answers_are_the_recorded_ones() {
    let wait = Wait::Never;
    let recorded: [(Refusal, u16, &str, &str, usize); 12] = [
        (Refusal::UnknownStage, 403, "ForbiddenException", r#"{"message":"Forbidden"}"#, 23),
        (
            Refusal::UnknownRoute,
            403,
            "MissingAuthenticationTokenException",
            r#"{"message":"Missing Authentication Token"}"#,
            42,
        ),
        (Refusal::KeyNotAdmitted, 403, "ForbiddenException", r#"{"message":"Forbidden"}"#, 23),
        (
            Refusal::Throttled { wait },
            429,
            "TooManyRequestsException",
            r#"{"message":"Too Many Requests"}"#,
            31,
        ),
        (
            Refusal::QuotaExceeded { wait },
            429,
            "LimitExceededException",
            r#"{"message":"Limit Exceeded"}"#,
            28,
        ),
        (Refusal::Unauthorized, 401, "UnauthorizedException", r#"{"message":"Unauthorized"}"#, 26),
        (
            Refusal::AccessDenied { explicitly: true },
            403,
            "AccessDeniedException",
            r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#,
            110,
        ),
        (
            Refusal::AccessDenied { explicitly: false },
            403,
            "AccessDeniedException",
            r#"{"Message":"User is not authorized to access this resource"}"#,
            60,
        ),
        (Refusal::AuthorizerBroken, 500, "AuthorizerConfigurationException", r#"{"message":null}"#, 16),
        (
            Refusal::BadReply,
            502,
            "InternalServerErrorException",
            r#"{"message": "Internal server error"}"#,
            36,
        ),
        (
            Refusal::NotInvoked,
            500,
            "InternalServerErrorException",
            r#"{"message": "Internal server error"}"#,
            36,
        ),
        (
            Refusal::TimedOut,
            504,
            "InternalServerErrorException",
            r#"{"message": "Endpoint request timed out"}"#,
            41,
        ),
    ];
    for (refusal, status, error_type, body, bytes) in recorded {
        let house = set_up(Setup::stock(), &refusal).open().await;
        let reply = refused(&house, &refusal).await;
        assert_eq!((reply.status, &*reply.body), (status, body), "{refusal:?}");
        assert_eq!(reply.header("x-amzn-errortype"), Some(error_type), "{refusal:?}");
        assert_eq!(reply.header("content-length"), Some(&*bytes.to_string()), "{refusal:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"), "{refusal:?}");
        has_own_ids_and_nothing_of_ours(&reply);
    }
}

#[tokio::test]
async fn declared_body_is_filled_in() {
    let declared = |body: &'static str| {
        Setup::oauth().with(move |account| {
            for response in &mut account.rest_apis[0].gateway_responses {
                response.response_templates.insert("application/json".into(), body.into());
            }
        })
    };
    // The template that API Gateway shows for every response type.
    let shown = r#"{"message":$context.error.messageString}"#;
    for (refusal, body) in [
        (Refusal::KeyNotAdmitted, r#"{"message":"Forbidden"}"#),
        (Refusal::UnknownRoute, r#"{"message":"Missing Authentication Token"}"#),
        (Refusal::AuthorizerBroken, r#"{"message":null}"#),
    ] {
        let house = set_up(declared(shown), &refusal).open().await;
        assert_eq!(refused(&house, &refusal).await.body, body, "{refusal:?}");
    }
    let all = "$context.error.message/$context.error.responseType/$context.stage/$context.httpMethod/$context.unknown";
    for (refusal, body) in [
        (Refusal::UnknownRoute, "Missing Authentication Token/MISSING_AUTHENTICATION_TOKEN/dev/POST/-"),
        (Refusal::UnknownStage, "Forbidden/MISSING_AUTHENTICATION_TOKEN/-/POST/-"),
        (Refusal::KeyNotAdmitted, "Forbidden/INVALID_API_KEY/dev/POST/-"),
    ] {
        let house = set_up(declared(all), &refusal).open().await;
        assert_eq!(refused(&house, &refusal).await.body, body, "{refusal:?}");
    }
}

/// The ids that every answer has, and the headers that none has.
fn has_own_ids_and_nothing_of_ours(reply: &Reply) {
    assert_eq!(reply.header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(reply.header("x-amz-apigw-id").map(str::len), Some(16));
    assert!(reply.header("date").is_some());
    for absent in ["server", "retry-after", "x-amzn-trace-id", "via", "www-authenticate"] {
        assert_eq!(reply.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn answer_keeps_the_connection_unless_the_client_closes_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = Setup::stock().open().await;
    let mut stream = house.connect().await;
    let kept = Request::anonymous_token().header("Connection", "keep-alive").wire();
    let closed = Request::token(GOOD).wire();
    stream.write_all(&[kept, closed].concat()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    // The second status line follows the first body without a line end.
    let statuses: Vec<&str> =
        answers.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.lines().next()).collect();
    assert_eq!(statuses, ["403 Forbidden", "200 OK"]);
    assert_eq!(answers.to_ascii_lowercase().matches("connection: close").count(), 1);
    let ids: Vec<&str> = answers.lines().filter(|line| line.starts_with("x-amzn-requestid")).collect();
    assert_ne!(ids[0], ids[1], "every request has an id of its own, on one connection too");
}
