//! Step 1: what is refused before anything is looked up.

use listen::Violation as V;
use tokio::io::AsyncWriteExt as _;

use super::account::{GOOD, OTHER};
use super::harness::{House, Request, Setup};
use crate::RequestBounds;

const BAD_REQUEST: &str = r#"{"message":"Bad Request"}"#;

/// Sends each request and expects this status, and that the function hears of none.
async fn all_refused(house: &House, status: u16, requests: impl IntoIterator<Item = Vec<u8>>) {
    for request in requests {
        let shown = String::from_utf8_lossy(&request).into_owned();
        let reply = house.exchange(&request).await.unwrap_or_else(|| panic!("no answer to {shown}"));
        assert_eq!(reply.status, status, "{shown}");
        assert_eq!(house.function.calls(), 0, "{shown}");
    }
}

/// A token request with these header lines.
fn raw(lines: &str) -> Vec<u8> {
    raw_head(&format!("{lines}\r\n"))
}

/// The same with the end of its head and its body.
fn raw_head(rest: &str) -> Vec<u8> {
    format!("POST /dev/oauth2/token HTTP/1.1\r\nConnection: close\r\nx-api-key: {GOOD}\r\n{rest}")
        .into_bytes()
}

#[tokio::test]
async fn exactly_one_host_that_is_one_is_needed() {
    let house = Setup::stock().open().await;
    assert_eq!(house.exchange(&raw("Host: localhost\r\n")).await.unwrap().status, 200);
    let house = Setup::stock().open().await;
    let hosts = [
        "",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nhost: other\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: a, b\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost:http\r\n",
        "Host: :8080\r\n",
        "Host: http://localhost\r\n",
        "Host: ::1\r\n",
        "Host: [::1\r\n",
        "Host: l\u{f6}calhost\r\n",
    ];
    all_refused(&house, 400, hosts.map(raw)).await;
    let old = b"POST /dev/oauth2/token HTTP/1.0\r\n\r\n".to_vec();
    all_refused(&house, 400, [old]).await;
    assert_eq!(house.exchange(&raw("")).await.unwrap().body, BAD_REQUEST);
}

#[tokio::test]
async fn header_that_must_stand_once_and_stands_twice_is_refused() {
    let house = Setup::stock().open().await;
    let twice = |name: &str, first: &str, second: &str| {
        let twice = format!("Host: localhost\r\n{name}: {first}\r\n{}: {second}\r\n", name.to_uppercase());
        format!("POST /dev/oauth2/token HTTP/1.1\r\nConnection: close\r\n{twice}\r\n").into_bytes()
    };
    let form = "application/x-www-form-urlencoded";
    all_refused(
        &house,
        400,
        [
            twice("x-api-key", GOOD, GOOD),
            twice("x-api-key", GOOD, OTHER),
            twice("x-api-key", "", GOOD),
            twice("content-type", form, form),
            twice("content-type", form, "application/json"),
            twice("authorization", "Basic a", "Basic b"),
        ],
    )
    .await;
}

#[tokio::test]
async fn body_may_be_as_large_as_the_bound_and_no_larger() {
    let bounds = RequestBounds { body_bytes: 64, ..RequestBounds::default() };
    let house = Setup { bounds, ..Setup::stock() }.open().await;
    let declared = |bytes: usize| Request::token(GOOD).body("x".repeat(bytes)).wire();
    let chunked = |bytes: usize| {
        let body = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
        Request::token(GOOD).header("Transfer-Encoding", "chunked").body(body).wire()
    };
    // Only said, never sent: refused without waiting for it.
    let said = Request::token(GOOD).header("Content-Length", "65").body("").wire();
    let huge = Request::token(GOOD).header("Content-Length", u64::MAX.to_string()).body("").wire();
    all_refused(&house, 413, [declared(65), chunked(65), said, huge]).await;
    for fits in [declared(64), chunked(64)] {
        assert_eq!(house.exchange(&fits).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn url_may_be_as_long_as_the_bound_and_no_longer() {
    let house = Setup::stock().open().await;
    let of_length = |bytes: usize| {
        let target = format!("/dev/oauth2/token?{}", "x".repeat(bytes - "/dev/oauth2/token?".len()));
        Request::new("POST", &target).header("x-api-key", GOOD)
    };
    all_refused(&house, 414, [of_length(10_241).wire()]).await;
    assert_eq!(house.send(of_length(10_240)).await.status, 200);
}

#[tokio::test]
async fn headers_may_be_as_large_as_the_bound_and_no_larger() {
    let house = Setup::stock().open().await;
    let own = "Host: localhost:8080\r\nConnection: close\r\n".len() + format!("x-api-key: {GOOD}\r\n").len();
    let of_size = |bytes: usize| {
        let rest = bytes - own - "x-long: \r\n".len();
        Request::new("POST", "/dev/oauth2/token").header("x-api-key", GOOD).header("x-long", "x".repeat(rest))
    };
    all_refused(&house, 431, [of_size(10_241).wire()]).await;
    assert_eq!(house.send(of_size(10_240)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn body_that_does_not_arrive_or_breaks_off_is_refused() {
    let house = Setup::stock().open().await;
    let began = tokio::time::Instant::now();
    all_refused(&house, 400, [Request::token(GOOD).header("Content-Length", "99").wire()]).await;
    let waited = began.elapsed();
    assert!((10..11).contains(&waited.as_secs()), "one deadline for the whole body: {waited:?}");
    let broken =
        Request::token(GOOD).header("Transfer-Encoding", "chunked").body("5\r\nabc\r\n0\r\n\r\n").wire();
    all_refused(&house, 400, [broken]).await;
}

#[tokio::test(start_paused = true)]
async fn dripped_body_is_cut_off_at_the_same_deadline() {
    let house = Setup::stock().open().await;
    let mut stream = house.connect().await;
    let head = Request::token(GOOD).header("Content-Length", "99").body("").wire();
    stream.write_all(&head).await.unwrap();
    let began = tokio::time::Instant::now();
    for _ in 0..20 {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        if stream.write_all(b"x").await.is_err() {
            break;
        }
        let mut one = [0; 1];
        if stream.try_read(&mut one).is_ok() {
            break;
        }
    }
    assert!(began.elapsed().as_secs() <= 12, "{:?}", began.elapsed());
    assert_eq!(house.function.calls(), 0);
}

#[tokio::test]
async fn framing_that_can_be_read_two_ways_is_refused() {
    let house = Setup::stock().open().await;
    let framings = [
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "Content-Length: 1, 2\r\n\r\nab",
        "Content-Length: +1\r\n\r\na",
        "Content-Length: -1\r\n\r\n",
    ];
    all_refused(&house, 400, framings.map(|framing| raw_head(&format!("Host: localhost\r\n{framing}"))))
        .await;
    let head = format!("POST /dev/oauth2/token HTTP/1.0\r\nHost: localhost\r\nx-api-key: {GOOD}\r\n");
    let chunked_in_1_0 = format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    all_refused(&house, 400, [chunked_in_1_0.into_bytes()]).await;
    let any_case = raw_head("Host: localhost\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(house.exchange(&any_case).await.unwrap().status, 200);
}

#[tokio::test]
async fn nothing_is_read_after_a_request_that_was_not_read_to_its_end() {
    let bounds = RequestBounds { body_bytes: 10, ..RequestBounds::default() };
    let house = Setup { bounds, ..Setup::stock() }.open().await;
    let smuggled = String::from_utf8(Request::token(GOOD).wire()).unwrap();
    let head = "POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\n";
    for first in [
        format!("{head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        format!("{head}x-api-key: a\r\nx-api-key: b\r\nContent-Length: 5\r\n\r\nhello"),
        format!("{head}Content-Length: 11\r\n\r\nhello world"),
        format!("{head}Host: localhost\r\n\r\n"),
    ] {
        let answer = house.exchange(format!("{first}{smuggled}").as_bytes()).await.unwrap();
        assert!([400, 413].contains(&answer.status), "{first}");
        assert_eq!(answer.header("connection"), Some("close"), "{first}");
        assert!(!answer.body.contains("HTTP/1.1"), "a second answer: {}", answer.body);
    }
    assert_eq!(house.function.calls(), 0);
}

#[tokio::test]
async fn length_beside_a_transfer_coding_is_refused() {
    let house = Setup::stock().open().await;
    let smuggled = String::from_utf8(Request::token(GOOD).wire()).unwrap();
    let length = format!("Content-Length: {}\r\n", 5 + smuggled.len());
    let coding = "Transfer-Encoding: chunked\r\n".to_owned();
    for framing in [format!("{length}{coding}"), format!("{coding}{length}")] {
        let head = "POST /dev/oauth2/token HTTP/1.1\r\nHost: localhost\r\n";
        let sent = format!("{head}{framing}\r\n0\r\n\r\n{smuggled}");
        let answer = house.exchange(sent.as_bytes()).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST), "{framing}");
    }
    assert_eq!(house.function.calls(), 0);
}

/// What the listener keeps back is answered, logged and counted like anything that is refused here.
#[tokio::test]
async fn what_is_no_request_has_an_id_a_line_and_a_count() {
    let house = Setup::stock().open().await;
    let no_lines =
        house.exchange(b"POST /dev/oauth2/token?key=secret HTTP/1.1\r\nHost: a\nx: y\r\n\r\n").await.unwrap();
    let no_host = house.exchange(b"PUT /dev/oauth2/token?key=secret HTTP/1.0\r\n\r\n").await.unwrap();
    for answer in [&no_lines, &no_host] {
        assert_eq!((answer.status, &*answer.body), (400, BAD_REQUEST));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(house.counted(r#"requests_total{status="400"}"#), Some(2));
    let lines = house.log();
    let fields = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let (first, second) = (fields(&lines[0]), fields(&lines[1]));
    assert_eq!(first["requestId"], no_lines.header("x-amzn-requestid").unwrap());
    assert_eq!(first["httpMethod"], "-", "what could not be read is not made up");
    assert_eq!((&second["httpMethod"], &second["protocol"]), (&"PUT".into(), &"HTTP/1.0".into()));
    assert_eq!((&second["sourceIp"], &second["status"]), (&"127.0.0.1".into(), &"400".into()));
    assert!(!lines.concat().contains("secret"));
}

#[test]
fn each_violation_is_answered_with_its_own_status() {
    // Those of a body come out as a body that broke off.
    let violations = [
        V::BareLineFeed,
        V::BareCarriageReturn,
        V::ControlCharacter,
        V::RequestLine,
        V::Version,
        V::Target,
        V::Tunnel,
        V::Upgrade,
        V::Field,
        V::TooManyFields,
        V::HeadTooLarge,
        V::TargetTooLong,
        V::Host,
        V::Length,
        V::HugeLength,
        V::Coding,
        V::LengthAndCoding,
        V::CodingBeforeItsTime,
        V::Expectation,
    ];
    for violation in violations {
        let stock = crate::accept::refusal(violation).stock();
        assert_eq!(stock.status, violation.status().as_u16(), "{violation:?}");
    }
}

#[tokio::test]
async fn host_and_target_say_the_same() {
    let house = Setup::stock().open().await;
    let to = |target: &str| {
        let head = format!("POST {target} HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n");
        format!("{head}x-api-key: {GOOD}\r\n\r\n").into_bytes()
    };
    let differing = [
        "http://other/dev/oauth2/token",
        "http://localhost/dev/oauth2/token",
        "http://user@localhost:8080/dev/oauth2/token",
        "http://aaaaaaaaaa.execute-api.eu-central-1.localhost/dev/oauth2/token",
    ];
    all_refused(&house, 400, differing.map(to)).await;
    assert_eq!(house.exchange(&to("http://localhost:8080/dev/oauth2/token")).await.unwrap().status, 200);
    assert_eq!(house.function.last_event()["requestContext"]["path"], "/dev/oauth2/token");
}

#[tokio::test]
async fn request_for_another_protocol_is_not_taken_up() {
    let house = Setup::stock().open().await;
    let upgrade = Request::token(GOOD).header("Connection", "close, upgrade").header("Upgrade", "h2c");
    let answer = house.send(upgrade).await;
    assert_eq!((answer.status, answer.header("upgrade")), (200, None));
    assert_eq!(house.function.calls(), 1);
    assert_eq!(house.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap().status, 400);
    let other = Request::token(GOOD).header("Connection", "upgrade").header("Upgrade", "websocket");
    assert_eq!(house.send(other).await.status, 400);
    let tunnel = format!("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\nx-api-key: {GOOD}\r\n\r\n");
    assert_eq!(house.exchange(tunnel.as_bytes()).await.unwrap().status, 400);
    assert_eq!(house.function.calls(), 1);
}
