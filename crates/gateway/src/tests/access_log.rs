//! Step 8: one line per request, whatever became of it, and nothing in it that should not be.

use lambda::InvokeError;
use restapi::AccessLogSettings;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use super::account::{API, GOOD, UNKNOWN, daily, dev, key_id, standard};
use super::harness::{House, Request, Setup};
use super::stand_ins::reply;

/// The lines of the log, each of which has to be a JSON object by itself.
fn lines(house: House) -> Vec<Value> {
    house
        .log()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

fn formatted(format: &str) -> Setup {
    Setup::stock().with(|account| {
        dev(account).access_log_settings =
            Some(AccessLogSettings { destination_arn: "access-log".into(), format: format.into() });
    })
}

#[tokio::test]
async fn line_of_a_token_and_line_of_a_refusal() {
    let house = Setup::stock().with(|account| standard(account).quota = Some(daily(1))).open().await;
    let request = || Request::token(GOOD).header("User-Agent", "python-requests/2.32");
    let replies = [house.send(request()).await, house.send(request()).await];
    let mut log = house.log().join("\n");
    for (nth, reply) in replies.iter().enumerate() {
        log = log
            .replace(reply.header("x-amzn-requestid").unwrap(), &format!("[request id {nth}]"))
            .replace(reply.header("x-amz-apigw-id").unwrap(), &format!("[extended request id {nth}]"));
    }
    insta::assert_snapshot!(log);
}

#[tokio::test]
async fn request_that_the_client_gave_up_has_a_line_without_a_status() {
    let house = Setup::stock().open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    drop(stream);
    house.function.abandoned.notified().await;
    assert_eq!(house.counted(r#"requests_total{status="0"}"#), Some(1));
    let lines = lines(house);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["status"], "-");
    assert_eq!(lines[0]["responseLength"], "-");
    assert_eq!(lines[0]["apiKeyId"], key_id("good").as_str());
    assert_eq!(lines[0]["resourcePath"], "/oauth2/token");
}

#[tokio::test]
async fn spend_of_a_client_that_gives_up_stays_spent() {
    let house = Setup::stock().with(|account| standard(account).quota = Some(daily(1))).open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    drop(stream);
    house.function.abandoned.notified().await;
    assert_eq!(house.send(Request::token(GOOD)).await.status, 429);
}

#[tokio::test]
async fn client_cannot_forge_a_line_or_break_one() {
    let house = formatted(
        r#"{"requestId":"$context.requestId","path":"$context.path","agent":"$context.identity.userAgent"}"#,
    )
    .open()
    .await;
    let agents: [&[u8]; 7] = [
        br#"","status":"200","x":""#,
        br#"\","status":"200","x":"\"#,
        br"\n{}\u000a\r",
        b"tab\there",
        b"\xff\xfe\x80",
        "\u{2028}\u{202e}\u{85}ä🦀".as_bytes(),
        b"$context.requestId",
    ];
    let paths = ["/dev/%22,%22status%22:%22200", "/dev/%0A%22", "/dev/a%5C", "/dev/$context.requestId"];
    for agent in agents {
        house.send(Request::token(GOOD).header("User-Agent", agent)).await;
    }
    for path in paths {
        house.send(Request::new("POST", path)).await;
    }
    let raw = house.log();
    assert_eq!(raw.len(), agents.len() + paths.len());
    for line in &raw {
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{2028}' && c != '\u{202e}'), "{line:?}");
    }
    let lines: Vec<Value> = raw.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, agent) in lines.iter().zip(agents) {
        let members: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(members, ["agent", "path", "requestId"]);
        assert_eq!(line["agent"], String::from_utf8_lossy(agent).as_ref());
    }
    for (line, path) in lines[agents.len()..].iter().zip(paths) {
        assert_eq!(line["path"], path);
    }
}

#[tokio::test]
async fn nothing_secret_is_in_any_line() {
    let house = formatted(concat!(
        "$context.requestId $context.identity.apiKey $context.identity.apiKeyId $context.authorizer.principalId ",
        "$context.path $context.requestOverride.header.x-api-key $input.body $context.identity.userAgent ",
        "$context.error.message",
    ))
    .open()
    .await;
    let secrets = [GOOD, UNKNOWN, "c2VjcmV0", "sesame", "access_token"];
    for key in [GOOD, UNKNOWN] {
        let request = Request::token(key)
            .header("Authorization", "Basic c2VjcmV0")
            .body("grant_type=client_credentials&client_secret=sesame");
        house.send(request).await;
    }
    house.send(Request::new("POST", &format!("/dev/oauth2/token?x-api-key={GOOD}&sesame"))).await;
    house.send(Request::new("POST", &format!("/test?x-api-key={GOOD}")).header("x-api-key", GOOD)).await;
    let log = house.log();
    assert_eq!(log.len(), 4);
    for secret in secrets {
        assert!(log.iter().all(|line| !line.contains(secret)), "{secret} in {log:#?}");
    }
    assert!(log[0].contains(&format!(" - {} - /dev/oauth2/token ", key_id("good"))), "{}", log[0]);
}

#[tokio::test]
async fn format_of_the_stage_is_honoured_and_what_is_not_known_is_a_dash() {
    let house = formatted(concat!(
        "$context.identity.sourceIp $context.identity.caller [$context.requestTime] \"$context.httpMethod ",
        "$context.resourcePath $context.protocol\" $context.status $context.responseLength $context.requestId ",
        "$context.apiId $context.accountId $context.stage $context.requestTimeEpoch $context.nonsense",
    ))
    .open()
    .await;
    let granted = house.send(Request::token(GOOD)).await;
    let lost = house.send(Request::new("GET", "/dev/lost")).await;
    let nowhere = house.send(Request::new("GET", "/test/lost")).await;
    let id = |reply: &super::harness::Reply| reply.header("x-amzn-requestid").unwrap().to_owned();
    let (granted, lost, nowhere) = (id(&granted), id(&lost), id(&nowhere));
    let log = house.log();
    assert_eq!(
        log[..2],
        [
            format!(
                "127.0.0.1 - [24/Sep/2026:20:16:32 +0000] \"POST /oauth2/token HTTP/1.1\" 200 20 {granted} {API} \
                 000000000000 dev 1790280992000 -"
            ),
            format!(
                "127.0.0.1 - [24/Sep/2026:20:16:32 +0000] \"GET - HTTP/1.1\" 403 42 {lost} {API} - dev 1790280992000 -"
            ),
        ]
    );
    // What belongs to no stage has no stage's format.
    let default: Value = serde_json::from_str(&log[2]).unwrap();
    assert_eq!((default["requestId"].as_str(), default["status"].as_str()), (Some(&*nowhere), Some("403")));
}

#[tokio::test]
async fn status_of_lambda_and_status_of_the_reply_are_told_apart() {
    let house = formatted(
        "$context.requestId|$context.status $context.integrationStatus $context.integration.status $context.error.responseType",
    )
    .open()
    .await;
    house.function.replies(reply(400, "{}"));
    house.send(Request::token(GOOD)).await;
    for error in
        [InvokeError::Failed, InvokeError::Forbidden, InvokeError::Throttled, InvokeError::Unavailable]
    {
        house.function.fails(error);
        house.send(Request::token(GOOD)).await;
    }
    house.send(Request::anonymous_token()).await;
    let log = house.log();
    let said: Vec<&str> = log.iter().map(|line| line.split_once('|').unwrap().1).collect();
    assert_eq!(
        said,
        [
            "400 200 400 -",
            "502 200 - INTEGRATION_FAILURE",
            "500 403 - API_CONFIGURATION_ERROR",
            "500 429 - API_CONFIGURATION_ERROR",
            "500 500 - API_CONFIGURATION_ERROR",
            "403 - - INVALID_API_KEY",
        ]
    );
}

#[tokio::test]
async fn latency_is_what_the_clock_says_it_took() {
    let house = Setup::stock().open().await;
    house.function.hangs();
    let mut stream = house.connect().await;
    stream.write_all(&Request::token(GOOD).wire()).await.unwrap();
    house.function.entered.notified().await;
    house.clock.advance(std::time::Duration::from_millis(1_234));
    house.function.go_on.notify_one();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let line = lines(house).remove(0);
    assert_eq!((&line["responseLatency"], &line["integrationLatency"]), (&"1234".into(), &"1234".into()));
}

#[tokio::test]
async fn line_that_cannot_be_taken_is_counted_and_the_request_is_served() {
    let house = Setup { log_bytes: 8, ..Setup::stock() }.open().await;
    for _ in 0..3 {
        assert_eq!(house.send(Request::token(GOOD)).await.status, 200);
    }
    assert_eq!(house.send(Request::anonymous_token()).await.status, 403);
    assert_eq!(house.counted("access_log_dropped_total"), Some(4));
    assert_eq!(house.log(), [""; 0]);
}

#[tokio::test]
async fn requests_are_counted_by_status_and_by_the_limit_that_refused() {
    let house = Setup::stock().with(|account| standard(account).quota = Some(daily(2))).open().await;
    for _ in 0..5 {
        house.send(Request::token(GOOD)).await;
    }
    house.send(Request::anonymous_token()).await;
    assert_eq!(house.counted(r#"requests_total{status="200"}"#), Some(2));
    assert_eq!(house.counted(r#"requests_total{status="429"}"#), Some(3));
    assert_eq!(house.counted(r#"requests_total{status="403"}"#), Some(1));
    assert_eq!(house.counted(r#"throttled_total{limit="quota"}"#), Some(3));
    assert_eq!(house.counted("latency_seconds_count"), Some(6));
    assert_eq!(house.counted("access_log_dropped_total"), Some(0));
}

#[tokio::test]
async fn trace_of_a_request_is_in_its_line_once_the_function_was_asked() {
    let house = formatted("$context.requestId $context.status $context.xrayTraceId").open().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    house.send(Request::token(GOOD).header("traceparent", parent)).await;
    house.send(Request::anonymous_token().header("traceparent", parent)).await;
    let log = house.log();
    assert!(log[0].ends_with(" 200 1-4bf92f35-77b34da6a3ce929d0e0e4736"), "{log:?}");
    assert!(log[1].ends_with(" 403 -"), "{log:?}");
}
