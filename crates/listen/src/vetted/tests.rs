//! Against the HTTP library itself: what it makes of what comes through.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;
use crate::linger::LINGER;

const BOUNDS: HeadBounds = HeadBounds { bytes: 4_096, fields: 20 };

/// What the library asked to have answered: what it saw, or that the turn of a refused one came.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Asked {
    Request(String, Result<Bytes, ()>),
    Refused(Violation),
}

/// Serves a connection on which `wire` arrives in pieces of `piece` bytes; what was asked, and what was answered.
async fn outcome(wire: &[u8], piece: usize) -> (Vec<Asked>, String) {
    let (client, server) = duplex(piece);
    let seat = Arc::new(Seat::new(0));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let mut stream = Vetted::new(server, BOUNDS, Arc::clone(&seat));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (seat, told) = (Arc::clone(&seat), Arc::clone(&told));
        async move {
            let number = seat.ask();
            let seen = if let Some(Stop::Refuse(fault)) = seat.end_at(number) {
                Asked::Refused(fault.violation)
            } else {
                let line = format!("{} {}", request.method(), request.uri());
                let body = request.into_body().collect().await;
                Asked::Request(line, body.map(http_body_util::Collected::to_bytes).map_err(drop))
            };
            told.lock().unwrap().push(seen);
            let mut answer = http::Response::new(Full::<Bytes>::default());
            if seat.end_at(number).is_some() {
                answer.headers_mut().insert("connection", "close".parse().unwrap());
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let serving = tokio::spawn(async move {
        if stream.first().await.is_ok_and(|begun| begun) {
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        }
    });
    let (mut from, mut to) = tokio::io::split(client);
    let mut answers = Vec::new();
    let talking = async {
        let _both = tokio::join!(to.write_all(wire), from.read_to_end(&mut answers));
    };
    // Nothing happens any more when time has passed: the clock goes on by itself only then.
    let _idle = tokio::time::timeout(Duration::from_secs(1), talking).await;
    drop((from, to));
    serving.await.unwrap();
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    (asked, String::from_utf8(answers).unwrap())
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

fn request(line: &str, body: &'static str) -> Asked {
    Asked::Request(line.to_owned(), Ok(Bytes::from_static(body.as_bytes())))
}

const FIRST: &str = "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const CHUNKED: &str =
    "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";

#[test]
fn requests_come_through_as_they_are_in_pieces_of_any_size() {
    let sent = format!("{FIRST}{CHUNKED}{FIRST}");
    let expected =
        [request("POST /first", "abc"), request("POST /chunked", "abc"), request("POST /first", "abc")];
    for piece in 1..=sent.len() {
        assert_eq!(run(outcome(sent.as_bytes(), piece)).0, expected, "by {piece}");
    }
}

#[test]
fn wrong_head_has_its_turn_after_those_before_it_and_nothing_follows() {
    let wrong = "GET /wrong HTTP/1.1\r\nHost: a\nx: y\r\n\r\n";
    let sent = format!("{FIRST}{CHUNKED}{wrong}{FIRST}");
    let expected = [
        request("POST /first", "abc"),
        request("POST /chunked", "abc"),
        Asked::Refused(Violation::BareLineFeed),
    ];
    for piece in 1..=sent.len() {
        let (asked, answers) = run(outcome(sent.as_bytes(), piece));
        assert_eq!(asked, expected, "by {piece}");
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "by {piece}");
        assert!(answers.to_lowercase().contains("connection: close"));
    }
}

#[test]
fn wrong_body_is_an_error_to_whoever_reads_it_and_nothing_follows() {
    let wrong = CHUNKED.replace("2\r\nbc", "2\r\nbcd");
    let sent = format!("{FIRST}{wrong}{FIRST}");
    let expected = [request("POST /first", "abc"), Asked::Request("POST /chunked".to_owned(), Err(()))];
    for piece in 1..=sent.len() {
        assert_eq!(run(outcome(sent.as_bytes(), piece)).0, expected, "by {piece}");
    }
}

#[test]
fn what_follows_an_offer_of_another_protocol_is_never_read() {
    let offer = FIRST.replace("Host: a", "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c");
    for piece in [1, 7, 1000] {
        let (asked, _) = run(outcome(format!("{offer}{FIRST}").as_bytes(), piece));
        assert_eq!(asked, [request("POST /first", "abc")]);
    }
}

#[test]
fn head_of_a_request_without_a_body_is_refused_without_one() {
    let (asked, answers) = run(outcome(b"HEAD / HTTP/1.1\r\n\r\n", 100));
    assert_eq!(asked, [Asked::Refused(Violation::Host)]);
    assert!(!answers.contains("content-length: 0"), "{answers}");
}

#[test]
fn nothing_is_kept_of_what_was_given_on() {
    let mut stream = Vetted::new(tokio::io::empty(), BOUNDS, Arc::new(Seat::new(0)));
    let beginning = FIRST.len();
    stream.hold(format!("{FIRST}GET /").as_bytes()).unwrap();
    let mut space = [0; 1_000];
    let mut given = ReadBuf::new(&mut space);
    stream.give(&mut given);
    assert_eq!((given.filled().len(), stream.held.as_slice()), (beginning, b"GET /".as_slice()));
    stream.hold(b" HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.give(&mut given);
    assert_eq!((stream.held.capacity(), stream.ready), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn answer_is_not_overtaken_by_what_the_peer_still_sends() {
    let (mut client, server) = duplex(64);
    let mut stream = Vetted::new(server, BOUNDS, Arc::new(Seat::new(0)));
    client.write_all(b"x").await.unwrap();
    let sending = tokio::spawn(async move {
        let sent = client.write_all(&[b'x'; 10_000]).await;
        (sent.is_ok(), client)
    });
    stream.shutdown().await.unwrap();
    let (sent, client) = sending.await.unwrap();
    assert!(sent, "everything was taken");
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn peer_that_goes_on_sending_is_not_listened_to_for_long() {
    let begun = tokio::time::Instant::now();
    let (mut client, server) = duplex(64);
    let mut stream = Vetted::new(server, BOUNDS, Arc::new(Seat::new(0)));
    client.write_all(b"x").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(begun.elapsed(), LINGER, "silent for as long as it may be");
    let (mut client, server) = duplex(64);
    let mut stream = Vetted::new(server, BOUNDS, Arc::new(Seat::new(0)));
    let flooding = tokio::spawn(async move { while client.write_all(&[b'x'; 64]).await.is_ok() {} });
    stream.shutdown().await.unwrap();
    drop(stream);
    flooding.await.unwrap();
    assert_eq!(begun.elapsed(), LINGER, "and for no more bytes than that");
}

#[tokio::test(start_paused = true)]
async fn connection_without_anything_to_come_is_closed_at_once() {
    let begun = tokio::time::Instant::now();
    let (_client, server) = duplex(64);
    Vetted::new(server, BOUNDS, Arc::new(Seat::new(0))).shutdown().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_261_123), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn library_takes_every_head_that_comes_through_and_no_other(
        bytes in crate::follow::tests::stream(),
        piece in 1_usize..200,
    ) {
        let mut follow = Follow::begin(BOUNDS);
        let (_passed, stop) = follow.pass(&bytes);
        let (asked, answers) = run(outcome(&bytes, piece));
        // The library answers on its own what it refuses: nothing of the kind is left.
        prop_assert!(!answers.contains("HTTP/1.1 4"), "{answers}");
        let refused = asked.iter().filter(|asked| matches!(asked, Asked::Refused(_))).count();
        prop_assert_eq!(refused, usize::from(matches!(stop, Some(Stop::Refuse(_)))), "{:?}", asked);
        prop_assert_eq!(
            u32::try_from(asked.len()).unwrap(),
            follow.heads(),
            "{:?} of {}", asked, String::from_utf8_lossy(&bytes)
        );
    }
}
