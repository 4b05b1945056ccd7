//! One turn of load: threads that ask as fast as they can, each on a core of its own.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use ambient::{Clock as _, SystemClock, Timestamp};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use crate::contender::Contender;
use crate::statistics::Quantiles;

/// What a turn is.
pub struct Pass {
    pub threads: usize,
    /// Of each thread.
    pub spends: usize,
    /// Requests are of keys below this, at random.
    pub keys: u64,
    /// A number that no other turn has, so that each draws other keys.
    pub round: u64,
    /// What every answer must be.
    pub admitted: bool,
}

/// Asks once for each key, and does not look at the answers.
pub fn fill(contender: &impl Contender, keys: u64) {
    for key in 0..keys {
        black_box(contender.admits(SystemClock.now(), &contender.request(key)));
    }
}

/// Requests per second of all threads together.
pub fn rate(contender: &impl Contender, pass: &Pass) -> f64 {
    let times = on_threads(contender, pass, |requests| {
        let began = Instant::now();
        let mut admitted = 0;
        for some in requests.chunks(SPENDS_PER_READING) {
            let now = SystemClock.now();
            admitted += some.iter().filter(|request| contender.admits(now, request)).count();
        }
        check(admitted, pass);
        (began, Instant::now())
    });
    let began = times.iter().map(|(began, _)| *began).min();
    let ended = times.iter().map(|(_, ended)| *ended).max();
    let seconds = began.zip(ended).map(|(began, ended)| (ended - began).as_secs_f64()).unwrap();
    (pass.threads * pass.spends) as f64 / seconds
}

/// Nanoseconds from each answer to the next.
pub fn latencies(contender: &impl Contender, pass: &Pass) -> Vec<u32> {
    let of_threads = on_threads(contender, pass, |requests| {
        let mut samples = Vec::with_capacity(requests.len());
        let mut admitted = 0;
        let mut last = Instant::now();
        for some in requests.chunks(SPENDS_PER_READING) {
            let now = SystemClock.now();
            for request in some {
                admitted += usize::from(contender.admits(now, request));
                let next = Instant::now();
                samples.push(u32::try_from((next - last).as_nanos()).unwrap_or(u32::MAX));
                last = next;
            }
        }
        check(admitted, pass);
        samples
    });
    of_threads.concat()
}

/// What a reading of the clock costs by itself: it is in every duration of a single request.
pub fn clock() -> Value {
    struct Nothing;
    impl Contender for Nothing {
        type Request = ();
        fn request(&self, _: u64) {}
        fn admits(&self, _: Timestamp, (): &()) -> bool {
            black_box(true)
        }
    }
    let pass = |round| Pass { threads: 1, spends: 200_000, keys: 1, round, admitted: true };
    let rounds: Vec<_> = (0..5).map(|round| Quantiles::of(latencies(&Nothing, &pass(round)))).collect();
    Quantiles::median(&rounds)
}

/// Runs `work` on each thread at once, with requests that were made before.
fn on_threads<C: Contender, T: Send>(
    contender: &C,
    pass: &Pass,
    work: impl Fn(&[C::Request]) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(pass.threads);
    let run = |thread: usize| {
        stay_on_core(thread);
        let mut random = Random::new(pass.round * 64 + thread as u64);
        let requests = (0..pass.spends).map(|_| contender.request(random.below(pass.keys)));
        let requests: Vec<_> = requests.collect();
        start.wait();
        work(&requests)
    };
    thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..pass.threads).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn check(admitted: usize, pass: &Pass) {
    let right = if pass.admitted { admitted } else { pass.spends - admitted };
    assert!(right == pass.spends, "{} of {} answers are wrong", pass.spends - right, pass.spends);
}

/// Keeps this thread on the core with this number among those that it may use.
pub fn stay_on_core(number: usize) {
    let allowed = sched_getaffinity(None).unwrap();
    let core = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).nth(number);
    let mut one = CpuSet::new();
    one.set(core.expect("two cores are needed"));
    sched_setaffinity(None, &one).unwrap();
}

/// `SplitMix64`: the same keys in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The clock costs as much as a spend, and a server reads it once a request; here it is read so seldom that it does not
/// count, and often enough that time passes for the limiters as it does in fact.
const SPENDS_PER_READING: usize = 1_024;
