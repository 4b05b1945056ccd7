//! A store under test together with the limits that were defined in it, for checks that read like a story.
//!
//! Limits are named by their place, subjects by a number. Before a spend the store may do what is due, so that it is
//! never unready; checks about that use [`UnderTest::spend_unsettled`].

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use ambient::Timestamp;
use limits::{
    Binding, BucketSpec, Burst, Charge, Charges, Day, DayUsage, Decision, Limit, LimitId, LimitName, Limiter,
    MilliRate, Period, QuotaSpec, Standing, Subject, Wait,
};

use crate::rig::{Maker, Restarted, Rig, Stop};

/// A store, and its limits in the order in which they were defined.
#[derive(Debug)]
pub(crate) struct UnderTest {
    rig: Box<dyn Rig>,
    limits: Vec<(LimitName, Limit, LimitId)>,
}

impl UnderTest {
    pub(crate) fn new(make: Maker<'_>, limits: &[Limit], now: Timestamp) -> Self {
        let mut store = Self { rig: make(now), limits: Vec::new() };
        for (index, limit) in limits.iter().enumerate() {
            let id = store.rig.limiter().define(name(index), *limit, now).expect("a limit can be defined");
            store.limits.push((name(index), *limit, id));
        }
        store
    }

    pub(crate) fn rig(&self) -> &dyn Rig {
        &*self.rig
    }

    pub(crate) fn ids(&self) -> Vec<LimitId> {
        self.limits.iter().map(|(_, _, id)| *id).collect()
    }

    /// Gives a limit other numbers.
    pub(crate) fn change(&mut self, limit: usize, new: Limit, now: Timestamp) {
        self.rig.settle(now);
        let (name, numbers, id) = &mut self.limits[limit];
        let changed = self.rig.limiter().define(name.clone(), new, now).expect("a limit can be changed");
        assert_eq!(changed, *id, "`{name}` has another id after a change");
        *numbers = new;
    }

    /// Restarts the store and defines its limits as they were. `None` if the store keeps nothing.
    pub(crate) fn restart(&mut self, stop: Stop, now: Timestamp) -> Option<Restarted> {
        let restarted = self.rig.restart(stop, now)?;
        for (name, limit, id) in &mut self.limits {
            *id = self.rig.limiter().define(name.clone(), *limit, now).expect("a limit can be defined again");
        }
        Some(restarted)
    }

    pub(crate) fn charges(&self, charged: &[(usize, u64)]) -> Charges {
        let charge = |(limit, subject): &(usize, u64)| Charge {
            limit: self.limits[*limit].2,
            subject: Subject::new(*subject),
        };
        let all: Vec<_> = charged.iter().map(charge).collect();
        Charges::try_from(all.as_slice()).expect("no check charges the same allowance twice")
    }

    /// Spends once the store has done what is due. It may ask for patience once, and then knows what is wanted.
    pub(crate) fn spend(&self, now: Timestamp, charged: &[(usize, u64)]) -> Decision {
        self.rig.settle(now);
        let mut decision = self.spend_unsettled(now, charged);
        if matches!(decision, Decision::Unready { .. }) {
            self.rig.settle(now);
            decision = self.spend_unsettled(now, charged);
        }
        assert!(!matches!(decision, Decision::Unready { .. }), "unready though all is settled: {decision:?}");
        decision
    }

    pub(crate) fn spend_unsettled(&self, now: Timestamp, charged: &[(usize, u64)]) -> Decision {
        spend(self.rig.limiter(), now, &self.charges(charged))
    }

    pub(crate) fn admits(&self, now: Timestamp, charged: &[(usize, u64)]) -> bool {
        self.spend(now, charged).is_admitted()
    }

    /// How many of `times` spends are admitted.
    pub(crate) fn admitted(&self, times: u64, now: Timestamp, charged: &[(usize, u64)]) -> u64 {
        (0..times).map(|_| u64::from(self.admits(now, charged))).sum()
    }

    /// Spends, and says how long the refusal says to wait.
    pub(crate) fn wait(&self, now: Timestamp, charged: &[(usize, u64)]) -> Wait {
        refused(self.spend(now, charged)).wait
    }

    pub(crate) fn standing(&self, limit: usize, subject: u64, now: Timestamp) -> Standing {
        self.rig
            .meter()
            .standing(&self.limits[limit].0, Subject::new(subject), now)
            .expect("a quota can be read")
    }

    pub(crate) fn extend(&self, limit: usize, subject: u64, more: u64, now: Timestamp) -> Standing {
        let meter = self.rig.meter();
        meter
            .extend(&self.limits[limit].0, Subject::new(subject), more, now)
            .expect("a quota can be extended")
    }

    pub(crate) fn days(&self, limit: usize, subject: u64, days: (Day, Day), now: Timestamp) -> Vec<DayUsage> {
        let meter = self.rig.meter();
        let (first, last) = days;
        meter
            .days(&self.limits[limit].0, Subject::new(subject), first..=last, now)
            .expect("usage can be read")
    }
}

/// What a refusal says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) binding: Binding,
    pub(crate) wait: Wait,
    pub(crate) wait_for_all: Wait,
}

pub(crate) fn refused(decision: Decision) -> Refusal {
    let Decision::Refused { binding, wait, wait_for_all, .. } = decision else {
        panic!("not refused: {decision:?}")
    };
    Refusal { binding, wait, wait_for_all }
}

/// Spends, waiting for the answer on this thread.
pub(crate) fn spend(limiter: &dyn Limiter, now: Timestamp, charges: &Charges) -> Decision {
    block_on(limiter.spend(now, charges)).expect("the store answers")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The name of the limit at this place.
pub(crate) fn name(index: usize) -> LimitName {
    format!("limit/{index}").parse().expect("a limit's name")
}

pub(crate) fn bucket(millis: u32, burst: u32) -> Limit {
    let burst = Burst::new(burst).expect("a burst that can be counted");
    BucketSpec { rate: MilliRate::new(millis), burst }.into()
}

pub(crate) fn quota(limit: u64, period: Period, offset: u8) -> Limit {
    QuotaSpec::new(limit, period, offset).expect("an offset within the period").into()
}

/// The day written as `2026-11-23`.
pub(crate) fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// The moment at which that day begins.
pub(crate) fn midnight(text: &str) -> Timestamp {
    day(text).start()
}

pub(crate) fn before(now: Timestamp, earlier: Duration) -> Timestamp {
    let earlier = u64::try_from(earlier.as_micros()).expect("a short time");
    Timestamp::from_micros(now.as_micros() - earlier)
}

/// The last moment before `now`.
pub(crate) fn just_before(now: Timestamp) -> Timestamp {
    before(now, Duration::from_micros(1))
}

/// 2026-11-23T12:00:00Z, a Monday.
pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);
/// A subject.
pub(crate) const KEY: u64 = 7;
