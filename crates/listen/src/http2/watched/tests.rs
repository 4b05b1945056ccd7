use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Duration;

use super::super::OWN_BODIES;
use super::super::frames::tests::frame;
use super::*;
use crate::counts::Counts;
use crate::holding::Store;
use crate::house::House;
use crate::linger::LINGER;
use crate::seat::Seat;

fn watched(room: usize) -> (DuplexStream, Watched<DuplexStream>, Arc<Place>) {
    let (client, server) = duplex(room);
    let counts = Arc::new(Counts::default());
    let clock = House::new(1, Arc::clone(&counts)).clock();
    let place = Arc::new(Place { counts, seat: Arc::new(Seat::new(0)), clock });
    let bodies = Holding::new(Store::new(0), OWN_BODIES, OWN_BODIES);
    (client, Watched::new(server, Bounds::default(), Arc::clone(&place), bodies), place)
}

/// Everything that the library is given of `wire`, how it ends, when, and what the client was told last.
async fn outcome(wire: &[u8], then_close: bool) -> (Vec<u8>, io::Result<usize>, Duration, Vec<u8>) {
    let (mut client, mut server, _) = watched(64 * 1024);
    let begun = Instant::now();
    client.write_all(PREFACE).await.unwrap();
    assert!(server.first().await.unwrap());
    let mut given = Vec::new();
    let talking = async {
        client.write_all(wire).await.unwrap();
        if then_close {
            client.shutdown().await.unwrap();
        }
        let mut told = Vec::new();
        let _ended = client.read_to_end(&mut told).await;
        told
    };
    let reading = async {
        let ended = server.read_to_end(&mut given).await;
        drop(server);
        ended
    };
    let (told, ended) = tokio::join!(talking, reading);
    (given, ended, begun.elapsed(), told)
}

fn preface_and(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE.as_slice(), &frames.concat()].concat()
}

fn settings() -> Vec<u8> {
    frame(4, 0, 0, &[])
}

const HEAD: Duration = Duration::from_secs(15);

#[tokio::test(start_paused = true)]
async fn frames_pass_as_they_are() {
    let frames = [settings(), frame(1, 0x5, 1, b"fields"), frame(8, 0, 0, &[0, 0, 0, 1])];
    let (given, ended, _, told) = outcome(&frames.concat(), true).await;
    assert_eq!((given, ended.is_ok(), told), (preface_and(&frames), true, vec![]));
}

#[tokio::test(start_paused = true)]
async fn connection_that_begins_with_anything_else_never_begins() {
    for wrong in
        ["PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI", "\x16\x03\x01"]
    {
        let (mut client, mut server, _) = watched(64);
        client.write_all(wrong.as_bytes()).await.unwrap();
        drop(client);
        assert!(!server.first().await.unwrap(), "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn beginning_in_pieces_is_a_beginning() {
    let (mut client, mut server, _) = watched(1);
    let wire = preface_and(&[settings()]);
    let reading = async {
        assert!(server.first().await.unwrap());
        let mut given = vec![0; PREFACE.len() + 9];
        server.read_exact(&mut given).await.unwrap();
        given
    };
    let (sent, given) = tokio::join!(client.write_all(&wire), reading);
    sent.unwrap();
    assert_eq!(given, wire);
}

#[tokio::test(start_paused = true)]
async fn whatever_is_not_finished_in_time_ends_the_connection() {
    for (name, wire, code) in [
        ("no settings", vec![], ENHANCE_YOUR_CALM),
        ("half the settings", settings()[..5].to_vec(), ENHANCE_YOUR_CALM),
        ("nothing to ask", settings(), NO_ERROR),
        ("half a frame", [settings(), frame(6, 0, 0, &[0; 8])[..12].to_vec()].concat(), ENHANCE_YOUR_CALM),
        ("fields without an end", [settings(), frame(1, 0x1, 1, b"a")].concat(), ENHANCE_YOUR_CALM),
        (
            "half a body's frame",
            [settings(), frame(1, 0x4, 1, b"a"), frame(0, 0, 1, &[0; 9])[..12].to_vec()].concat(),
            ENHANCE_YOUR_CALM,
        ),
    ] {
        let (_, ended, elapsed, told) = outcome(&wire, false).await;
        assert!(ended.is_ok() && elapsed >= HEAD && elapsed < HEAD * 2, "{name}: {elapsed:?}");
        let newest = u32::from(wire.len() > 9 && wire[12] == 1);
        assert_eq!(told, go_away(newest, code), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn byte_now_and_again_does_not_make_it_take_longer() {
    for (name, first, drip) in [
        ("fields", [settings(), frame(1, 0x1, 1, b"a")].concat(), frame(9, 0, 1, b"b")),
        ("one frame", [settings(), frame(1, 0x5, 1, &[0; 1_000])[..30].to_vec()].concat(), b"b".to_vec()),
        ("pings", settings(), frame(6, 0, 0, &[0; 8])),
    ] {
        let (mut client, mut server, _) = watched(64 * 1024);
        client.write_all(PREFACE).await.unwrap();
        client.write_all(&first).await.unwrap();
        let begun = Instant::now();
        let dripping = tokio::spawn(async move {
            while client.write_all(&drip).await.is_ok() {
                tokio::time::advance(Duration::from_secs(2)).await;
            }
        });
        assert!(server.first().await.unwrap());
        let mut given = Vec::new();
        server.read_to_end(&mut given).await.unwrap();
        assert!(begun.elapsed() <= HEAD + Duration::from_secs(6), "{name}: {:?}", begun.elapsed());
        dripping.abort();
    }
}

/// When a connection ends on which such frames came and went, and such pieces come after them, five seconds apart.
async fn end_after(heard: &[Vec<u8>], said: &[u8], pieces: &[&[u8]]) -> Duration {
    let (mut client, mut server, _) = watched(64 * 1024);
    let begun = Instant::now();
    client.write_all(&preface_and(heard)).await.unwrap();
    let dripping = async {
        for piece in pieces {
            let _closed = client.write_all(piece).await;
            let _passed = tokio::time::timeout(Duration::from_secs(5), std::future::pending::<()>()).await;
        }
        // The other end lingers until this one is closed.
        client
    };
    let reading = async {
        assert!(server.first().await.unwrap());
        server.read_exact(&mut vec![0; preface_and(heard).len()]).await.unwrap();
        server.write_all(said).await.unwrap();
        server.read_to_end(&mut Vec::new()).await.unwrap();
        begun.elapsed()
    };
    tokio::join!(dripping, reading).1
}

#[tokio::test(start_paused = true)]
async fn frame_has_its_time_from_its_own_beginning() {
    let heard = [settings(), frame(1, 0x5, 1, b"fields")];
    let ping = frame(6, 0, 0, &[0; 8]);
    let (some, rest) = ping.split_at(12);
    let crossing = [rest, some].concat();
    for (pieces, later) in [
        (vec![some], 0),
        (vec![some, &crossing], 5),
        (vec![some, &crossing, &crossing], 10),
        (vec![some, rest, some], 10),
    ] {
        let later = Duration::from_secs(later);
        assert_eq!(end_after(&heard, &[], &pieces).await, HEAD + later + LINGER, "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn connection_that_is_always_within_a_frame_has_nothing_to_ask_all_the_same() {
    let unknown = frame(99, 0, 0, &[]);
    let (some, rest) = unknown.split_at(3);
    let crossing = [rest, some].concat();
    let pieces = [&[some], [&*crossing; 100].as_slice()].concat();
    assert_eq!(end_after(&[settings()], &[], &pieces).await, HEAD + LINGER);
    assert_eq!(end_after(&[settings()], &go_away(0, NO_ERROR), &pieces).await, PARTING);
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_not_taken_is_cut_off_as_if_the_socket_did_not_take_it() {
    let (mut client, mut server, _) = watched(64 * 1024);
    let frames = [settings(), frame(1, 0x5, 1, b"fields")];
    client.write_all(&preface_and(&frames)).await.unwrap();
    assert!(server.first().await.unwrap());
    let mut given = vec![0; preface_and(&frames).len()];
    server.read_exact(&mut given).await.unwrap();
    let begun = Instant::now();
    server.write_all(&frame(1, 0x4, 1, b"200")).await.unwrap();
    let ended = server.read_to_end(&mut given).await.unwrap_err();
    assert_eq!((ended.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, Bounds::default().stall));
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn connection_waits_for_its_handlers_as_long_as_they_need() {
    let (mut client, mut server, place) = watched(64 * 1024);
    let frames = [settings(), frame(1, 0x5, 1, b"fields")];
    client.write_all(&preface_and(&frames)).await.unwrap();
    assert!(server.first().await.unwrap());
    let mut given = vec![0; preface_and(&frames).len()];
    server.read_exact(&mut given).await.unwrap();
    assert_eq!(place.seat.waiting(), None, "a request is under way");
    let more = tokio::time::timeout(Duration::from_mins(2), server.read_u8()).await;
    assert!(more.is_err(), "{more:?}");
    server.write_all(&frame(1, 0x5, 1, b"200")).await.unwrap();
    assert_eq!(place.seat.waiting(), None, "its answer may lie here");
    server.flush().await.unwrap();
    assert!(place.seat.waiting().is_some(), "and now none is");
    let begun = Instant::now();
    assert_eq!(server.read_to_end(&mut given).await.unwrap(), 0);
    assert_eq!(begun.elapsed(), HEAD);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn request_that_comes_when_the_place_is_gone_is_not_passed_on_whole() {
    for last in [frame(1, 0x5, 1, b"fields"), frame(0, 0x1, 1, b"body"), frame(0, 0x1, 1, b"")] {
        for piece in [1, last.len()] {
            let (mut client, mut server, place) = watched(64 * 1024);
            let open = preface_and(&[settings(), frame(1, 0x4, 1, b"fields")]);
            client.write_all(&open).await.unwrap();
            assert!(server.first().await.unwrap());
            server.read_exact(&mut vec![0; open.len()]).await.unwrap();
            assert!(place.seat.displace());
            let (mut given, mut told) = (Vec::new(), Vec::new());
            let reading = async {
                server.read_to_end(&mut given).await.unwrap();
                drop(server);
            };
            let talking = async {
                for piece in last.chunks(piece) {
                    let _closed = client.write_all(piece).await;
                    tokio::task::yield_now().await;
                }
                client.read_to_end(&mut told).await.unwrap();
            };
            tokio::join!(reading, talking);
            assert!(given.len() < last.len(), "{last:?} by {piece}");
            assert_eq!(told, go_away(1, NO_ERROR), "{last:?} by {piece}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn flood_is_told_to_calm_down_and_counts_as_cut_off() {
    let (mut client, mut server, place) = watched(64 * 1024);
    let pings = frame(6, 0, 0, &[0; 8]).repeat(600);
    client.write_all(&preface_and(&[settings(), pings])).await.unwrap();
    assert!(server.first().await.unwrap());
    let (mut given, mut told) = (Vec::new(), Vec::new());
    let (ended, heard) = tokio::join!(server.read_to_end(&mut given), client.read_to_end(&mut told));
    ended.unwrap();
    heard.unwrap();
    assert_eq!((told, place.counts.cut()), (go_away(0, ENHANCE_YOUR_CALM).to_vec(), 1));
    assert!(given.len() < 24 + 9 + 17 * 512, "{}", given.len());
    assert_eq!(server.write(b"too late").await.unwrap(), 8, "nothing follows the farewell");
}

#[tokio::test(start_paused = true)]
async fn farewell_has_no_place_within_a_frame() {
    let (mut client, mut server, _) = watched(64 * 1024);
    client.write_all(&preface_and(&[settings()])).await.unwrap();
    assert!(server.first().await.unwrap());
    server.write_all(&frame(4, 0, 0, &[0; 6])[..12]).await.unwrap();
    let (mut given, mut told) = (Vec::new(), Vec::new());
    let (ended, heard) = tokio::join!(server.read_to_end(&mut given), client.read_to_end(&mut told));
    ended.unwrap();
    heard.unwrap();
    assert_eq!(told.len(), 12);
}
