//! Requests that are answered before they are whole, and whose clients go on sending.

use super::*;
use crate::linger::{LINGER, LINGER_BYTES};

/// A request with a body to come, which is refused for its head.
fn refused(stream: u32) -> Vec<u8> {
    frame(1, 0x4, stream, &[fields(), b"\x0f\x17\x01x".to_vec()].concat())
}

/// Waits for the whole answer on a stream, and says what came up to then.
async fn answered(raw: &mut Raw, stream: u32) -> Vec<Came> {
    loop {
        let came = raw.whole_frames();
        if came.iter().any(|(kind, flags, on, _)| (*kind, flags & 1, *on) == (0, 1, stream)) {
            return came;
        }
        assert!(raw.stream.read_buf(&mut raw.read).await.unwrap() > 0, "closed: {came:?}");
    }
}

/// When a stream is reset, and why.
async fn reset(raw: &mut Raw, stream: u32) -> Option<Vec<u8>> {
    loop {
        let came = raw.whole_frames().into_iter().find(|(kind, _, on, _)| (*kind, *on) == (RESET, stream));
        if let Some((.., code)) = came {
            return Some(code);
        }
        if raw.stream.read_buf(&mut raw.read).await.unwrap() == 0 {
            return None;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_ends_its_body_after_the_answer_is_not_reset() {
    for head in [refused(1), frame(1, 0x4, 1, &[fields(), b"\x0f\x0d\x0570000".to_vec()].concat())] {
        let running = started(Bounds::default());
        let mut raw = running.raw();
        raw.send(&[opening(), frame(SETTINGS, 0x1, 0, &[]), head]).await;
        answered(&mut raw, 1).await;
        second_passes().await;
        let parts = vec![frame(0, 0, 1, &[0; 16_000]); 4].concat();
        raw.send(&[parts, frame(0, 0x1, 1, &[0; 6_000]), whole(3)]).await;
        answered(&mut raw, 3).await;
        let came = raw.came().await;
        assert!(came.iter().all(|(kind, ..)| *kind != RESET), "{came:?}");
        assert_eq!(farewell(&came), Some((3, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_does_not_end_its_body_is_reset_after_a_moment() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening(), refused(1)]).await;
    answered(&mut raw, 1).await;
    let answered_at = Instant::now();
    assert_eq!(reset(&mut raw, 1).await, Some(vec![0; 4]));
    assert_eq!(answered_at.elapsed(), LINGER);
}

#[tokio::test(start_paused = true)]
async fn client_that_goes_on_for_long_is_reset_at_once() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening(), refused(1)]).await;
    answered(&mut raw, 1).await;
    let answered_at = Instant::now();
    // By so much that it always fits into the window.
    let part = frame(0, 0, 1, &[0; 16_000]);
    let mut sent = 0;
    while !raw.whole_frames().iter().any(|(kind, ..)| *kind == RESET) {
        raw.send(std::slice::from_ref(&part)).await;
        sent += 16_000;
        let reading = raw.stream.read_buf(&mut raw.read);
        // What is to come comes before the clock goes on.
        let read = tokio::time::timeout(Duration::from_millis(1), reading).await;
        assert!(!matches!(read, Ok(Ok(0) | Err(_))), "closed after {sent}");
    }
    assert!((LINGER_BYTES..LINGER_BYTES + 100_000).contains(&sent), "{sent}");
    assert!(answered_at.elapsed() < LINGER);
    raw.send(&[whole(3)]).await;
    answered(&mut raw, 3).await;
}

#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_longer_for_what_nobody_reads() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening(), refused(1)]).await;
    answered(&mut raw, 1).await;
    let begun = Instant::now();
    running.drain.begin(Duration::from_mins(1));
    running.served.await.unwrap();
    assert!(begun.elapsed() <= 2 * LINGER, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn refused_uploads_leave_the_other_requests_of_their_connection_alone() {
    let running = started(Bounds::default());
    let mut raw = running.raw();
    raw.send(&[opening()]).await;
    for number in 0..40 {
        let stream = 2 * number + 1;
        raw.send(&[refused(stream)]).await;
        answered(&mut raw, stream).await;
        raw.send(&[frame(0, 0, stream, &[0; 100]).repeat(60), frame(0, 0x1, stream, b"")]).await;
    }
    raw.send(&[whole(81)]).await;
    answered(&mut raw, 81).await;
}
