//! What the three who share a connection tell each other: who reads its bytes, who answers its requests, and who gives
//! places to connections and may have to take one back.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::follow::Stop;

/// A connection's place.
///
/// It waits for its peer while every request that was read whole has been answered. Only then may it be displaced, so that
/// no request is lost that was on its way to an answer.
#[derive(Debug)]
pub(crate) struct Seat {
    /// `DISPLACED`, and a count of requests read whole in the upper half; a count of answers that went in the lower. One word, so
    /// that both are seen at one moment.
    word: AtomicU64,
    /// When it began to wait, in milliseconds of the listener's life.
    since: AtomicU64,
    /// With which request the connection ends, counted from one, and why.
    end: OnceLock<(u32, Stop)>,
    /// Requests that were begun.
    asked: AtomicU32,
    /// Answers that are on their way, and those that went.
    answered: AtomicU32,
}

const ONE_READ: u64 = 1 << 32;
const DISPLACED: u64 = 1 << 63;

impl Seat {
    /// The place of a connection that begins now.
    pub(crate) fn new(now: u64) -> Self {
        Self {
            word: AtomicU64::new(0),
            since: AtomicU64::new(now),
            end: OnceLock::new(),
            asked: AtomicU32::new(0),
            answered: AtomicU32::new(0),
        }
    }

    /// Notes that so many more requests were read whole. Returns whether the place is still its own; if not, the requests
    /// must not be passed on.
    pub(crate) fn read(&self, requests: u32) -> bool {
        requests == 0 || self.word.fetch_add(ONE_READ * u64::from(requests), AcqRel) & DISPLACED == 0
    }

    /// Notes with which request the connection ends.
    pub(crate) fn ends_with(&self, request: u32, stop: Stop) {
        let _first = self.end.set((request, stop));
    }

    /// Begins the next request, and says which it is.
    pub(crate) fn ask(&self) -> u32 {
        self.asked.fetch_add(1, Relaxed) + 1
    }

    /// Why the connection ends with this request, as far as is known.
    pub(crate) fn end_at(&self, request: u32) -> Option<&Stop> {
        self.end.get().filter(|(last, _)| *last == request).map(|(_, stop)| stop)
    }

    /// Notes that there is an answer.
    pub(crate) fn answer(&self, now: u64) {
        self.since.store(now, Relaxed);
        self.answered.fetch_add(1, Relaxed);
    }

    /// Notes that the answers so far are with the kernel.
    pub(crate) fn flush(&self) {
        let sent = answered(self.word.load(Relaxed));
        let further = u64::from(self.answered.load(Relaxed)).saturating_sub(sent);
        if further > 0 {
            self.word.fetch_add(further, AcqRel);
        }
    }

    /// If it waits: whether it was ever answered, and since when it waits. What sorts first is to be displaced first.
    pub(crate) fn waiting(&self) -> Option<(bool, u64)> {
        let word = self.word.load(Acquire);
        is_waiting(word).then(|| (answered(word) > 0, self.since.load(Relaxed)))
    }

    /// Takes the place back, if the connection still waits.
    pub(crate) fn displace(&self) -> bool {
        let word = self.word.load(Acquire);
        is_waiting(word) && self.word.compare_exchange(word, word | DISPLACED, AcqRel, Relaxed).is_ok()
    }
}

/// An answer may come before the request was read whole: then the connection is on its way out, and waits as well.
const fn is_waiting(word: u64) -> bool {
    word & DISPLACED == 0 && answered(word) >= word >> 32
}

const fn answered(word: u64) -> u64 {
    word & (ONE_READ - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::Violation;

    #[test]
    fn seat_waits_while_everything_that_was_read_is_answered() {
        let seat = Seat::new(7);
        assert_eq!(seat.waiting(), Some((false, 7)));
        assert!(seat.read(2));
        assert_eq!(seat.waiting(), None);
        seat.answer(8);
        seat.flush();
        assert_eq!(seat.waiting(), None);
        seat.answer(9);
        assert_eq!(seat.waiting(), None);
        seat.flush();
        assert_eq!(seat.waiting(), Some((true, 9)));
    }

    #[test]
    fn answer_before_the_end_of_its_request_leaves_the_seat_waiting() {
        let seat = Seat::new(0);
        seat.answer(5);
        seat.flush();
        assert_eq!(seat.waiting(), Some((true, 5)));
    }

    #[test]
    fn seat_is_taken_back_only_while_it_waits_and_then_reads_no_more() {
        let seat = Seat::new(0);
        assert!(seat.read(1) && !seat.displace());
        seat.answer(1);
        seat.flush();
        assert!(seat.displace() && !seat.displace());
        assert!(!seat.read(1));
    }

    #[test]
    fn end_is_told_to_its_own_request_alone() {
        let seat = Seat::new(0);
        seat.ends_with(2, Stop::Break(Violation::Trailer));
        for end in [None, Some(&Stop::Break(Violation::Trailer)), None] {
            assert_eq!(seat.end_at(seat.ask()), end);
        }
    }
}
