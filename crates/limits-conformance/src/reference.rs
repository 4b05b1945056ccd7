//! A second limiter, as simple as one can be, to compare answers with.
//!
//! It keeps every subject's state from the start, settles all of it whenever numbers change, keeps each window of a quota
//! and finds waits by trying. It shares no code with the limiter, and computes in `u128`.

use std::collections::BTreeMap;

use limits::{Kind, Limit, Period, Standing};

/// One limit, for all subjects.
#[derive(Debug)]
pub(crate) enum Reference {
    Bucket(Bucket),
    Quota(Quota),
}

#[derive(Debug)]
pub(crate) struct Bucket {
    rate: u128,
    burst: u128,
    /// What a subject that never spent had when the numbers last changed, and when that was.
    fresh: (u128, u128),
    /// Every subject's level, and when it was that.
    subjects: Vec<(u128, u128)>,
}

#[derive(Debug)]
pub(crate) struct Quota {
    pub(crate) limit: u128,
    pub(crate) period: Period,
    pub(crate) offset: u64,
    pub(crate) subjects: Vec<Account>,
    /// Until when the process may have lived, and the most that each subject lost.
    crashes: Vec<(u128, u128)>,
    /// Whether the clock has been behind midnight since a restart: usage may be shown on a later day then, though what
    /// is left is right.
    misdated: bool,
    /// Whether the period has changed.
    turned: bool,
}

/// One subject's quota.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// The beginning of the last window that was counted in. A crash makes it unknown, but not later.
    floor: (u128, u128),
    pub(crate) windows: BTreeMap<u128, Window>,
    /// Requests by day, a day that is earlier than the last one counting as that.
    pub(crate) days: BTreeMap<u128, u128>,
}

/// One subject's quota in the window that begins on some day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    pub(crate) used: u128,
    pub(crate) lost: u128,
    pub(crate) extra: u128,
    /// How many of the used ones were so before the period changed: a store need not know them for this window's.
    pub(crate) carried: u128,
    /// How many of the crashes `lost` tells of.
    crashes: usize,
}

impl Bucket {
    fn refill(&self, (level, last): (u128, u128), at: u128) -> u128 {
        self.burst.min(level.min(self.burst) + self.rate * (at - last))
    }

    fn level(&self, subject: usize, at: u128) -> u128 {
        let (level, last) = self.subjects[subject];
        self.refill((level.min(self.refill(self.fresh, last)), last), at)
    }

    fn change(&mut self, rate: u128, burst: u128, now: u128) {
        if (rate, burst) == (self.rate, self.burst) {
            return;
        }
        let now = now.max(self.fresh.1);
        for subject in 0..self.subjects.len() {
            if self.subjects[subject].1 <= now {
                self.subjects[subject] = (self.level(subject, now), now);
            }
        }
        self.fresh = (self.refill(self.fresh, now).min(burst), now);
        (self.rate, self.burst) = (rate, burst);
    }
}

impl Quota {
    /// The day on which the window of `at` begins.
    pub(crate) fn window(&self, at: u128) -> u128 {
        first_day(self.period, self.offset, at / DAY)
    }

    /// How many more than are known may count as used in a window, for crashes that nobody has looked at since.
    pub(crate) fn doubt(&self, subject: usize, window: u128) -> u128 {
        let known = self.subjects[subject].windows.get(&window).map_or(0, |window| window.crashes);
        let concerned = self.crashes.iter().skip(known).filter(|(until, _)| *until >= window * DAY);
        concerned.map(|(_, batch)| batch).sum()
    }

    /// Takes over how much a store counts as lost in a window.
    pub(crate) fn lose(&mut self, subject: usize, window: u128, lost: u128) {
        let crashes = self.crashes.len();
        let window = self.subjects[subject].windows.entry(window).or_default();
        (window.lost, window.crashes) = (lost, crashes);
    }

    /// Whether nothing is in doubt.
    pub(crate) fn is_certain(&self) -> bool {
        self.crashes.is_empty()
    }

    /// What was used in the window that is open goes over into the one that takes its place.
    fn turn(&mut self, period: Period, offset: u64, now: u128) {
        for account in &mut self.subjects {
            let now = now.max(account.floor.1);
            let last_day = account.days.keys().next_back().copied().unwrap_or(0);
            let open = first_day(self.period, self.offset, now / DAY);
            let next = first_day(period, offset, last_day.max(now / DAY));
            let counted = account.windows.remove(&open).filter(|window| window.used > 0);
            account.windows.clear();
            account.floor = (0, 0);
            if let Some(counted) = counted {
                account.windows.insert(next, Window { extra: 0, carried: counted.used, ..counted });
                account.floor = (next * DAY, next * DAY);
            }
        }
        (self.period, self.offset, self.turned) = (period, offset, true);
    }

    /// Puts what was given on top in a window at `extra`.
    pub(crate) fn extend(&mut self, subject: usize, window: u128, extra: u128) {
        let account = &mut self.subjects[subject];
        // The last one counts: one for another window goes, which takes a clock that is set back over its edge.
        account
            .windows
            .iter_mut()
            .filter(|(known, _)| **known != window)
            .for_each(|(_, other)| other.extra = 0);
        account.windows.entry(window).or_default().extra = extra;
        // A store may take this for a visit to the window.
        account.floor.1 = account.floor.1.max(window * DAY);
    }

    /// Whether a store may show `shown` requests as used, of `admitted` ones. A crash may come before they are written.
    pub(crate) fn is_used(&self, shown: u64, admitted: u128) -> bool {
        let shown = u128::from(shown);
        shown == admitted || shown < admitted && !self.crashes.is_empty() || self.misdated
    }

    /// The same of the window that begins on `first`. Where the period has changed a store may count by what it knows of
    /// the days in it.
    pub(crate) fn is_used_since(&self, first: u128, shown: u64, subject: usize, admitted: u128) -> bool {
        let account = &self.subjects[subject];
        let carried = account.windows.get(&first).map_or(0, |window| window.carried);
        let by_day: u128 = account.days.range(first..).map(|(_, used)| used).sum();
        let turned = admitted.saturating_sub(carried)..=by_day.max(admitted);
        self.is_used(shown, admitted) || self.turned && turned.contains(&shown.into())
    }

    /// How much counts as used in a window, by what a store says of it.
    pub(crate) fn counted(&self, standing: &Standing, extra: u128) -> u128 {
        if self.misdated && standing.left > 0 {
            return self.limit + extra - u128::from(standing.left);
        }
        u128::from(standing.used) + u128::from(standing.lost)
    }
}

impl Reference {
    pub(crate) fn new(limit: Limit, subjects: usize, now: u128) -> Self {
        match limit {
            Limit::Bucket(spec) => {
                let full = (u128::from(spec.burst.requests()) * TOKEN, now);
                let rate = spec.rate.as_millis().into();
                Self::Bucket(Bucket { rate, burst: full.0, fresh: full, subjects: vec![full; subjects] })
            }
            Limit::Quota(spec) => Self::Quota(Quota {
                limit: spec.limit().into(),
                period: spec.period(),
                offset: spec.offset().into(),
                subjects: vec![Account::default(); subjects],
                crashes: Vec::new(),
                misdated: false,
                turned: false,
            }),
        }
    }

    pub(crate) fn change(&mut self, new: Limit, now: u128) {
        match (self, new) {
            (Self::Bucket(bucket), Limit::Bucket(spec)) => {
                bucket.change(spec.rate.as_millis().into(), u128::from(spec.burst.requests()) * TOKEN, now);
            }
            (Self::Quota(quota), Limit::Quota(spec)) => {
                quota.limit = spec.limit().into();
                if (quota.period, quota.offset) != (spec.period(), spec.offset().into()) {
                    quota.turn(spec.period(), spec.offset().into(), now);
                }
            }
            _ => unreachable!("kinds stay"),
        }
    }

    /// Nobody knows what was spent until `until`: buckets are empty then, and each quota has lost up to `batch`.
    pub(crate) fn crash(&mut self, until: u128, batch: u128) {
        match self {
            Self::Bucket(bucket) => {
                bucket.subjects.fill((0, until));
                bucket.fresh = (0, until);
            }
            Self::Quota(quota) => {
                quota.crashes.push((until, batch));
                quota.subjects.iter_mut().for_each(|account| account.floor.0 = 0);
            }
        }
    }

    pub(crate) fn misdate(&mut self) {
        if let Self::Quota(quota) = self {
            quota.misdated = true;
        }
    }

    /// The earliest effective time of a spend; the earliest and the latest that it can be, where it is not known.
    pub(crate) fn floor(&self, subject: usize) -> (u128, u128) {
        match self {
            Self::Bucket(bucket) => {
                let floor = bucket.subjects[subject].1.max(bucket.fresh.1);
                (floor, floor)
            }
            Self::Quota(quota) => quota.subjects[subject].floor,
        }
    }

    /// Whole requests left at `at`.
    pub(crate) fn left(&self, subject: usize, at: u128) -> u128 {
        match self {
            Self::Bucket(bucket) => bucket.level(subject, at) / TOKEN,
            Self::Quota(quota) => {
                let window = quota.subjects[subject].windows.get(&quota.window(at));
                let (counted, extra) =
                    window.map_or((0, 0), |window| (window.used + window.lost, window.extra));
                (quota.limit + extra).saturating_sub(counted)
            }
        }
    }

    pub(crate) fn spend(&mut self, subject: usize, at: u128) {
        match self {
            Self::Bucket(bucket) => bucket.subjects[subject] = (bucket.level(subject, at) - TOKEN, at),
            Self::Quota(quota) => {
                let window = quota.window(at);
                let account = &mut quota.subjects[subject];
                account.windows.entry(window).or_default().used += 1;
                let (earliest, latest) = &mut account.floor;
                (*earliest, *latest) = (window * DAY, window.max(*latest / DAY) * DAY);
                let last_day = account.days.keys().next_back().copied();
                *account.days.entry(last_day.map_or(at / DAY, |last| last.max(at / DAY))).or_default() += 1;
            }
        }
    }

    /// How long after `now` this limit, which refuses at `floor`, first pays; of a bucket found by halving.
    pub(crate) fn wait(&self, subject: usize, now: u128, floor: u128) -> Option<u128> {
        if let Self::Quota(quota) = self {
            // What a crash may have cost the next window is nothing that this one could tell.
            let tomorrow = floor / DAY + 1;
            let next = (tomorrow..=tomorrow + 31).find(|day| begins(quota.period, quota.offset, *day));
            return next.filter(|_| quota.limit > 0).map(|day| day * DAY - now);
        }
        let pays = |wait: u128| self.left(subject, floor.max(now + wait)) > 0;
        let (mut refused, mut paid) = (0, 100 * DAY);
        if !pays(paid) {
            return None;
        }
        while paid - refused > 1 {
            let middle = u128::midpoint(refused, paid);
            if pays(middle) { paid = middle } else { refused = middle }
        }
        Some(paid)
    }

    pub(crate) fn kind(&self) -> Kind {
        if matches!(self, Self::Bucket(_)) { Kind::Bucket } else { Kind::Quota }
    }
}

/// The first day of the window that `day` is in, by walking back to it.
fn first_day(period: Period, offset: u64, day: u128) -> u128 {
    (0..=day).rev().find(|day| begins(period, offset, *day)).expect("a window begins somewhere")
}

fn begins(period: Period, offset: u64, day: u128) -> bool {
    match period {
        Period::Day => true,
        Period::Week => (day + 4) % 7 == u128::from(offset),
        Period::Month => day_of_month(day) == offset + 1,
    }
}

/// The day of the month of a day from October 2026 to August 2027, which programs stay within.
fn day_of_month(day: u128) -> u64 {
    let mut rest = u64::try_from(day - OCTOBER_1).expect("a day of these months");
    for length in [31, 30, 31, 31, 28, 31, 30, 31, 30, 31, 31] {
        if rest < length {
            return rest + 1;
        }
        rest -= length;
    }
    panic!("day {day} is too late")
}

/// What one request costs, in nano-tokens.
const TOKEN: u128 = 1_000_000_000;
/// In microseconds.
pub(crate) const DAY: u128 = 86_400_000_000;
/// 2026-10-01 as a day since the epoch.
const OCTOBER_1: u128 = 20_727;
