use super::super::BODIES;
use super::super::frames::{Frames, tests::frame};
use super::*;
use crate::holding::Store;

/// Somebody who takes note at a time that stands still unless it is moved.
struct Noting {
    conduct: Conduct,
    now: Instant,
}

const HEADERS: u8 = 1;
const FINAL_HEADERS: (u8, u8) = (HEADERS, 0x5);

impl Noting {
    fn begin() -> Self {
        let now = Instant::now();
        let bodies = Holding::new(Store::new(usize::MAX / 2), 0, BODIES);
        let mut noting = Self { conduct: Conduct::begin(bodies, now), now };
        assert_eq!(noting.waiting(), [Waiting::ForSettings]);
        noting.hear((4, 0), 0, 0).unwrap();
        noting
    }

    fn hear(&mut self, (kind, flags): (u8, u8), stream: u32, length: usize) -> Result<Change, Excess> {
        self.conduct.hear(head(kind, flags, stream, length), self.now)?;
        Ok(self.conduct.hear_end(self.now))
    }

    fn say(&mut self, (kind, flags): (u8, u8), stream: u32) -> Change {
        self.conduct.say(head(kind, flags, stream, 1), self.now)
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.conduct.waiting().map(|(waiting, _)| waiting).collect()
    }

    fn answered(&mut self, stream: u32) {
        self.hear(FINAL_HEADERS, stream, 1).unwrap();
        assert!(self.say((HEADERS, 0x4), stream).is_answered);
        self.say((0, 0x1), stream);
        assert!(!self.conduct.streams.contains_key(&stream));
    }

    /// How many of such frames are borne, up to a bound.
    fn borne(&mut self, kind: (u8, u8), stream: u32) -> usize {
        (0..10_000).take_while(|_| self.hear(kind, stream, 4).is_ok()).count()
    }
}

fn head(kind: u8, flags: u8, stream: u32, length: usize) -> Head {
    Frames::default().pass(&frame(kind, flags, stream, &vec![0; length])).1.unwrap()
}

fn change(is_heard: bool, is_answered: bool) -> Change {
    Change { is_heard, is_answered }
}

#[test]
fn stream_is_over_when_both_sides_have_said_the_last() {
    let mut noting = Noting::begin();
    assert_eq!(noting.waiting(), [Waiting::ForRequests]);
    assert_eq!(noting.hear((HEADERS, 0x4), 1, 10), Ok(change(false, false)));
    assert_eq!(noting.waiting(), []);
    assert_eq!(noting.hear((0, 0x1), 1, 10), Ok(change(true, false)));
    assert_eq!(noting.say((HEADERS, 0x4), 1), change(false, true));
    assert_eq!(noting.waiting(), [Waiting::ForRoom]);
    assert_eq!(noting.say((0, 0x1), 1), change(false, false));
    assert_eq!(noting.waiting(), [Waiting::ForRequests]);
    assert!(noting.conduct.bodies.take(BODIES), "nothing is held any more");
}

#[test]
fn answer_before_the_end_of_its_request_leaves_the_stream_open_until_it_is_reset() {
    let mut noting = Noting::begin();
    noting.hear((HEADERS, 0x4), 1, 10).unwrap();
    assert_eq!(noting.say((HEADERS, 0x5), 1), change(true, true));
    assert_eq!(noting.waiting(), []);
    assert_eq!(noting.say((3, 0), 1), change(false, false));
    assert_eq!(noting.waiting(), [Waiting::ForRequests]);
    noting.hear((HEADERS, 0x4), 3, 10).unwrap();
    noting.say((HEADERS, 0x5), 3);
    assert_eq!(noting.hear((0, 0x1), 3, 10), Ok(change(false, false)));
    assert_eq!(noting.waiting(), [Waiting::ForRequests]);
}

#[test]
fn reset_by_either_side_ends_a_stream() {
    let mut noting = Noting::begin();
    noting.hear((HEADERS, 0x4), 1, 10).unwrap();
    assert_eq!(noting.hear((3, 0), 1, 4), Ok(change(false, false)));
    noting.hear(FINAL_HEADERS, 3, 10).unwrap();
    noting.say((HEADERS, 0x4), 3);
    assert_eq!(noting.waiting(), [Waiting::ForRoom]);
    assert_eq!(noting.say((3, 0), 3), change(false, false));
    assert_eq!(noting.waiting(), [Waiting::ForRequests]);
    noting.hear(FINAL_HEADERS, 5, 10).unwrap();
    assert_eq!(noting.say((3, 0), 5), change(false, true));
    assert_eq!(noting.hear((3, 0), 3, 4), Ok(change(false, false)));
}

#[test]
fn request_is_whole_when_its_last_frame_and_all_its_fields_are() {
    let mut noting = Noting::begin();
    noting.conduct.hear(head(HEADERS, 0x5, 1, 1_000), noting.now).unwrap();
    assert_eq!(noting.waiting(), []);
    assert_eq!(noting.conduct.hear_end(noting.now), change(true, false));
    assert_eq!(noting.hear((HEADERS, 0x1), 3, 10), Ok(change(false, false)));
    assert_eq!(noting.hear((9, 0), 3, 10), Ok(change(false, false)));
    assert_eq!(noting.hear((9, 0x4), 3, 10), Ok(change(true, false)));
    assert_eq!(noting.hear((HEADERS, 0x4), 5, 10), Ok(change(false, false)));
    noting.conduct.hear(head(0, 0x1, 5, 1_000), noting.now).unwrap();
    // What is answered by then was never waited for.
    assert_eq!(noting.say((HEADERS, 0x4), 5), change(true, true));
    assert_eq!(noting.conduct.hear_end(noting.now), change(false, false));
}

#[test]
fn every_answer_has_to_go_on_by_itself() {
    let mut noting = Noting::begin();
    let begun = noting.now;
    for stream in [1, 3] {
        noting.hear(FINAL_HEADERS, stream, 10).unwrap();
        noting.say((HEADERS, 0x4), stream);
    }
    noting.now += Duration::from_secs(5);
    noting.say((0, 0), 3);
    noting.hear(FINAL_HEADERS, 5, 10).unwrap();
    noting.say((HEADERS, 0x4), 5);
    assert_eq!(noting.conduct.waiting().collect::<Vec<_>>(), [(Waiting::ForRoom, begun)]);
    noting.say((0, 0), 1);
    assert_eq!(noting.conduct.waiting().collect::<Vec<_>>(), [(Waiting::ForRoom, noting.now)]);
}

/// Requests that are whole, less those whose answers have begun: what a place is kept for.
#[test]
fn every_way_that_a_stream_goes_leaves_as_many_answers_as_requests() {
    let heard = [(HEADERS, 0x4), (0, 0), (0, 0x1), (3, 0)];
    let said = [(HEADERS, 0x4), (HEADERS, 0x5), (0, 0x1), (3, 0)];
    for order in 0_u32..1 << 16 {
        let mut noting = Noting::begin();
        let (mut requests, mut answers) = (0, 0);
        for step in 0..4 {
            let frame = usize::try_from(order >> (4 * step) & 0x7).unwrap();
            let change = match heard.get(frame) {
                Some(frame) => noting.hear(*frame, 1, 4).unwrap(),
                None => noting.say(said[frame - 4], 1),
            };
            requests += u32::from(change.is_heard);
            answers += u32::from(change.is_answered);
            assert!(answers <= requests && requests <= 1, "{order:#x}");
        }
        assert!(answers == requests || !noting.conduct.streams.is_empty(), "{order:#x}");
    }
}

#[test]
fn fields_are_waited_for_from_their_beginning_to_their_end() {
    let mut noting = Noting::begin();
    noting.hear((HEADERS, 0x1), 1, 10).unwrap();
    let begun = noting.now;
    noting.now += Duration::from_secs(5);
    noting.hear((9, 0), 1, 10).unwrap();
    assert_eq!(noting.conduct.waiting().collect::<Vec<_>>(), [(Waiting::ForFields, begun)]);
    noting.hear((9, 0x4), 1, 10).unwrap();
    assert_eq!(noting.waiting(), []);
}

#[test]
fn whoever_is_told_to_leave_has_that_long_from_then() {
    let mut noting = Noting::begin();
    noting.answered(1);
    noting.now += Duration::from_secs(5);
    noting.say((7, 0), 0);
    assert_eq!(noting.conduct.waiting().collect::<Vec<_>>(), [(Waiting::ToPart, noting.now)]);
    noting.hear(FINAL_HEADERS, 3, 10).unwrap();
    assert_eq!(noting.waiting(), []);
}

#[test]
fn every_frame_beside_requests_is_borne_so_often() {
    for (kind, stream, borne) in [
        ((1, 4), 0, 508),  // HEADERS
        ((6, 0), 0, 508),  // PING
        ((6, 1), 0, 508),  // an answer to one
        ((4, 0), 0, 127),  // SETTINGS
        ((4, 1), 0, 508),  // their acknowledgement
        ((3, 0), 1, 169),  // RST_STREAM
        ((2, 0), 1, 508),  // PRIORITY
        ((8, 0), 0, 508),  // WINDOW_UPDATE
        ((9, 0), 1, 508),  // CONTINUATION
        ((7, 0), 0, 508),  // GOAWAY
        ((5, 0), 0, 508),  // PUSH_PROMISE
        ((99, 0), 0, 508), // unknown
        ((0, 0), 1, 508),  // DATA that nobody waits for
    ] {
        let mut noting = Noting::begin();
        assert_eq!(noting.borne(kind, stream), borne, "{kind:?}");
        assert_eq!(noting.hear(kind, stream, 4), Err(Excess::Frames));
    }
}

#[test]
fn time_and_answers_fill_the_allowance_up_and_not_over() {
    let mut noting = Noting::begin();
    noting.borne((6, 0), 0);
    noting.now += Duration::from_secs(3);
    assert_eq!(noting.borne((6, 0), 0), 30);
    noting.now += Duration::from_millis(100);
    assert_eq!(noting.borne((6, 0), 0), 1);
    for stream in [1, 3, 5] {
        // Its head is paid for by the time that it took.
        noting.now += Duration::from_millis(100);
        noting.answered(stream);
    }
    assert_eq!(noting.borne((6, 0), 0), 24);
    noting.now += Duration::from_hours(1);
    assert_eq!(noting.borne((6, 0), 0), 512);
}

#[test]
fn streams_that_we_have_to_reset_use_the_allowance_up() {
    let mut noting = Noting::begin();
    for number in 0..126 {
        noting.hear(FINAL_HEADERS, 2 * number + 1, 10).unwrap();
        noting.say((3, 0), 2 * number + 1);
    }
    assert_eq!(noting.borne((6, 0), 0), 4);
}

#[test]
fn heads_that_the_library_refuses_by_itself_use_the_allowance_up() {
    for (flags, is_reset, left) in [(0x4, true, 508 - 120 * 4), (0x5, false, 508 - 120)] {
        let mut noting = Noting::begin();
        for number in 0..120 {
            noting.hear((HEADERS, flags), 2 * number + 1, 10).unwrap();
            noting.say((HEADERS, 0x5), 2 * number + 1);
            if is_reset {
                noting.say((3, 0), 2 * number + 1);
            }
        }
        assert_eq!(noting.borne((6, 0), 0), left);
    }
}

#[test]
fn hundred_requests_that_are_given_up_together_are_borne() {
    let mut noting = Noting::begin();
    let given_up = (0..1_000).take_while(|number| {
        let stream = 2 * number + 1;
        noting.hear((HEADERS, 0x4), stream, 10).is_ok() && noting.hear((3, 0), stream, 4).is_ok()
    });
    assert_eq!(given_up.count(), 127);
}

#[test]
fn refusals_before_the_end_of_a_request_are_free() {
    let mut noting = Noting::begin();
    for number in 0..1_000 {
        noting.hear((HEADERS, 0x4), 2 * number + 1, 10).unwrap();
        noting.say((HEADERS, 0x4), 2 * number + 1);
        noting.say((0, 0x1), 2 * number + 1);
        noting.say((3, 0), 2 * number + 1);
        assert!(noting.conduct.streams.is_empty());
    }
    assert_eq!(noting.borne((6, 0), 0), 512);
}

#[test]
fn requests_alone_never_use_the_allowance_up() {
    let mut noting = Noting::begin();
    for number in 0..10_000 {
        noting.answered(2 * number + 1);
    }
    assert_eq!(noting.borne((6, 0), 0), 512);
}

#[test]
fn bodies_under_way_are_so_large_together_and_no_larger() {
    let mut noting = Noting::begin();
    for stream in [1, 3] {
        noting.hear((HEADERS, 0x4), stream, 10).unwrap();
    }
    for at in 0..32 {
        assert!(noting.hear((0, 0), 1 + 2 * (at % 2), 16 * 1024).is_ok(), "{at}");
    }
    assert_eq!(noting.hear((0, 0), 1, 1), Err(Excess::Bodies));
    noting.say((3, 0), 1);
    assert!(noting.hear((0, 0), 3, 1).is_ok());
}

#[test]
fn what_comes_after_the_answer_holds_nothing_and_costs_once_it_is_much() {
    for (length, free) in [(16 * 1024, 16), (1, 1024)] {
        let mut noting = Noting::begin();
        noting.hear((HEADERS, 0x4), 1, 10).unwrap();
        noting.hear((0, 0), 1, 16 * 1024).unwrap();
        noting.say((HEADERS, 0x4), 1);
        noting.say((0, 0x1), 1);
        assert!(noting.conduct.bodies.take(BODIES));
        let borne = (0..10_000).take_while(|_| noting.hear((0, 0), 1, length).is_ok()).count();
        assert_eq!(borne - free, 512, "{length}");
    }
}

#[test]
fn streams_that_are_left_open_are_so_many() {
    let mut noting = Noting::begin();
    let opened = (0..1_000).take_while(|number| {
        noting.now += Duration::from_millis(100);
        noting.hear(FINAL_HEADERS, 2 * number + 1, 1).is_ok()
    });
    assert_eq!(opened.count(), 512);
    assert_eq!(noting.hear(FINAL_HEADERS, 2_001, 1), Err(Excess::Streams));
}
