use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Notify;

use crate::{
    Answer, BodyError, Bounds, Counts, Drain, Handler, Inbound, Listener, LocalPeer, read_body, serve,
    serve_counted,
};

/// Reads the body and answers with what came of it; `/wait` waits until it is told to go on; the answer to `/large` is
/// more than the buffers of two sockets hold.
#[derive(Default)]
struct Echo {
    entered: Notify,
    go_on: Notify,
    dropped: AtomicBool,
}

/// Says that the future which holds it is gone.
struct TellsOfItsDrop<'a>(&'a AtomicBool);

impl Drop for TellsOfItsDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Handler for Echo {
    async fn handle(&self, inbound: Inbound) -> Answer {
        let path = inbound.request.uri().path().to_owned();
        let body = read_body(inbound.request.into_body(), 10, Duration::from_millis(50)).await;
        if path == "/large" {
            self.entered.notify_one();
            return Answer::new(Full::new(Bytes::from(vec![0; 64 << 20])));
        }
        if path == "/wait" {
            let _held = TellsOfItsDrop(&self.dropped);
            self.entered.notify_one();
            self.go_on.notified().await;
        }
        let text = match body {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge) => Bytes::from_static(b"too large"),
            Err(BodyError::TooSlow) => Bytes::from_static(b"too slow"),
            Err(BodyError::Broken) => Bytes::from_static(b"broken"),
        };
        Answer::new(Full::new(text))
    }
}

/// A listener that runs for as long as this is held.
struct Running {
    address: std::net::SocketAddr,
    echo: Arc<Echo>,
    drain: Drain,
    counts: Arc<Counts>,
    served: tokio::task::JoinHandle<()>,
}

async fn started(bounds: Bounds) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drain, signal) = Drain::new();
    let echo = Arc::new(Echo::default());
    let counts = Arc::new(Counts::default());
    let served =
        tokio::spawn(serve_counted(listener, bounds, Arc::clone(&echo), signal, Arc::clone(&counts)));
    Running { address, echo, drain, counts, served }
}

async fn exchange(address: std::net::SocketAddr, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is closed on unread bytes ends in a reset: what came before it still counts.
    let _ended = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn post(path: &str, length: usize, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn small_body_is_read_whole() {
    let running = started(Bounds::default()).await;
    assert!(exchange(running.address, &post("/", 5, "hello")).await.ends_with("\r\n\r\nhello"));
}

#[tokio::test]
async fn declared_size_over_the_limit_is_refused_before_the_body_arrives() {
    let running = started(Bounds::default()).await;
    assert!(exchange(running.address, &post("/", 11, "")).await.ends_with("too large"));
}

#[tokio::test]
async fn chunked_body_over_the_limit_is_refused() {
    let running = started(Bounds::default()).await;
    let sent = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n";
    assert!(exchange(running.address, sent).await.contains("too large"));
}

#[tokio::test]
async fn body_that_never_arrives_is_cut_off() {
    let running = started(Bounds::default()).await;
    assert!(exchange(running.address, &post("/", 5, "he")).await.contains("too slow"));
}

#[tokio::test]
async fn silent_connection_is_closed() {
    let running = started(Bounds { head: Duration::from_millis(50), ..Bounds::default() }).await;
    let answer = exchange(running.address, "").await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn too_many_header_fields_are_refused() {
    let running = started(Bounds { header_fields: 2, ..Bounds::default() }).await;
    let answer = exchange(running.address, "GET / HTTP/1.1\r\nHost: x\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn connection_over_the_cap_waits_for_a_place() {
    let Running { address, echo, drain: _drain, .. } =
        started(Bounds { connections: 1, ..Bounds::default() }).await;
    let first = tokio::spawn(async move { exchange(address, &post("/wait", 0, "")).await });
    echo.entered.notified().await;
    let second = tokio::spawn(async move { exchange(address, &post("/", 2, "ok")).await });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    echo.go_on.notify_one();
    assert!(first.await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(second.await.unwrap().ends_with("ok"));
}

#[tokio::test]
async fn drain_lets_a_request_in_flight_finish_and_refuses_new_connections() {
    let Running { address, echo, drain, served, .. } = started(Bounds::default()).await;
    let in_flight = tokio::spawn(async move { exchange(address, &post("/wait", 0, "")).await });
    echo.entered.notified().await;
    drain.begin(Duration::from_mins(1));
    while TcpStream::connect(address).await.is_ok() {}
    echo.go_on.notify_one();
    assert!(in_flight.await.unwrap().starts_with("HTTP/1.1 200"));
    served.await.unwrap();
}

/// Answers to as many requests as are sent over a connection that was there before the drain began.
async fn after_the_drain_began(linger: Duration, first: &str) -> (String, Running) {
    let running = started(Bounds { linger, ..Bounds::default() }).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    if first.is_empty() {
        // Once it is counted it has been accepted.
        while running.counts.open() == 0 {
            tokio::task::yield_now().await;
        }
    } else {
        let mut buffer = [0; 1_024];
        let length = stream.read(&mut buffer).await.unwrap();
        answers.extend_from_slice(&buffer[..length]);
    }
    running.drain.begin(Duration::from_mins(1));
    tokio::task::yield_now().await;
    let second = "POST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let _refused = stream.write_all(second.as_bytes()).await;
    let _reset = stream.read_to_end(&mut answers).await;
    (String::from_utf8(answers).unwrap(), running)
}

#[tokio::test]
async fn request_that_comes_as_the_drain_begins_is_answered_and_is_the_last() {
    let first = "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    for (first, expected) in [("", 1), (first, 2)] {
        let (answers, running) = after_the_drain_began(Duration::from_mins(1), first).await;
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), expected, "{answers}");
        assert_eq!(answers.to_lowercase().matches("connection: close").count(), 1, "{answers}");
        // Nobody is waited for any more.
        running.served.await.unwrap();
    }
}

/// A listener that tells all of them to stop as soon as somebody is let in.
struct LastOne(TcpListener, Drain);

impl Listener for LastOne {
    type Arrival = (TcpStream, std::net::SocketAddr);

    async fn accept(&self) -> std::io::Result<Self::Arrival> {
        let accepted = self.0.accept().await;
        self.1.begin(Duration::from_mins(1));
        accepted
    }
}

#[tokio::test]
async fn whoever_is_accepted_just_before_the_drain_is_answered() {
    // Time and again: what is right by chance is not right.
    for _ in 0..32 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (drain, signal) = Drain::new();
        let bounds = Bounds { linger: Duration::from_mins(1), ..Bounds::default() };
        let echo = Arc::new(Echo::default());
        let served = tokio::spawn(serve(LastOne(listener, drain), bounds, echo, signal));
        assert!(exchange(address, &post("/", 5, "hello")).await.ends_with("\r\n\r\nhello"));
        served.await.unwrap();
    }
}

#[tokio::test]
async fn connection_without_a_request_is_closed_when_lingering_is_over() {
    let running = started(Bounds { linger: Duration::from_millis(20), ..Bounds::default() }).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    while running.counts.open() == 0 {
        tokio::task::yield_now().await;
    }
    running.drain.begin(Duration::from_mins(1));
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty());
    running.served.await.unwrap();
}

#[tokio::test]
async fn drain_ends_at_its_deadline() {
    let Running { address, echo, drain, served, counts } = started(Bounds::default()).await;
    let in_flight = tokio::spawn(async move { exchange(address, &post("/wait", 0, "")).await });
    echo.entered.notified().await;
    assert_eq!(counts.open(), 1);
    drain.begin(Duration::ZERO);
    served.await.unwrap();
    assert_eq!((in_flight.await.unwrap().as_str(), counts.open()), ("", 0));
}

#[tokio::test]
async fn no_handler_runs_after_serving_has_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drain, signal) = Drain::new();
    let echo = Arc::new(Echo::default());
    let _in_flight = tokio::spawn(async move { exchange(address, &post("/wait", 0, "")).await });
    let cut = async {
        echo.entered.notified().await;
        drain.begin(Duration::ZERO);
    };
    // Not spawned: what is asked for must hold at the very moment it returns, without another turn of the runtime.
    tokio::join!(serve(listener, Bounds::default(), Arc::clone(&echo), signal), cut);
    assert!(echo.dropped.load(Ordering::Acquire));
}

#[tokio::test]
async fn peer_that_does_not_take_its_answer_loses_its_place() {
    let bounds = Bounds { connections: 1, stall: Duration::from_millis(50), ..Bounds::default() };
    let running = started(bounds).await;
    let mut deaf = TcpStream::connect(running.address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n").await.unwrap();
    running.echo.entered.notified().await;
    let next = tokio::time::timeout(LONG, exchange(running.address, &post("/", 2, "ok"))).await;
    assert!(next.unwrap().ends_with("ok"));
    assert_eq!(running.counts.cut(), 1);
}

#[tokio::test]
async fn young_connection_is_kept() {
    let running = started(Bounds::default()).await;
    let sent = format!("GET / HTTP/1.1\r\nHost: x\r\n\r\n{}", post("/", 2, "ok"));
    let answers = exchange(running.address, &sent).await;
    let (first, second) = answers.split_at(answers.rfind("HTTP/1.1 200").unwrap());
    assert!(first.starts_with("HTTP/1.1 200") && !first.contains("connection: close"), "{first}");
    assert!(second.contains("connection: close"), "{second}");
}

#[tokio::test]
async fn connection_past_its_age_ends_with_a_whole_answer_that_says_so() {
    let running = started(Bounds { age: Duration::ZERO, ..Bounds::default() }).await;
    let sent = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
    let answer = tokio::time::timeout(LONG, exchange(running.address, sent)).await.unwrap();
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("ok"), "{answer}");
    assert_eq!(running.counts.cut(), 0);
}

#[tokio::test]
async fn connection_past_its_last_answer_is_cut() {
    let bounds = Bounds { age: Duration::ZERO, last_answer: Duration::from_millis(50), ..Bounds::default() };
    let running = started(bounds).await;
    let answer = tokio::time::timeout(LONG, exchange(running.address, &post("/wait", 0, ""))).await;
    assert_eq!((answer.unwrap().as_str(), running.counts.cut()), ("", 1));
    assert!(running.echo.dropped.load(Ordering::Acquire));
}

#[tokio::test]
async fn connection_over_the_cap_of_its_address_is_closed_at_once() {
    let running = started(Bounds { per_address: 1, ..Bounds::default() }).await;
    let address = running.address;
    let first = tokio::spawn(async move { exchange(address, &post("/wait", 0, "")).await });
    running.echo.entered.notified().await;
    assert_eq!(tokio::time::timeout(LONG, exchange(address, "")).await.unwrap(), "");
    assert_eq!((running.counts.open(), running.counts.refused()), (1, 1));
    running.echo.go_on.notify_one();
    assert!(first.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_words_and_the_connection_ends() {
    let running = started(Bounds::default()).await;
    let sent = "POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\nok";
    let answer = exchange(running.address, sent).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\na line of the head ends without a carriage return\n"), "{answer}");
}

#[tokio::test]
async fn offer_of_another_protocol_is_passed_over_and_the_connection_ends() {
    let running = started(Bounds::default()).await;
    let sent = "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nokPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let answer = exchange(running.address, sent).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn body_in_many_pieces_is_read_whole() {
    let running = started(Bounds::default()).await;
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let pieces = "1\r\na\r\n".repeat(10);
    assert!(exchange(running.address, &format!("{head}{pieces}0\r\n\r\n")).await.ends_with("aaaaaaaaaa"));
    let one_more = format!("{head}{pieces}1\r\na\r\n0\r\n\r\n");
    assert!(exchange(running.address, &one_more).await.ends_with("too large"));
}

#[tokio::test]
async fn connections_that_say_nothing_make_room_for_one_that_does() {
    let running = started(Bounds { connections: 3, ..Bounds::default() }).await;
    let address = running.address;
    let busy = tokio::spawn(async move { exchange(address, &post("/wait", 0, "")).await });
    running.echo.entered.notified().await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    silent.push(TcpStream::connect(address).await.unwrap());
    silent.last_mut().unwrap().write_all(b"POST / HTTP/1.1\r\nHost").await.unwrap();
    let answer = tokio::time::timeout(LONG, exchange(address, &post("/", 2, "ok"))).await.unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    assert!(running.counts.displaced() >= 19, "{}", running.counts.displaced());
    running.echo.go_on.notify_one();
    assert!(busy.await.unwrap().starts_with("HTTP/1.1 200"), "a request under way keeps its place");
}

#[tokio::test]
async fn connection_between_requests_makes_room_after_those_that_never_asked() {
    let running = started(Bounds { connections: 2, ..Bounds::default() }).await;
    let mut kept = TcpStream::connect(running.address).await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
    answered(&mut kept, request).await;
    let silent = [
        TcpStream::connect(running.address).await.unwrap(),
        TcpStream::connect(running.address).await.unwrap(),
    ];
    let third = tokio::time::timeout(LONG, exchange(running.address, &post("/", 2, "ok"))).await.unwrap();
    assert!(third.ends_with("ok"), "{third}");
    answered(&mut kept, request).await;
    drop(silent);
}

/// Sends a request on a connection that is kept, and reads its answer.
async fn answered(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
}

/// Far more than anything here takes, and less than the bounds that a test leaves at their default.
const LONG: Duration = Duration::from_secs(10);

/// Answers with the user that asks.
struct WhoAsks;

impl Handler<LocalPeer> for WhoAsks {
    async fn handle(&self, inbound: Inbound<LocalPeer>) -> Answer {
        Answer::new(Full::new(inbound.peer.uid.to_string().into()))
    }
}

#[tokio::test]
async fn unix_socket_is_served_alike_and_tells_the_user_at_its_other_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let (drain, signal) = Drain::new();
    // Connections of one address are bounded, and these have none.
    let bounds = Bounds { per_address: 1, ..Bounds::default() };
    let served = tokio::spawn(serve(listener, bounds, Arc::new(WhoAsks), signal));
    let me = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(directory.path()).unwrap());
    let mut streams = [UnixStream::connect(&path).await.unwrap(), UnixStream::connect(&path).await.unwrap()];
    for stream in &mut streams {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n\r\n{me}")), "{answer}");
    }
    drain.begin(Duration::from_mins(1));
    served.await.unwrap();
}
