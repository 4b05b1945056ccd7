//! Requests that are under way together on one connection: each has its own answer, whatever becomes of the others.

use super::Target;
use super::case::{FORM, REFUSED_STREAM};
use super::wire::{DATA, END_HEADERS, END_STREAM, HEADERS, RESET, frame};
use crate::attack::Tally;

#[test]
fn hundred_requests_of_one_connection_are_all_granted() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let mut connection = target.greeted();
    let streams: Vec<u32> = (0..100).map(|number| 2 * number + 1).collect();
    for stream in &streams {
        connection.send(&frame(HEADERS, END_HEADERS, *stream, target.good.block()));
    }
    // A hundred are open. One more is refused, and nothing is lost by it.
    connection.send(&target.good.on(201));
    connection.hear(|heard| heard.is_over(201)).unwrap();
    assert_eq!(connection.heard.resets.get(&201), Some(&REFUSED_STREAM));
    for stream in streams.iter().rev() {
        connection.send(&frame(DATA, END_STREAM, *stream, FORM));
    }
    connection.hear(|heard| streams.iter().all(|stream| heard.is_over(*stream))).unwrap();
    let is_granted = |stream| connection.heard.answers.get(stream).is_some_and(|answer| answer.status == 200);
    assert!(streams.iter().all(is_granted), "{:?}", connection.heard);
    connection.send(&target.good.on(203));
    connection.hear(|heard| heard.is_over(203)).unwrap();
    assert_eq!(connection.heard.answers[&203].status, 200);
    assert_eq!(target.counted(), Tally::from([(200, 101)]));
}

#[test]
fn wrong_requests_spoil_nothing_for_those_beside_them() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let mut connection = target.greeted();
    let open = |stream| frame(HEADERS, END_HEADERS, stream, target.good.block());
    let refused = [open(3)[9..].to_vec(), super::hpack::literal("host", "other")].concat();
    let malformed = [target.good.block(), super::hpack::literal("connection", "close")].concat();
    connection.send(
        &[
            open(1),
            frame(HEADERS, END_HEADERS, 3, refused),
            frame(HEADERS, END_HEADERS, 5, malformed),
            open(7),
            frame(RESET, 0, 7, [0, 0, 0, 8]),
            open(9),
            frame(DATA, END_STREAM, 9, "too short"),
            frame(DATA, END_STREAM, 3, FORM),
            frame(DATA, END_STREAM, 1, FORM),
        ]
        .concat(),
    );
    connection.hear(|heard| [1, 3, 5, 9].iter().all(|stream| heard.is_over(*stream))).unwrap();
    let heard = &connection.heard;
    assert_eq!((heard.answers[&1].status, heard.answers[&3].status), (200, 400));
    assert!(heard.resets.contains_key(&5) && heard.resets.contains_key(&9), "{heard:?}");
    assert!(!heard.is_closed);
}
