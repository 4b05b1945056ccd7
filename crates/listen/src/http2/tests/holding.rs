//! Peers that hold on to a connection without letting anything come of it.

use super::*;

/// A listener with a single place, and a peer that has said so much and then falls silent.
async fn crowded(said: &[Vec<u8>]) -> (Running, Raw) {
    let running = started(Bounds { connections: 1, ..Bounds::default() });
    let mut raw = running.raw();
    raw.send(said).await;
    second_passes().await;
    (running, raw)
}

/// Whether somebody else gets the only place, long before any deadline.
async fn makes_room(running: &Running) -> bool {
    let asking = async {
        let (next, _connection) = running.client().await;
        ask(&next, post("/"), "next").await.unwrap()
    };
    let answered = tokio::time::timeout(Duration::from_secs(5), asking).await;
    assert_eq!(answered.is_ok(), running.counts.displaced() == 1);
    answered.is_ok_and(|answer| answer == (200, "next".into()))
}

fn no_window() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat()
}

/// `POST /wait`.
fn wait() -> Vec<u8> {
    [b"\x83\x04\x05/wait\x87\x01\x09".as_slice(), b"localhost"].concat()
}

#[tokio::test(start_paused = true)]
async fn answer_that_finds_no_window_is_cut_off_whatever_else_is_asked() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[no_window(), whole(1)]).await;
    let begun = Instant::now();
    for number in 1..20 {
        let _ended =
            tokio::time::timeout(Duration::from_secs(14), raw.stream.read_to_end(&mut raw.read)).await;
        raw.send(&[whole(2 * number + 1)]).await;
        if running.counts.cut() > 0 {
            break;
        }
    }
    assert_eq!((begun.elapsed(), running.counts.cut()), (Bounds::default().stall, 1));
}

#[tokio::test(start_paused = true)]
async fn window_for_one_answer_is_none_for_another() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[no_window(), whole(1), whole(3)]).await;
    let begun = Instant::now();
    while running.counts.cut() == 0 && begun.elapsed() < Duration::from_mins(1) {
        second_passes().await;
        raw.send(&[frame(8, 0, 3, &[0, 0, 0, 1])]).await;
    }
    assert!(begun.elapsed() <= Bounds::default().stall + Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn connection_whose_answers_find_no_window_makes_room() {
    let (running, _raw) = crowded(&[no_window(), whole(1), whole(3)]).await;
    assert!(makes_room(&running).await);
}

#[tokio::test(start_paused = true)]
async fn request_that_is_whole_keeps_its_place_whatever_follows_it() {
    let request = [frame(1, 0x4, 1, &wait()), frame(0, 0x1, 1, b"body")].concat();
    let early = frame(1, 0x4, 3, &[fields(), b"\x0f\x17\x01x".to_vec()].concat());
    for (name, said) in [
        ("nothing", request.clone()),
        ("part of a head", [request.clone(), frame(6, 0, 0, &[0; 8])[..3].to_vec()].concat()),
        ("part of a frame", [request.clone(), frame(6, 0, 0, &[0; 8])[..12].to_vec()].concat()),
        (
            "a reset of another",
            [request.clone(), frame(1, 0x4, 3, &wait()), frame(3, 0, 3, &[0, 0, 0, 8])].concat(),
        ),
        ("an answer to another before its end", [request.clone(), early].concat()),
        ("part of a request", [request, frame(1, 0x5, 3, &fields())[..12].to_vec()].concat()),
    ] {
        let (running, _raw) = crowded(&[opening(), said]).await;
        assert!(!makes_room(&running).await, "{name}");
    }
}
#[tokio::test(start_paused = true)]
async fn request_whose_last_frame_never_ends_keeps_no_place() {
    let open = frame(1, 0x4, 1, &wait());
    for (name, said) in [
        ("head", frame(1, 0x5, 1, &[0; 1_000])[..9].to_vec()),
        ("part of a head", frame(1, 0x5, 1, &wait())[..20].to_vec()),
        ("head whose fields go on", frame(1, 0x1, 1, &wait()[..9])),
        ("body", [open.clone(), frame(0, 0x1, 1, b"body")[..9].to_vec()].concat()),
        ("trailers", [open, frame(1, 0x1, 1, &[])].concat()),
    ] {
        let (running, _raw) = crowded(&[opening(), said]).await;
        assert!(makes_room(&running).await, "{name}");
    }
}
#[tokio::test(start_paused = true)]
async fn heads_that_the_library_refuses_are_borne_for_a_while() {
    let kept = [b"\x40\x01a\x7f\xbd\x1d".as_slice(), &[b'b'; 3_900]].concat();
    for flags in [0x4, 0x5] {
        let running = started(Bounds::default());
        let mut raw = running.raw();
        raw.send(&[opening(), frame(1, flags, 1, &[fields(), kept.clone(), vec![0xbe; 7]].concat())]).await;
        for number in 1..1_000 {
            raw.send(&[frame(1, flags, 2 * number + 1, &[fields(), vec![0xbe; 7]].concat())]).await;
            let _came = raw.stream.read_buf(&mut raw.read).await;
        }
        let came = raw.came().await;
        let answered = came.iter().filter(|(kind, ..)| *kind == 1).count();
        assert!(answered > 0 && came.iter().all(|(kind, ..)| *kind != 0), "with {flags}");
        assert_eq!(farewell(&came).map(|(_, code)| code), Some(0xb), "after {answered} with {flags}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_connection_holds_is_not_there_for_others_but_their_own_part_is() {
    let running = started(Bounds { common_bytes: 45_000, ..Bounds::default() });
    let (greedy, _first) = running.client().await;
    let (other, _second) = running.client().await;
    let hold = |client: &SendRequest<Bytes>| {
        let client = client.clone();
        tokio::spawn(async move { ask(&client, large("/wait"), "").await })
    };
    let holding: Vec<_> = (0..20).map(|_| hold(&greedy)).collect();
    second_passes().await;
    let refused = holding.iter().filter(|holding| holding.is_finished()).count();
    assert_eq!(refused, 20 - (OWN_HEADS + 45_000) / 10_000);
    let theirs: Vec<_> = (0..8).map(|_| hold(&other)).collect();
    second_passes().await;
    assert_eq!(theirs.iter().filter(|theirs| !theirs.is_finished()).count(), OWN_HEADS / 10_000);
    assert_eq!(ask(&other, post("/"), "next").await.unwrap(), (200, "next".into()));
    drop(greedy);
    for holding in holding {
        holding.abort();
    }
    second_passes().await;
    let further: Vec<_> = (0..4).map(|_| hold(&other)).collect();
    second_passes().await;
    assert!(further.iter().all(|further| !further.is_finished()), "it was given back");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_too_large_for_all_connections_together_end_theirs() {
    let running = started(Bounds { common_bytes: 0, ..Bounds::default() });
    let part = |stream| frame(0, 0, stream, &[0; 16_000]);
    let body = |stream| [frame(1, 0x4, stream, &wait()), part(stream).repeat(3)].concat();
    let bodies = [1, 3, 5].map(body).concat();
    let (mut within, mut beyond) = (running.raw(), running.raw());
    for raw in [&mut within, &mut beyond] {
        raw.send(&[opening()]).await;
        // What windows there are is said by then.
        second_passes().await;
        raw.send(std::slice::from_ref(&bodies)).await;
    }
    beyond.send(&[part(1), part(3)]).await;
    assert_eq!(farewell(&beyond.came().await), Some((5, 0xb)));
    assert_eq!(running.counts.cut(), 1);
    within.send(&[1, 3, 5].map(|stream| frame(0, 0x1, stream, b""))).await;
    second_passes().await;
    running.echo.go_on.notify_waiters();
    let came = within.came().await;
    assert_eq!(came.iter().filter(|(kind, ..)| *kind == 1).count(), 3, "all were answered");
}
