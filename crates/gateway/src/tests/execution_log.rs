//! What the front door says of a request by itself: by level, in API Gateway's words, and nothing of a client's.

use lambda::{InvokeError, MalformedReply};
use restapi::{LoggingLevel, MethodKey, MethodSetting};

use super::account::{
    DISABLED, GOOD, UNASSIGNED, UNKNOWN, daily, dev, set_timeout, standard, throttle, throttle_method,
    throttle_plan_method, token_key, token_method,
};
use super::harness::{House, Reply, Request, Setup};

/// The fixture with an execution log of this level.
fn logged(level: LoggingLevel) -> Setup {
    Setup::stock().with(|account| {
        let setting = MethodSetting { logging_level: level, ..MethodSetting::default() };
        dev(account).method_settings.insert(MethodKey::Every, setting);
    })
}

/// The lines with names in the place of the ids of these answers.
fn named(house: House, replies: &[Reply]) -> String {
    let mut log = house.logs().1.join("\n");
    for (nth, reply) in replies.iter().enumerate() {
        log = log
            .replace(reply.header("x-amzn-requestid").unwrap(), &format!("[request {nth}]"))
            .replace(reply.header("x-amz-apigw-id").unwrap(), &format!("[extended {nth}]"));
    }
    log
}

#[tokio::test]
async fn lines_of_a_token_and_of_refusals_at_info() {
    let house =
        logged(LoggingLevel::Info).with(|account| standard(account).quota = Some(daily(1))).open().await;
    let mut replies = Vec::new();
    for key in [GOOD, GOOD, UNASSIGNED, UNKNOWN, DISABLED] {
        replies.push(house.send(Request::token(key)).await);
    }
    replies.push(house.send(Request::anonymous_token()).await);
    insta::assert_snapshot!(named(house, &replies));
}

#[tokio::test]
async fn lines_of_the_same_at_error() {
    let house =
        logged(LoggingLevel::Error).with(|account| standard(account).quota = Some(daily(1))).open().await;
    let replies = [
        house.send(Request::token(GOOD)).await,
        house.send(Request::token(GOOD)).await,
        house.send(Request::token(UNKNOWN)).await,
    ];
    insta::assert_snapshot!(named(house, &replies));
}

#[tokio::test]
async fn each_bucket_has_its_line() {
    let one = throttle(1, 1);
    let mut said = Vec::new();
    for setup in [
        logged(LoggingLevel::Error).with(|account| standard(account).throttle = Some(throttle(5_250, 1))),
        logged(LoggingLevel::Error).with(|account| throttle_plan_method(account, one)),
        logged(LoggingLevel::Error).with(|account| {
            throttle_method(account, one);
            dev(account).method_settings.get_mut(&token_key()).unwrap().logging_level = LoggingLevel::Error;
        }),
        logged(LoggingLevel::Error).with(|account| account.throttle_settings = one),
    ] {
        let house = setup.open().await;
        let replies = [house.send(Request::token(GOOD)).await, house.send(Request::token(GOOD)).await];
        assert_eq!(replies[1].status, 429);
        said.push(named(house, &replies));
    }
    insta::assert_snapshot!(said.join("\n\n"));
}

#[tokio::test]
async fn each_failure_of_the_function_has_its_line() {
    let house = logged(LoggingLevel::Error).open().await;
    let mut replies = Vec::new();
    for error in [
        InvokeError::Forbidden,
        InvokeError::Throttled,
        InvokeError::Unavailable,
        InvokeError::Failed,
        InvokeError::Malformed(MalformedReply::Unsendable),
    ] {
        house.function.fails(error);
        replies.push(house.send(Request::token(GOOD)).await);
    }
    let mut said = named(house, &replies);
    let slow = logged(LoggingLevel::Error)
        .with(|account| set_timeout(account, std::time::Duration::from_millis(50)))
        .open()
        .await;
    slow.function.hangs();
    let late = [slow.send(Request::token(GOOD)).await];
    said += "\n";
    said += &named(slow, &late);
    let missing = Setup { has_function: false, ..logged(LoggingLevel::Error) }.open().await;
    let lost = [missing.send(Request::token(GOOD)).await];
    said += "\n";
    said += &named(missing, &lost);
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn method_that_needs_no_key_says_so() {
    let house = logged(LoggingLevel::Info)
        .with(|account| token_method(account).api_key_required = false)
        .open()
        .await;
    let replies = [house.send(Request::anonymous_token()).await];
    let said = named(house, &replies);
    let expected = "API Key  authorized because method 'POST /oauth2/token' does not require API Key. Request will not \
                    contribute to throttle or quota limits";
    assert!(said.contains(expected), "{said}");
    assert!(!said.contains("Usage Plan check succeeded"), "{said}");
}

#[tokio::test]
async fn log_that_is_off_and_requests_without_a_method_have_no_lines() {
    let house = logged(LoggingLevel::Off).open().await;
    house.send(Request::token(GOOD)).await;
    house.send(Request::token(UNKNOWN)).await;
    assert_eq!(house.logs().1, [""; 0]);
    let house = logged(LoggingLevel::Info).open().await;
    house.send(Request::new("POST", "/dev/lost")).await;
    house.send(Request::new("POST", "/test/oauth2/token")).await;
    house.send(Request::new("GET", "/dev/oauth2/token")).await;
    assert_eq!(house.logs().1, [""; 0]);
}

#[tokio::test]
async fn nothing_of_the_client_is_in_the_log() {
    let house = logged(LoggingLevel::Info).open().await;
    for key in [GOOD, UNKNOWN, DISABLED] {
        let request = Request::token(key)
            .header("Authorization", "Basic c2VjcmV0")
            .header("User-Agent", "agent-7")
            .body("grant_type=client_credentials&client_secret=sesame");
        house.send(request).await;
    }
    house.send(Request::new("POST", "/dev/oauth2/token?query=sesame").header("x-api-key", GOOD)).await;
    let log = house.logs().1;
    assert!(log.len() > 12, "{log:#?}");
    for secret in
        [GOOD, UNKNOWN, DISABLED, "012345", "c2VjcmV0", "sesame", "agent-7", "access_token", "grant_type"]
    {
        assert!(log.iter().all(|line| !line.contains(secret)), "{secret} in {log:#?}");
    }
    for line in &log {
        let (time, rest) = line.split_once(" (").unwrap();
        assert_eq!((time, rest.find(") ")), ("2026-09-24T20:16:32.000Z", Some(36)), "{line}");
    }
}

#[tokio::test]
async fn client_that_leaves_is_said_to_have_left() {
    use tokio::io::AsyncWriteExt as _;
    let house = logged(LoggingLevel::Info).open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    drop(stream);
    house.function.abandoned.notified().await;
    let log = house.logs().1;
    assert!(log.last().unwrap().ends_with(") The client left before the answer"), "{log:#?}");
}

#[tokio::test]
async fn line_that_cannot_be_taken_is_no_reason_to_refuse() {
    let house = Setup { log_bytes: 8, ..logged(LoggingLevel::Info) }.open().await;
    assert_eq!(house.send(Request::token(GOOD)).await.status, 200);
    assert_eq!(house.logs().1, [""; 0]);
}
