//! Frames that cost the sender little and the receiver something, by the thousand.
//!
//! None of them is answered for long: the peer is told to calm down, and the program has not grown by it.

use super::Target;
use super::case::Good;
use super::case::{ENHANCE_YOUR_CALM, FORM};
use super::hpack::{kept, literal};
use super::wire::{
    ACK, CONTINUATION, DATA, END_HEADERS, GO_AWAY, HEADERS, PING, PRIORITY, RESET, SETTINGS, WHOLE,
    WINDOW_UPDATE, frame, setting,
};

/// How many frames, or pairs of them, each flood has. Far more than is borne; but what comes long after the farewell would
/// reset the connection before it is read.
const MANY: u32 = 1_000;

/// How much more memory all of them may cost.
const MEBIBYTES: u64 = 48;

fn floods(good: &Good) -> Vec<(&'static str, Vec<u8>)> {
    let head = |stream: u32, flags: u8| frame(HEADERS, flags, stream, good.block());
    let each = |make: &dyn Fn(u32) -> Vec<u8>| (0..MANY).flat_map(|number| make(2 * number + 1)).collect();
    let same = |frame: Vec<u8>| frame.repeat(usize::try_from(MANY).unwrap());
    let first = |first: Vec<u8>, then: Vec<u8>| [first, same(then)].concat();
    vec![
        ("pings", same(frame(PING, 0, 0, [7; 8]))),
        ("answers to no pings", same(frame(PING, ACK, 0, [7; 8]))),
        ("settings", same(frame(SETTINGS, 0, 0, []))),
        ("windows that grow and shrink", each(&|number| frame(SETTINGS, 0, 0, setting(4, number)))),
        ("tables that grow and shrink", each(&|number| frame(SETTINGS, 0, 0, setting(1, number)))),
        ("priorities", each(&|number| frame(PRIORITY, 0, number, [0, 0, 0, 0, 1]))),
        ("windows of the connection", same(frame(WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]))),
        ("windows of a stream", first(head(1, END_HEADERS), frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 1]))),
        (
            "windows of streams that are over",
            first(
                [head(1, END_HEADERS), frame(RESET, 0, 1, [0; 4])].concat(),
                frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 1]),
            ),
        ),
        ("frames of nobody", same(frame(99, 0, 0, [7; 100]))),
        ("farewells", same(frame(GO_AWAY, 0, 0, [0; 8]))),
        (
            "requests that are given up at once",
            each(&|stream| [head(stream, END_HEADERS), frame(RESET, 0, stream, [0, 0, 0, 8])].concat()),
        ),
        (
            "requests that we have to reset",
            each(&|stream| {
                [head(stream, END_HEADERS), frame(WINDOW_UPDATE, 0, stream, [0x7f, 0xff, 0xff, 0xff])]
                    .concat()
            }),
        ),
        (
            "heads that are none",
            each(&|stream| frame(HEADERS, WHOLE, stream, literal("connection", "close"))),
        ),
        ("heads that are too large, with an end", too_large(good, WHOLE)),
        ("heads that are too large, without an end", too_large(good, END_HEADERS)),
        ("streams beyond the cap", each(&|stream| head(stream, END_HEADERS))),
        ("bodies of nothing", first(head(1, END_HEADERS), frame(DATA, 0, 1, []))),
        (
            "bodies that nobody waits for",
            first([head(1, END_HEADERS), frame(RESET, 0, 1, [0; 4])].concat(), frame(DATA, 0, 1, FORM)),
        ),
        (
            "fields that never end",
            first(frame(HEADERS, 0, 1, good.block()), frame(CONTINUATION, 0, 1, literal("a", "b"))),
        ),
        (
            "fields of nothing that never end",
            first(frame(HEADERS, 0, 1, good.block()), frame(CONTINUATION, 0, 1, [])),
        ),
        (
            "large fields that never end",
            [
                frame(HEADERS, 0, 1, good.block()),
                frame(CONTINUATION, 0, 1, literal("a", [b'b'; 4_000])).repeat(60),
            ]
            .concat(),
        ),
    ]
}

/// Heads of which the library answers every one by itself. What makes them large is kept from the first.
fn too_large(good: &Good, flags: u8) -> Vec<u8> {
    let first = [good.open_block(), kept("a", [b'b'; 3_900])].concat();
    (0..MANY)
        .flat_map(|number| {
            let block = if number == 0 { &first } else { &good.open_block() };
            frame(HEADERS, flags, 2 * number + 1, [block.as_slice(), &[0xbe; 7]].concat())
        })
        .collect()
}

#[test]
fn whoever_floods_is_told_to_calm_down_and_costs_nothing() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let before = target.resident();
    for (name, bytes) in floods(&target.good) {
        let mut connection = target.greeted();
        connection.send(&bytes);
        connection.hear(|_| false).unwrap();
        let heard = &connection.heard;
        assert_eq!(heard.farewell, Some(ENHANCE_YOUR_CALM), "{name}: {heard:?}");
        assert!(heard.answers.values().all(|answer| answer.status != 200), "{name}: {heard:?}");
        let mut next = target.greeted();
        next.send(&target.good.on(1));
        next.hear(|heard| heard.is_over(1)).unwrap();
        assert_eq!(next.heard.answers.get(&1).map(|answer| answer.status), Some(200), "after {name}");
        // Requests that broke off within may be counted as well; none of them was granted.
        assert_eq!(target.counted().get(&200), Some(&1), "{name}");
    }
    let grown = target.resident().saturating_sub(before);
    assert!(grown < MEBIBYTES * 1024, "{grown} KiB more");
}

/// A table that was kept cannot be made to hold more than was agreed, and the program's own is no larger.
#[test]
fn answers_by_the_thousand_on_one_connection_cost_nothing() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let mut connection = target.greeted();
    connection.send(&frame(SETTINGS, 0, 0, setting(1, u32::MAX)));
    connection.send(&frame(SETTINGS, 0, 0, setting(1, 0)));
    let before = target.resident();
    for number in 1..2_000 {
        let stream = 2 * number + 1;
        connection.send(&target.good.with(":path", Some(b"/nowhere")).replace_stream(stream));
        connection.hear(|heard| heard.is_over(stream)).unwrap();
        let answer = connection.heard.answers.remove(&stream);
        assert_eq!(answer.map(|answer| answer.status), Some(403), "{number}: {:?}", connection.heard);
    }
    let grown = target.resident().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

/// The same frames on another stream.
trait ReplaceStream {
    fn replace_stream(self, stream: u32) -> Vec<u8>;
}

impl ReplaceStream for Vec<u8> {
    fn replace_stream(mut self, stream: u32) -> Self {
        let mut at = 0;
        while at < self.len() {
            let length =
                usize::try_from(u32::from_be_bytes([0, self[at], self[at + 1], self[at + 2]])).unwrap();
            self[at + 5..at + 9].copy_from_slice(&stream.to_be_bytes());
            at += 9 + length;
        }
        self
    }
}
