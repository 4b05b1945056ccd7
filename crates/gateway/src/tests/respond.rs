//! Steps 6 and 7: what the function may reply, what the client gets of it, and what becomes of a function that does not.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use lambda::{InvokeError, MalformedReply, ProxyReply};
use restapi::{HttpMethod, IntegrationType, SourceArnPattern};

use super::account::{GOOD, permission, set_timeout, token_method};
use super::harness::{House, Reply, Request, Setup};
use super::stand_ins::reply;

type Text = Cow<'static, str>;

fn with_headers(headers: &[(&'static str, &'static str)]) -> ProxyReply {
    let headers = headers.iter().map(|(name, value)| (Text::from(*name), Text::from(*value)));
    ProxyReply { headers: headers.collect(), ..reply(200, "{}") }
}

/// What a client gets when the function replies with this.
async fn answer_to(house: &House, reply: ProxyReply) -> Reply {
    house.function.replies(reply);
    house.send(Request::token(GOOD)).await
}

fn is_bad_gateway(reply: &Reply) {
    assert_eq!((reply.status, &*reply.body), (502, r#"{"message": "Internal server error"}"#));
    assert_eq!(reply.header("x-amzn-errortype"), Some("InternalServerErrorException"));
    assert_eq!(reply.header("x-amzn-trace-id"), None);
}

#[tokio::test]
async fn reply_without_a_media_type_is_json() {
    let house = Setup::stock().open().await;
    let plain = answer_to(&house, reply(200, "")).await;
    assert_eq!((plain.status, &*plain.body), (200, ""));
    assert_eq!(plain.header("content-type"), Some("application/json"));
    assert_eq!(plain.header("content-length"), Some("0"));
    let text = answer_to(&house, with_headers(&[("content-TYPE", "text/plain")])).await;
    assert_eq!(text.all("content-type"), ["text/plain"]);
}

#[tokio::test]
async fn reserved_headers_are_renamed_or_dropped_and_all_others_pass() {
    let house = Setup::stock().open().await;
    let renamed = [
        "Authorization",
        "Connection",
        "Content-MD5",
        "Date",
        "Max-Forwards",
        "Server",
        "User-Agent",
        "WWW-Authenticate",
    ];
    let dropped = [
        "Expect",
        "Host",
        "Proxy-Authenticate",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Via",
        "Content-Length",
    ];
    let passed = [
        "Cache-Control",
        "Pragma",
        "Location",
        "Retry-After",
        "ETag",
        "X-Custom",
        "Access-Control-Allow-Origin",
    ];
    let all: Vec<_> = renamed.iter().chain(&dropped).chain(&passed).map(|name| (*name, "17")).collect();
    let answer = answer_to(&house, with_headers(&all)).await;
    assert_eq!(answer.status, 200);
    for name in renamed.map(str::to_lowercase) {
        assert_eq!(answer.header(&format!("x-amzn-remapped-{name}")), Some("17"), "{name}");
        assert_ne!(answer.header(&name), Some("17"), "{name}");
    }
    for name in dropped.map(str::to_lowercase) {
        assert!(!answer.all(&name).contains(&"17"), "{name}");
        assert_eq!(answer.header(&format!("x-amzn-remapped-{name}")), None, "{name}");
    }
    for name in passed.map(str::to_lowercase) {
        assert_eq!(answer.header(&name), Some("17"), "{name}");
    }
    assert_eq!(answer.header("content-length"), Some("2"));
}

#[tokio::test]
async fn function_cannot_set_the_ids() {
    let house = Setup::stock().open().await;
    let forged =
        [("x-amzn-RequestId", "forged"), ("x-amz-apigw-id", "forged"), ("X-Amzn-Trace-Id", "forged")];
    let answer = answer_to(&house, with_headers(&forged)).await;
    for (name, _) in forged {
        let value = answer.header(&name.to_lowercase()).unwrap();
        assert_ne!(value, "forged", "{name}");
    }
}

#[tokio::test]
async fn name_in_both_maps_is_sent_from_both_the_multi_map_first() {
    let house = Setup::stock().open().await;
    let both = ProxyReply {
        multi_value_headers: vec![("Set-Cookie".into(), vec!["a".into(), "b".into()])],
        ..with_headers(&[("set-cookie", "c")])
    };
    assert_eq!(answer_to(&house, both).await.all("set-cookie"), ["a", "b", "c"]);
}

#[tokio::test]
async fn errors_of_the_function_are_its_own() {
    let house = Setup::oauth().open().await;
    for status in [400, 401, 403, 404, 429, 500, 502, 503, 504] {
        let answer = answer_to(&house, reply(status, r#"{"error":"invalid_scope"}"#)).await;
        assert_eq!((answer.status, &*answer.body), (status, r#"{"error":"invalid_scope"}"#));
        assert_eq!(answer.header("x-amzn-errortype"), None);
        assert_eq!(answer.header("retry-after"), None);
        assert!(answer.header("x-amzn-trace-id").is_some());
    }
}

#[tokio::test]
async fn status_without_a_body_is_sent_without_one() {
    let house = Setup::stock().open().await;
    for status in [204, 304] {
        let answer = answer_to(&house, reply(status, "surplus")).await;
        assert_eq!((answer.status, &*answer.body), (status, ""));
    }
}

#[tokio::test]
async fn status_that_is_none_is_a_bad_gateway() {
    let house = Setup::stock().open().await;
    for status in [0, 1, 99, 100, 101, 103, 199, 600, 999, 1_000, u16::MAX] {
        is_bad_gateway(&answer_to(&house, reply(status, "{}")).await);
    }
}

#[tokio::test]
async fn header_that_would_split_the_answer_is_a_bad_gateway() {
    let house = Setup::stock().open().await;
    for (name, value) in [
        ("x-a", "b\r\nSet-Cookie: session=1"),
        ("x-a", "b\nSet-Cookie: session=1"),
        ("x-a", "b\0"),
        ("x-a\r\nSet-Cookie", "session=1"),
        ("x a", "b"),
        ("x:a", "b"),
        ("", "b"),
        ("ä", "b"),
        ("Server", "b\r\nSet-Cookie: session=1"),
    ] {
        let answer = answer_to(&house, with_headers(&[(name, value)])).await;
        is_bad_gateway(&answer);
        assert_eq!(answer.header("set-cookie"), None, "{name:?}: {value:?}");
    }
    let multi = ProxyReply {
        multi_value_headers: vec![("x-a".into(), vec!["ok".into(), "b\r\n".into()])],
        ..reply(200, "")
    };
    is_bad_gateway(&answer_to(&house, multi).await);
}

#[tokio::test]
async fn base64_is_decoded_for_a_client_that_asks_for_binary_first() {
    let house = Setup::stock()
        .with(|account| account.rest_apis[0].binary_media_types = vec!["image/png".to_owned()])
        .open()
        .await;
    let encoded = |body: &'static str| ProxyReply { is_base64_encoded: true, ..reply(200, body) };
    house.function.replies(encoded("aGk="));
    let accepting = |accept: &str| Request::token(GOOD).header("Accept", accept);
    assert_eq!(house.send(accepting("image/png, text/plain")).await.body, "hi");
    assert_eq!(house.send(accepting("text/plain, image/png")).await.body, "aGk=");
    assert_eq!(house.send(Request::token(GOOD)).await.body, "aGk=");
    house.function.replies(encoded("&"));
    let broken = house.send(accepting("image/png")).await;
    assert_eq!((broken.status, &*broken.body), (500, r#"{"message": "Internal server error"}"#));
}

#[tokio::test]
async fn failure_of_the_function_is_a_bad_gateway_and_of_its_invocation_an_internal_error() {
    let house = Setup::stock().open().await;
    for (error, status) in [
        (InvokeError::Failed, 502),
        (InvokeError::Malformed(MalformedReply::UnknownMember), 502),
        (InvokeError::Forbidden, 500),
        (InvokeError::Throttled, 500),
        (InvokeError::Unavailable, 500),
    ] {
        house.function.fails(error);
        let answer = house.send(Request::token(GOOD)).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (status, r#"{"message": "Internal server error"}"#),
            "{error:?}"
        );
        assert_eq!(answer.header("x-amzn-trace-id"), None);
    }
}

#[tokio::test]
async fn function_runs_only_for_calls_that_its_permission_covers() {
    let arn = |rest: &str| format!("arn:aws:execute-api:eu-central-1:000000000000:{rest}");
    for (pattern, runs) in [
        (arn("b6ul3f1up9/dev/POST/oauth2/token"), true),
        (arn("b6ul3f1up9/*/POST/oauth2/token"), true),
        (arn("b6ul3f1up9/prod/POST/oauth2/token"), false),
        (arn("b6ul3f1up9/dev/GET/oauth2/token"), false),
        (arn("b6ul3f1up9/dev/POST/oauth2"), false),
        (arn("aaaaaaaaaa/*"), false),
    ] {
        let house =
            Setup::stock().with(|account| account.permissions = vec![permission(&pattern)]).open().await;
        let answer = house.send(Request::token(GOOD)).await;
        assert_eq!(answer.status, if runs { 200 } else { 500 }, "{pattern}");
        assert_eq!(house.function.calls(), usize::from(runs), "{pattern}");
    }
    let house = Setup::stock()
        .with(|account| account.permissions[0].principal = "s3.amazonaws.com".into())
        .open()
        .await;
    let answer = house.send(Request::token(GOOD)).await;
    assert_eq!((answer.status, house.function.calls()), (500, 0));
    assert_eq!(permission("x").source_arn, Some(SourceArnPattern::new("x")));
}

#[tokio::test]
async fn method_without_a_function_here_is_an_internal_error() {
    let absent = Setup { has_function: false, ..Setup::stock() };
    let wrong_kind = Setup::stock()
        .with(|account| token_method(account).integration.as_mut().unwrap().kind = IntegrationType::Aws);
    let wrong_method = Setup::stock()
        .with(|account| token_method(account).integration.as_mut().unwrap().http_method = HttpMethod::Get);
    let none = Setup::stock().with(|account| token_method(account).integration = None);
    for setup in [absent, wrong_kind, wrong_method, none] {
        let house = setup.open().await;
        let answer = house.send(Request::token(GOOD)).await;
        assert_eq!((answer.status, &*answer.body), (500, r#"{"message": "Internal server error"}"#));
        assert_eq!(house.function.calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn function_that_does_not_come_back_is_given_up_at_its_deadline() {
    let house = Setup::stock().with(|account| set_timeout(account, Duration::from_secs(2))).open().await;
    house.function.hangs();
    let began = tokio::time::Instant::now();
    let answer = house.send(Request::token(GOOD)).await;
    assert_eq!((answer.status, &*answer.body), (504, r#"{"message": "Endpoint request timed out"}"#));
    let waited = began.elapsed();
    assert!((2_000..2_100).contains(&waited.as_millis()), "{waited:?}");
    house.function.abandoned.notified().await;
}

#[tokio::test]
async fn answers_of_simultaneous_requests_are_not_mixed_up() {
    let house = Arc::new(Setup::stock().open().await);
    let mut sent = tokio::task::JoinSet::new();
    for nth in 0..50_u32 {
        let house = Arc::clone(&house);
        sent.spawn(async move {
            let key = if nth % 2 == 0 { GOOD } else { "nobody" };
            (nth, house.send(Request::token(key)).await)
        });
    }
    let mut ids = std::collections::HashSet::new();
    while let Some(answered) = sent.join_next().await {
        let (nth, answer) = answered.unwrap();
        assert_eq!(answer.status, if nth % 2 == 0 { 200 } else { 403 });
        assert!(ids.insert(answer.header("x-amzn-requestid").unwrap().to_owned()));
    }
    assert_eq!(house.function.calls(), 25);
}

#[tokio::test]
async fn function_that_panics_is_a_bad_gateway_and_harms_nobody_else() {
    let house = Setup::stock().open().await;
    house.function.panics();
    let answer = house.send(Request::token(GOOD)).await;
    assert_eq!((answer.status, &*answer.body), (502, r#"{"message": "Internal server error"}"#));
    assert_eq!(house.send(Request::token(GOOD)).await.status, 502);
    assert_eq!(house.log().len(), 2);
}
