//! The whole of it, with a real client where it behaves and with bare frames where it does not.

use std::io;
use std::net::IpAddr;
use std::sync::Mutex as SyncMutex;

use h2::client::SendRequest;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::frames::tests::frame;
use super::*;
use crate::{
    Arrival, BodyError, Counts, Drain, Greeted, Listener, Protocol, Violation, read_body, serve_counted,
};

mod holding;
mod unread;

/// Connections that are handed over as they are made.
struct Doors(Mutex<UnboundedReceiver<DuplexStream>>);

struct Agreed(DuplexStream);

impl Listener for Doors {
    type Arrival = Agreed;

    async fn accept(&self) -> io::Result<Agreed> {
        match self.0.lock().await.recv().await {
            Some(stream) => Ok(Agreed(stream)),
            None => std::future::pending().await,
        }
    }
}

impl Arrival for Agreed {
    type Stream = DuplexStream;
    type Peer = ();

    fn address(&self) -> Option<IpAddr> {
        None
    }

    async fn greet(self) -> io::Result<Greeted<DuplexStream, ()>> {
        Ok(Greeted { stream: self.0, peer: (), protocol: Protocol::Http2 })
    }
}

/// Answers with the body; `/wait` waits until it is told to go on, `/large` is more than a window.
#[derive(Default)]
struct Echo {
    entered: Notify,
    go_on: Notify,
    asked: SyncMutex<Vec<String>>,
}

impl Handler<()> for Echo {
    async fn handle(&self, inbound: Inbound<()>) -> Answer {
        let path = inbound.request.uri().path().to_owned();
        self.asked.lock().unwrap().push(path.clone());
        let body = read_body(inbound.request.into_body(), 64 * 1024, Duration::from_secs(10)).await;
        match &*path {
            "/wait" => {
                self.entered.notify_one();
                self.go_on.notified().await;
            }
            "/large" => return Answer::new(Full::new(Bytes::from(vec![0; 200_000]))),
            _ => {}
        }
        let (status, text) = match body {
            Ok(body) => (200, body),
            Err(BodyError::TooLarge) => (413, "too large".into()),
            Err(BodyError::TooSlow) => (408, "too slow".into()),
            Err(BodyError::Broken) => (400, "broken".into()),
        };
        let mut answer = Answer::new(Full::new(text));
        *answer.status_mut() = status.try_into().unwrap();
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

struct Running {
    doors: UnboundedSender<DuplexStream>,
    echo: Arc<Echo>,
    drain: Drain,
    counts: Arc<Counts>,
    served: JoinHandle<()>,
}

fn started(bounds: Bounds) -> Running {
    let (doors, receiver) = unbounded_channel();
    let (drain, signal) = Drain::new();
    let (echo, counts) = (Arc::new(Echo::default()), Arc::new(Counts::default()));
    let listener = Doors(Mutex::new(receiver));
    let served =
        tokio::spawn(serve_counted(listener, bounds, Arc::clone(&echo), signal, Arc::clone(&counts)));
    Running { doors, echo, drain, counts, served }
}

impl Running {
    fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(1 << 20);
        self.doors.send(server).unwrap();
        client
    }

    /// A client that keeps to the rules; and how its connection ends.
    async fn client(&self) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
        let (client, connection) = h2::client::handshake(self.connect()).await.unwrap();
        (client.ready().await.unwrap(), tokio::spawn(connection))
    }

    fn raw(&self) -> Raw {
        Raw { stream: self.connect(), read: Vec::new() }
    }
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("https://localhost{path}")).body(()).unwrap()
}

/// A request whose head has some 10,000 bytes.
fn large(path: &str) -> Request<()> {
    let mut request = post(path);
    request.headers_mut().insert("a", HeaderValue::from_str(&"b".repeat(10_000)).unwrap());
    request
}

async fn ask(
    client: &SendRequest<Bytes>,
    request: Request<()>,
    body: &str,
) -> Result<(u16, Bytes), h2::Error> {
    let (answer, mut sending) = client.clone().ready().await?.send_request(request, false)?;
    sending.send_data(Bytes::copy_from_slice(body.as_bytes()), true)?;
    let answer = answer.await?;
    assert!(!answer.headers().contains_key(CONNECTION));
    let (head, mut body) = answer.into_parts();
    let mut whole = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        whole.extend_from_slice(&piece);
    }
    Ok((head.status.as_u16(), whole.into()))
}

/// Everything that happens by itself has happened then: the clock goes on only when nothing else does.
async fn second_passes() {
    let _passed = tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await;
}

/// A client that sends what it likes.
struct Raw {
    stream: DuplexStream,
    read: Vec<u8>,
}

/// A frame that came back: kind, flags, stream, payload.
type Came = (u8, u8, u32, Vec<u8>);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const RESET: u8 = 3;
const GO_AWAY: u8 = 7;

impl Raw {
    async fn send(&mut self, frames: &[Vec<u8>]) {
        let _closed = self.stream.write_all(&frames.concat()).await;
    }

    /// What has come whole of all that was read.
    fn whole_frames(&self) -> Vec<Came> {
        let mut rest = &*self.read;
        while let Some([a, b, c]) = rest.first_chunk() {
            let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
            let Some(after) = rest.get(9 + length..) else { break };
            rest = after;
        }
        frames_of(&self.read[..self.read.len() - rest.len()])
    }

    /// Everything until the other end closes.
    async fn came(mut self) -> Vec<Came> {
        let _ended = self.stream.read_to_end(&mut self.read).await;
        frames_of(&self.read)
    }
}

fn frames_of(mut rest: &[u8]) -> Vec<Came> {
    let mut came = Vec::new();
    while let Some((head, more)) = rest.split_first_chunk::<9>() {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let (payload, after) = more.split_at(length);
        came.push((head[3], head[4], stream, payload.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty(), "half a frame");
    came
}

fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// `POST / ` to `localhost` over `https`, by the static table.
fn fields() -> Vec<u8> {
    [b"\x83\x84\x87\x01\x09".as_slice(), b"localhost"].concat()
}

/// A request with a body, which is echoed.
fn whole(stream: u32) -> Vec<u8> {
    [frame(1, 0x4, stream, &fields()), frame(0, 0x1, stream, b"body")].concat()
}

/// What the last GOAWAY says: the latest stream and the code.
fn farewell(came: &[Came]) -> Option<(u32, u32)> {
    let (.., payload) = came.iter().rfind(|(kind, ..)| *kind == GO_AWAY)?;
    let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
    Some((number(0), number(4)))
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_side_by_side() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { ask(&client, post("/wait"), "first").await.unwrap() })
    };
    running.echo.entered.notified().await;
    for body in ["", "second", &"x".repeat(64 * 1024)] {
        let (status, echoed) = ask(&client, post("/"), body).await.unwrap();
        assert_eq!((status, &*echoed), (200, body.as_bytes()));
    }
    running.echo.go_on.notify_one();
    assert_eq!(waiting.await.unwrap(), (200, "first".into()));
}

#[tokio::test(start_paused = true)]
async fn hundred_at_once_are_all_answered_and_one_more_is_refused_and_can_be_asked_again() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening()]).await;
    for number in 0..101 {
        raw.send(&[frame(1, 0x4, 2 * number + 1, &fields())]).await;
    }
    raw.send(&[frame(0, 0x1, 1, b"a")]).await;
    second_passes().await;
    raw.send(&[frame(1, 0x5, 203, &fields())]).await;
    for number in 1..100 {
        raw.send(&[frame(0, 0x1, 2 * number + 1, b"a")]).await;
    }
    let came = raw.came().await;
    let refused: Vec<_> = came.iter().filter(|(kind, ..)| *kind == RESET).collect();
    assert_eq!(refused, [&(RESET, 0, 201, vec![0, 0, 0, 7])]);
    let answered: std::collections::BTreeSet<_> =
        came.iter().filter(|(kind, flags, ..)| *kind < 2 && flags & 1 == 1).map(|came| came.2).collect();
    assert_eq!(answered.len(), 101);
    assert!(answered.contains(&203) && !answered.contains(&201));
}

#[tokio::test(start_paused = true)]
async fn answer_larger_than_a_window_is_taken_by_and_by() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    assert_eq!(ask(&client, post("/large"), "").await.unwrap().1.len(), 200_000);
}

#[tokio::test(start_paused = true)]
async fn head_of_an_answer_says_the_length_of_a_body_that_it_does_not_have() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let request = Request::head("https://localhost/large").body(()).unwrap();
    let (answer, _) = client.clone().send_request(request, true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["content-length"], "200000");
    assert!(answer.into_body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn refusal_is_answered_on_its_stream_and_the_next_request_is_served() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let mut wrong = post("/");
    wrong.headers_mut().insert("host", HeaderValue::from_static("other"));
    let (status, said) = ask(&client, wrong, "never read").await.unwrap();
    assert_eq!((status, &*said), (400, format!("{}\n", Violation::Host).as_bytes()));
    let (status, _) = ask(&client, post("/"), &"x".repeat(64 * 1024 + 1)).await.unwrap();
    assert_eq!(status, 413);
    assert_eq!(ask(&client, post("/"), "next").await.unwrap(), (200, "next".into()));
}

#[tokio::test(start_paused = true)]
async fn trailers_are_no_part_of_a_body() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let (answer, mut sending) = client.clone().send_request(post("/"), false).unwrap();
    sending.send_data("body".into(), false).unwrap();
    sending
        .send_trailers(http::HeaderMap::from_iter([("x-api-key".parse().unwrap(), "a".parse().unwrap())]))
        .unwrap();
    assert_eq!(answer.await.unwrap().status(), 400);
}

#[tokio::test(start_paused = true)]
async fn body_that_never_ends_is_refused_and_leaves_the_others_alone() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let begun = Instant::now();
    let (answer, _sending) = client.clone().send_request(post("/"), false).unwrap();
    assert_eq!(answer.await.unwrap().status(), 408);
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!(ask(&client, post("/"), "next").await.unwrap().0, 200);
}

#[tokio::test(start_paused = true)]
async fn heads_under_way_are_so_large_together_and_further_requests_can_be_asked_again() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let asking: Vec<_> = (0..30)
        .map(|_| {
            let (client, request) = (client.clone(), large("/wait"));
            tokio::spawn(async move { ask(&client, request, "").await })
        })
        .collect();
    second_passes().await;
    let mut refused = 0;
    for _ in 0..30 {
        running.echo.go_on.notify_waiters();
    }
    for asking in asking {
        match asking.await.unwrap() {
            Ok((status, _)) => assert_eq!(status, 200),
            Err(error) => {
                assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 30 - HEADS / 10_000);
    running.echo.go_on.notify_one();
    assert_eq!(ask(&client, large("/wait"), "").await.unwrap().0, 200, "room is there again");
}

#[tokio::test(start_paused = true)]
async fn connection_without_a_request_is_told_to_go_and_closed() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening(), frame(1, 0x5, 1, &fields())]).await;
    let begun = Instant::now();
    let came = raw.came().await;
    assert_eq!((begun.elapsed(), farewell(&came)), (Bounds::default().head, Some((1, 0))));
    assert_eq!(running.counts.cut(), 0);
}

#[tokio::test(start_paused = true)]
async fn answer_that_finds_no_window_is_cut_off() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    raw.send(&[PREFACE.to_vec(), no_window, frame(1, 0x4, 1, &fields()), frame(0, 0x1, 1, b"body")]).await;
    let begun = Instant::now();
    raw.came().await;
    assert_eq!((begun.elapsed(), running.counts.cut()), (Bounds::default().stall, 1));
}

#[tokio::test(start_paused = true)]
async fn drain_lets_what_has_begun_finish_and_takes_nothing_new() {
    let running = started(Bounds::default());
    let (client, connection) = running.client().await;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { ask(&client, post("/wait"), "").await.unwrap() })
    };
    running.echo.entered.notified().await;
    running.drain.begin(Duration::from_mins(1));
    // The client has been told when it has no place for another.
    while client.clone().ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
    running.echo.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().0, 200);
    connection.await.unwrap().unwrap();
    running.served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_for_a_peer_that_says_nothing() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening(), frame(1, 0x5, 1, &fields())]).await;
    second_passes().await;
    let begun = Instant::now();
    running.drain.begin(Duration::from_mins(1));
    running.served.await.unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(farewell(&raw.came().await).unwrap().1, 0);
}

#[tokio::test(start_paused = true)]
async fn no_handler_runs_after_serving_has_ended() {
    let running = started(Bounds::default());
    let (client, _connection) = running.client().await;
    let waiting = tokio::spawn(async move { ask(&client, post("/wait"), "").await });
    running.echo.entered.notified().await;
    running.drain.begin(Duration::ZERO);
    running.served.await.unwrap();
    assert_eq!(Arc::strong_count(&running.echo), 1, "nothing of it is left");
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn connection_past_its_age_is_told_so_and_its_last_request_is_answered() {
    let age = Duration::from_secs(20);
    let running = started(Bounds { age, ..Bounds::default() });
    let (client, connection) = running.client().await;
    let begun = Instant::now();
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { ask(&client, post("/wait"), "").await.unwrap() })
    };
    while client.clone().ready().await.is_ok() {
        second_passes().await;
    }
    assert!(begun.elapsed() >= age);
    running.echo.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().0, 200);
    connection.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_without_a_request_make_room_and_one_with_a_request_does_not() {
    let running = started(Bounds { connections: 2, ..Bounds::default() });
    let (busy, _connection) = running.client().await;
    let waiting = tokio::spawn(async move { ask(&busy, post("/wait"), "").await.unwrap() });
    running.echo.entered.notified().await;
    let (idle, _) = running.client().await;
    let (third, _connection) = running.client().await;
    assert_eq!(ask(&third, post("/"), "third").await.unwrap(), (200, "third".into()));
    assert_eq!(running.counts.displaced(), 1);
    drop(idle);
    running.echo.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().0, 200);
}

/// What a client is told for such frames when they come in pieces of `piece` bytes.
async fn told(frames: &[u8], piece: usize) -> Vec<Came> {
    let running = started(Bounds::default());
    let (client, server) = duplex(piece);
    running.doors.send(server).unwrap();
    let (mut from, mut to) = tokio::io::split(client);
    let mut read = Vec::new();
    // The end comes by a deadline at the latest.
    let (_closed, _ended) = tokio::join!(to.write_all(frames), from.read_to_end(&mut read));
    running.drain.begin(Duration::ZERO);
    running.served.await.unwrap();
    frames_of(&read)
}

/// A stream, and how it ended.
type Ended = (u32, u8, Vec<u8>);

/// What matters of it: which streams were answered or reset, and why the connection ended. Window updates and pings depend
/// on when bytes are read.
fn outcome(came: &[Came]) -> (Vec<Ended>, Option<(u32, u32)>) {
    let mut streams: Vec<_> = came
        .iter()
        .filter(|(kind, ..)| *kind <= 1 || *kind == RESET)
        .map(|(kind, _, stream, payload)| {
            (*stream, *kind, if *kind == 1 { vec![payload[0]] } else { payload.clone() })
        })
        .collect();
    streams.sort();
    (streams, farewell(came))
}

#[tokio::test(start_paused = true)]
async fn every_cut_between_bytes_comes_to_the_same() {
    let large = [fields(), [b"\x00\x01a\x7f\x81\x4e".as_slice(), &[b'b'; 333]].concat()].concat();
    let wires = [
        vec![frame(1, 0x4, 1, &fields()), frame(0, 0x1, 1, b"one"), frame(1, 0x5, 3, &fields())],
        vec![
            frame(1, 0x0, 1, &large[..9]),
            frame(9, 0, 1, &large[9..20]),
            frame(9, 4, 1, &large[20..]),
            frame(0, 1, 1, b""),
        ],
        vec![frame(6, 0, 1, &[0; 8]), frame(1, 0x5, 1, &fields())],
        vec![frame(1, 0x4, 1, &fields()), frame(3, 0, 1, &[0, 0, 0, 8]), frame(1, 0x5, 3, &fields())],
        vec![frame(1, 0x5, 1, &[0xff; 20]), frame(1, 0x5, 3, &fields())],
    ];
    for frames in wires {
        let wire = [opening(), frames.concat()].concat();
        let whole = outcome(&told(&wire, wire.len()).await);
        for piece in 1..80 {
            assert_eq!(outcome(&told(&wire, piece).await), whole, "by {piece}: {frames:?}");
        }
    }
}

/// Frames that are nearly right, or nothing of the kind.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        3 => Just(fields()),
        2 => prop::collection::vec(any::<u8>(), 0..40),
        1 => Just(vec![0, 0, 0, 8]),
        1 => Just(vec![0; 8]),
        1 => Just(Vec::new()),
    ];
    let kind = prop_oneof![4 => Just(1_u8), 3 => Just(0_u8), 4 => 0_u8..12];
    let flags = prop_oneof![3 => Just(5_u8), 2 => Just(4_u8), 1 => any::<u8>()];
    let stream =
        prop_oneof![4 => prop::sample::select(vec![1_u32, 3, 5, 7]), 1 => 0_u32..9, 1 => any::<u32>()];
    let one = (kind, flags, stream, payload)
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload));
    prop::collection::vec(one, 0..12).prop_map(|frames| frames.concat())
}

fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_261_123), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn soup_of_frames_always_ends_and_the_listener_lives(wire in soup(), noise in prop::collection::vec(any::<u8>(), 0..30), piece in 1_usize..100) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let begun = Instant::now();
            let came = told(&[opening(), wire, noise].concat(), piece).await;
            prop_assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
            // Settings were said, and at the end why it ended.
            prop_assert_eq!(came.first().map(|came| came.0), Some(SETTINGS));
            prop_assert!(farewell(&came).is_some());
            Ok(())
        })?;
    }
}
