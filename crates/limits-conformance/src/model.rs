//! Random programs against the [reference](crate::reference): every part of every answer has to be the same.
//!
//! Programs are plain data and shrink. Two things about a store cannot be known from outside, and are read from its
//! answers within bounds: how much of a quota a crash lost (at most a batch), and, only where the clock is behind the
//! last tidying, how much later than necessary a spend is counted (not later than that).

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use ambient::Timestamp;
use limits::{Charge, Charges, Day, Decision, Kind, Limit, LimitId, Period, Standing, Subject, Wait};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::program::{BUCKETS, LIMITS, Program, START, SUBJECTS, Step, any_program};
use crate::reference::{DAY, Quota, Reference};
use crate::rig::{Maker, Rig, Stop};
use crate::under_test::{bucket, name, quota, spend};

/// Whatever is spent, changed, dropped, extended and read in whatever order: the answers are the reference's.
pub fn answers_are_those_of_the_reference(make: Maker<'_>) {
    run(make, 48, &any_program(1_500, false));
}

/// The same, with stops, crashes and new starts in between.
pub fn answers_are_those_of_the_reference_across_restarts(make: Maker<'_>) {
    run(make, 48, &any_program(400, true));
}

fn run(make: Maker<'_>, cases: u32, programs: &impl Strategy<Value = Program>) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let outcome = TestRunner::new(config).run(programs, |program| {
        let mut run = Run::new(make, &program);
        program.steps.iter().try_for_each(|step| run.step(step))?;
        run.days_add_up()
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// A store and the reference, on their way through one program.
struct Run {
    rig: Box<dyn Rig>,
    limits: Vec<Limit>,
    ids: Vec<LimitId>,
    references: Vec<Reference>,
    /// Whether the store may need to be told to do what is due.
    settling: bool,
    now: u64,
    /// The wait of the last refusal.
    wait: u64,
    /// The latest moment at which the store may have dropped state.
    tidied: u64,
    /// The latest effective time at which anything was admitted.
    admitted: u128,
    changes: [u8; LIMITS],
    /// Whether any quota was extended.
    extended: bool,
    restarted: bool,
    /// Whose quotas may be unready once: what is at hand was set aside before a restart, a change or an extension.
    patience: BTreeSet<(usize, usize)>,
}

impl Run {
    fn new(make: Maker<'_>, program: &Program) -> Self {
        let rig = make(Timestamp::from_micros(START));
        let limits = program.limits();
        let references = limits.iter().map(|limit| Reference::new(*limit, SUBJECTS, START.into())).collect();
        let mut run = Self {
            rig,
            limits,
            ids: Vec::new(),
            references,
            settling: program.restarts,
            now: START,
            wait: 0,
            tidied: 0,
            admitted: 0,
            changes: [0; LIMITS],
            extended: false,
            restarted: false,
            patience: BTreeSet::new(),
        };
        run.define_all();
        run
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    fn define_all(&mut self) {
        let define =
            |(index, limit): (usize, &Limit)| self.rig.limiter().define(name(index), *limit, self.now());
        self.ids = self.limits.iter().enumerate().map(define).collect::<Result<_, _>>().expect("limits");
    }

    fn settle(&mut self) {
        if self.settling {
            self.rig.settle(self.now());
            self.tidied = self.tidied.max(self.now);
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        // What a spend has made due is done only now, so that a crash can come before it.
        if !matches!(step, Step::Restart { .. }) {
            self.settle();
        }
        match *step {
            Step::Forward { micros } => self.now += micros,
            Step::Back { micros } => self.now -= micros,
            Step::WaitOut { early } => self.now = (self.now + self.wait).saturating_sub(early),
            Step::Tidy => {
                self.rig.tidy(self.now());
                self.tidied = self.tidied.max(self.now);
            }
            Step::Change { limit, rate, burst } => self.change(limit, rate, burst)?,
            Step::Extend { limit, subject, more } => self.extend(limit, subject, more)?,
            Step::Restart { clean, gap } => self.restart(clean, gap)?,
            Step::Spend { limits, subjects } => {
                let chosen: Vec<(usize, usize)> = (0..LIMITS)
                    .filter(|limit| limits & (1 << limit) != 0)
                    .map(|limit| (limit, usize::from(subjects >> (2 * limit)) % SUBJECTS))
                    .collect();
                self.spend(&chosen)?;
            }
        }
        // Not back over a midnight after which state was dropped, if there may be an extension of the day before: it is
        // dropped with it.
        if self.extended {
            self.now = self.now.max(self.tidied - self.tidied % 86_400_000_000);
        }
        if self.restarted && self.now / 86_400_000_000 < self.tidied / 86_400_000_000 {
            self.references.iter_mut().for_each(Reference::misdate);
        }
        // Not past what the reference's calendar knows.
        self.now = self.now.clamp(START - 10 * 86_400_000_000, START + 90 * 86_400_000_000);
        Ok(())
    }

    fn change(&mut self, limit: usize, rate: u32, burst: u32) -> Result<(), TestCaseError> {
        self.changes[limit] += 1;
        // The limiter remembers a bounded number of changes; and numbers that change at a time before the one at which
        // state was dropped find a fresh bucket where there was another.
        if self.changes[limit] > 16 || self.now < self.tidied {
            return Ok(());
        }
        self.limits[limit] = match &self.references[limit] {
            Reference::Bucket(_) => bucket(rate, burst),
            Reference::Quota(spec) => {
                let same = (spec.period, u8::try_from(spec.offset).expect("an offset"));
                let others = [(Period::Day, 0), (Period::Week, 2), (Period::Month, 24)];
                // What a crash left in doubt in one window cannot be told from what it did in another.
                let other = others.get(rate as usize % 8).filter(|_| spec.is_certain());
                let (period, offset) = other.copied().unwrap_or(same);
                quota((burst * 3).into(), period, offset)
            }
        };
        self.patience.extend((0..SUBJECTS).map(|subject| (limit, subject)));
        self.references[limit].change(self.limits[limit], self.now.into());
        let id = self.rig.limiter().define(name(limit), self.limits[limit], self.now());
        prop_assert_eq!(id.ok(), Some(self.ids[limit]));
        Ok(())
    }

    fn extend(&mut self, limit: usize, subject: usize, more: u32) -> Result<(), TestCaseError> {
        let extended = self.rig.meter().extend(&name(limit), key(subject), more.into(), self.now());
        let standing = extended.expect("a quota can be extended");
        let (earliest, latest) = self.times(&[(limit, subject)]);
        let Reference::Quota(quota) = &mut self.references[limit] else {
            unreachable!("a bucket is extended")
        };
        let window = u128::from(standing.window_start.as_micros()) / DAY;
        prop_assert!(quota.window(earliest) <= window && window <= quota.window(latest), "{:?}", standing);
        let before = quota.subjects[subject].windows.get(&window).map_or(0, |window| window.extra);
        let (extra, more) = (u128::from(standing.extra), u128::from(more));
        // So many are there at least, and no more than that if more counted as used than there was.
        prop_assert!(extra >= before + more && u128::from(standing.left) >= more, "{:?}", standing);
        prop_assert!(extra == before + more || u128::from(standing.left) == more, "{:?}", standing);
        quota.extend(subject, window, extra);
        self.patience.insert((limit, subject));
        self.extended = true;
        check_standing(quota, subject, &standing, 0)
    }

    fn restart(&mut self, clean: bool, gap: u64) -> Result<(), TestCaseError> {
        self.now += gap;
        self.restarted = true;
        let stop = if clean { Stop::Clean } else { Stop::Crash };
        let restarted = self.rig.restart(stop, self.now()).expect("a store that keeps something restarts");
        if stop == Stop::Crash {
            let until = u128::from(restarted.alive_until.as_micros());
            prop_assert!(self.admitted <= until, "admitted at {}, alive until {}", self.admitted, until);
            for reference in &mut self.references {
                reference.crash(until, restarted.batch.into());
            }
        }
        self.tidied = self.tidied.max(self.now);
        self.patience
            .extend((BUCKETS..LIMITS).flat_map(|limit| (0..SUBJECTS).map(move |subject| (limit, subject))));
        self.define_all();
        Ok(())
    }

    /// The earliest and the latest effective time that these charges may have now.
    fn times(&self, chosen: &[(usize, usize)]) -> (u128, u128) {
        let now = u128::from(self.now);
        let floors = chosen.iter().map(|(limit, subject)| self.references[*limit].floor(*subject));
        let join = |so_far: (u128, u128), floor: (u128, u128)| (so_far.0.max(floor.0), so_far.1.max(floor.1));
        let (earliest, latest) = floors.fold((now, now), join);
        let latest = if chosen.is_empty() { latest } else { latest.max(self.tidied.into()) };
        (earliest, latest)
    }

    /// Spends in both, and compares every part of the answers.
    fn spend(&mut self, chosen: &[(usize, usize)]) -> Result<(), TestCaseError> {
        let mut charges = Charges::NONE;
        for (limit, subject) in chosen {
            charges
                .push(Charge { limit: self.ids[*limit], subject: key(*subject) })
                .expect("different limits");
        }
        let (earliest, latest) = self.times(chosen);
        let mut decision = spend(self.rig.limiter(), self.now(), &charges);
        while let Decision::Unready { binding, .. } = decision {
            let excused = self.patience.remove(&chosen[binding.index]);
            prop_assert!(excused, "unready though all is settled: {:?}", decision);
            self.settle();
            decision = spend(self.rig.limiter(), self.now(), &charges);
        }
        let at = u128::from(decision.at().as_micros());
        prop_assert!(earliest <= at && at <= latest, "at {}, not from {} to {}", at, earliest, latest);
        self.check_standings(chosen, at, decision.is_admitted())?;
        match decision {
            Decision::Admitted { left, .. } => {
                prop_assert!(!self.left(chosen, at).contains(&0), "admitted, and somebody had nothing left");
                for (limit, subject) in chosen {
                    self.references[*limit].spend(*subject, at);
                }
                prop_assert_eq!(wide(left.as_slice()), self.left(chosen, at));
                self.admitted = self.admitted.max(at);
                self.wait = 0;
                Ok(())
            }
            Decision::Refused { .. } => self.check_refusal(chosen, at, decision),
            Decision::Unready { .. } => unreachable!("waited for"),
        }
    }

    fn check_refusal(
        &mut self,
        chosen: &[(usize, usize)],
        at: u128,
        decision: Decision,
    ) -> Result<(), TestCaseError> {
        let Decision::Refused { binding, wait, wait_for_all, left, .. } = decision else { unreachable!() };
        let found = self.left(chosen, at);
        prop_assert_eq!(wide(left.as_slice()), found.clone());
        let mut refusing = Vec::new();
        for (index, (limit, subject)) in chosen.iter().enumerate().filter(|(index, _)| found[*index] == 0) {
            let reference = &self.references[*limit];
            let micros =
                reference.wait(*subject, self.now.into(), at).map(|wait| u64::try_from(wait).expect("days"));
            let wait = micros.map_or(Wait::Never, |micros| Wait::After(Duration::from_micros(micros)));
            refusing.push((reference.kind() == Kind::Bucket, wait, Reverse(index)));
        }
        let Some((_, longest, Reverse(index))) = refusing.iter().copied().max() else {
            return Err(TestCaseError::fail(format!("everybody would pay: {decision:?}")));
        };
        prop_assert_eq!((binding.index, wait), (index, longest));
        let (limit, _) = chosen[index];
        prop_assert_eq!((binding.limit, binding.kind), (self.ids[limit], self.references[limit].kind()));
        prop_assert_eq!(Some(wait_for_all), refusing.iter().map(|(_, wait, _)| *wait).max());
        self.wait = match wait {
            Wait::After(wait) => u64::try_from(wait.as_micros()).expect("days"),
            Wait::Never => 0,
        };
        Ok(())
    }

    fn left(&self, chosen: &[(usize, usize)], at: u128) -> Vec<u128> {
        chosen.iter().map(|(limit, subject)| self.references[*limit].left(*subject, at)).collect()
    }

    /// Compares where the charged quotas stand, after a spend that the reference has not seen yet.
    fn check_standings(
        &mut self,
        chosen: &[(usize, usize)],
        at: u128,
        admitted: bool,
    ) -> Result<(), TestCaseError> {
        for (limit, subject) in chosen {
            let Reference::Quota(quota) = &mut self.references[*limit] else { continue };
            let moment = Timestamp::from_micros(u64::try_from(at).expect("a moment"));
            let standing = self.rig.meter().standing(&name(*limit), key(*subject), moment).expect("a quota");
            prop_assert_eq!(u128::from(standing.window_start.as_micros()), quota.window(at) * DAY);
            check_standing(quota, *subject, &standing, admitted.into())?;
        }
        Ok(())
    }

    /// What each subject used by day, which is all that was admitted unless a crash came before it was written.
    fn days_add_up(&mut self) -> Result<(), TestCaseError> {
        if !self.settling {
            return Ok(());
        }
        self.settle();
        let far = Timestamp::from_micros(self.now.max(self.tidied));
        let (first, last) = (Day::of(Timestamp::from_micros(START)).minus(11), Day::of(far).plus(5));
        for (limit, reference) in self.references.iter().enumerate().skip(BUCKETS) {
            let Reference::Quota(quota) = reference else { continue };
            for (subject, account) in quota.subjects.iter().enumerate() {
                let days =
                    self.rig.meter().days(&name(limit), key(subject), first..=last, far).expect("usage");
                prop_assert_eq!(days.len(), (last.number() - first.number()) as usize + 1);
                for usage in days {
                    let used = account.days.get(&usage.day.number().into()).copied().unwrap_or_default();
                    prop_assert!(quota.is_used(usage.used, used), "{}, {}: {:?}", limit, subject, usage);
                }
            }
        }
        Ok(())
    }
}

/// Compares a standing with the reference, which has not counted `ahead` requests of it yet, and takes over what is lost.
fn check_standing(
    quota: &mut Quota,
    subject: usize,
    standing: &Standing,
    ahead: u128,
) -> Result<(), TestCaseError> {
    let first_day = u128::from(standing.window_start.as_micros()) / DAY;
    let window = quota.subjects[subject].windows.get(&first_day).cloned().unwrap_or_default();
    let used = window.used + ahead;
    let counted = quota.counted(standing, window.extra);
    let (least, doubt) = (used + window.lost, quota.doubt(subject, first_day));
    prop_assert!(
        least <= counted && counted <= least + doubt,
        "{:?}, not {} and up to {}",
        standing,
        least,
        doubt
    );
    let is_used = quota.is_used_since(first_day, standing.used, subject, used);
    prop_assert!(is_used, "{:?}, though {} were admitted", standing, used);
    prop_assert_eq!(
        (u128::from(standing.spec.limit()), u128::from(standing.extra)),
        (quota.limit, window.extra)
    );
    prop_assert_eq!(u128::from(standing.left), (quota.limit + window.extra).saturating_sub(counted));
    quota.lose(subject, first_day, counted - used);
    Ok(())
}

/// One of the subjects is everybody.
fn key(subject: usize) -> Subject {
    if subject == 0 { Subject::SHARED } else { Subject::new(subject as u64) }
}

fn wide(numbers: &[u64]) -> Vec<u128> {
    numbers.iter().map(|number| u128::from(*number)).collect()
}
