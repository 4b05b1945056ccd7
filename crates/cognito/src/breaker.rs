//! A circuit breaker: after enough failures in a row the upstream is left alone for a while, then probed once.
//!
//! A pure state machine: the time is an argument, and what an attempt came to is reported with the [`Pass`] that let it
//! through. It spares an upstream that is down the load of everybody's retries, and spares clients the wait for it.

use std::time::Duration;

use ambient::Timestamp;

use crate::settings::BreakerSettings;

/// The breaker of one upstream.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: State,
    /// Counts the changes of state: what an attempt came to that began before a change no longer matters.
    era: u64,
}

/// What a breaker lets through, as it is shown to others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Circuit {
    /// Everybody.
    #[default]
    Closed,
    /// One, to see whether the upstream works again.
    HalfOpen,
    /// Nobody, until its time is over and somebody asks.
    Open,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Everybody passes.
    Closed { failures: u32 },
    /// Nobody passes.
    Open { since: Timestamp },
    /// One may pass: the probe.
    HalfOpen,
    /// The probe is on its way; nobody else passes.
    Probing,
}

/// Leave to make one attempt.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Pass(u64);

/// What an attempt came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Report {
    /// The upstream gave a proper answer, an OAuth error included.
    Worked,
    /// It did not.
    Failed,
    /// The caller went away before anything was known.
    Abandoned,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed { failures: 0 }, era: 0 }
    }

    /// How it stands.
    pub(crate) const fn circuit(&self) -> Circuit {
        match self.state {
            State::Closed { .. } => Circuit::Closed,
            State::HalfOpen | State::Probing => Circuit::HalfOpen,
            State::Open { .. } => Circuit::Open,
        }
    }

    /// Asks to make an attempt at `now`; an error is how long to wait before asking again.
    pub(crate) fn pass(&mut self, now: Timestamp) -> Result<Pass, Duration> {
        if let State::Open { since } = self.state {
            // A clock that was set back must not keep the upstream shut for the time that it was set back by.
            let since = since.min(now);
            self.state = State::Open { since };
            let wait = self.settings.open_for.saturating_sub(now.since(since));
            if !wait.is_zero() {
                return Err(wait);
            }
            self.enter(State::HalfOpen);
        }
        match self.state {
            State::HalfOpen => self.enter(State::Probing),
            State::Probing => return Err(PROBE_WAIT),
            State::Closed { .. } | State::Open { .. } => {}
        }
        Ok(Pass(self.era))
    }

    /// Reports at `now` what the attempt came to that `pass` let through. Returns whether this opened the breaker.
    pub(crate) fn report(&mut self, pass: &Pass, report: Report, now: Timestamp) -> bool {
        if pass.0 != self.era {
            return false;
        }
        match (self.state, report) {
            (State::Closed { .. }, Report::Worked) => self.state = State::Closed { failures: 0 },
            (State::Closed { failures }, Report::Failed) => {
                let failures = failures.saturating_add(1);
                self.state = State::Closed { failures };
                if failures >= self.settings.failures.get() {
                    self.enter(State::Open { since: now });
                }
            }
            (State::Probing, Report::Worked) => self.enter(State::Closed { failures: 0 }),
            (State::Probing, Report::Failed) => self.enter(State::Open { since: now }),
            (State::Probing, Report::Abandoned) => self.enter(State::HalfOpen),
            (State::Closed { .. }, Report::Abandoned) | (State::Open { .. } | State::HalfOpen, _) => {}
        }
        matches!(self.state, State::Open { .. })
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.era = self.era.wrapping_add(1);
    }
}

/// How long to wait while a probe is on its way. It takes a moment; nobody knows how long.
const PROBE_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
