//! A line of the log for something that may happen to every request: the first time at once, then now and again with a
//! count, so that whoever sends many requests cannot make the log long.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ambient::Timestamp;

/// How often something happened, and when that was last said.
#[derive(Debug, Default)]
pub struct Sparing {
    /// In microseconds; zero if it was never said.
    said: AtomicU64,
    unsaid: AtomicU64,
}

impl Sparing {
    /// Notes that it happened at `now`. If it is time for a line, says how often it happened since the last one.
    pub fn note(&self, now: Timestamp) -> Option<u64> {
        self.unsaid.fetch_add(1, Relaxed);
        let said = self.said.load(Relaxed);
        // Either way: a clock that was set back must not keep the log silent until it has caught up.
        let is_time = said == 0 || now.as_micros().abs_diff(said) >= PAUSE_MICROS;
        // Of several at once, one says it for all.
        let is_mine = is_time && self.said.compare_exchange(said, now.as_micros(), Relaxed, Relaxed).is_ok();
        is_mine.then(|| self.unsaid.swap(0, Relaxed))
    }
}

const PAUSE_MICROS: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_time_is_said_at_once_and_then_ten_seconds_count_together() {
        let sparing = Sparing::default();
        let note = |seconds| sparing.note(Timestamp::from_secs(seconds));
        let said = [note(100), note(100), note(109), note(110), note(119), note(125)];
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }

    #[test]
    fn clock_that_is_set_back_does_not_silence_it() {
        let sparing = Sparing::default();
        assert_eq!(sparing.note(Timestamp::from_secs(1_000_000)), Some(1));
        assert_eq!(sparing.note(Timestamp::from_secs(500)), Some(1));
        assert_eq!(sparing.note(Timestamp::from_secs(501)), None);
    }
}
