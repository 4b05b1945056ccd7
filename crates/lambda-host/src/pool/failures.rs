//! How long a function that fails to start is left alone.

use std::time::Duration;

/// Failures to start in a row.
///
/// After the first, the next invocation tries again, as on AWS. After each further one nobody tries for twice as long as
/// before, and then one at a time: a function that cannot start must not keep the machine busy with starting it.
#[derive(Debug, Default)]
pub(super) struct Failures {
    row: u32,
    last: Duration,
}

impl Failures {
    /// A process that was started at `born` did not come to ask for its first invocation.
    ///
    /// Those that were under way when another one failed say nothing new.
    pub(super) fn failed(&mut self, born: Duration, now: Duration) {
        if self.row == 0 || born >= self.last {
            self.row = self.row.saturating_add(1);
            self.last = now;
        }
    }

    /// A process came to ask for its first invocation.
    pub(super) fn succeeded(&mut self) {
        self.row = 0;
    }

    /// Whether one more process may be started while `starting` are.
    pub(super) fn allow(&self, starting: usize, now: Duration) -> bool {
        let Some(doublings) = self.row.checked_sub(2) else { return true };
        let wait = FIRST_WAIT.saturating_mul(1 << doublings.min(16)).min(LONGEST_WAIT);
        starting == 0 && now >= self.last.saturating_add(wait)
    }
}

/// How long nobody tries after the second failure.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The longest time for which nobody tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
