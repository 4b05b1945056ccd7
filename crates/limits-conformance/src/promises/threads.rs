//! What is left when many threads ask for the same thing at once.

use std::sync::Barrier;
use std::thread;

use limits::{Decision, Period};

use crate::rig::Maker;
use crate::under_test::{NOON, UnderTest, bucket, quota};

/// Nobody is admitted twice for one token, and who is refused has paid nothing anywhere.
pub fn many_threads_are_admitted_exactly_the_limit(make: Maker<'_>) {
    let limits = [bucket(0, MOST), bucket(0, 3 * MOST), quota(u64::from(3 * MOST), Period::Day, 0)];
    race(&UnderTest::new(make, &limits, NOON));
    let limits = [
        quota(u64::from(MOST), Period::Month, 0),
        bucket(0, 3 * MOST),
        quota(u64::from(3 * MOST), Period::Day, 0),
    ];
    race(&UnderTest::new(make, &limits, NOON));
}

/// Lets threads use up the first limit, which is everybody's, while each pays from the others for itself.
fn race(store: &UnderTest) {
    let start = Barrier::new(THREADS);
    let charges = |thread: u64| {
        let mut all = [(0, u64::MAX), (1, thread), (2, thread + 100)];
        // Half of the threads name the limits the other way round: the order of locks must not follow them.
        if thread.is_multiple_of(2) {
            all.reverse();
        }
        all
    };
    let spend = |thread: u64| {
        store.rig().settle(NOON);
        start.wait();
        let mut admitted = 0;
        loop {
            match store.spend_unsettled(NOON, &charges(thread)) {
                Decision::Admitted { .. } => admitted += 1,
                Decision::Refused { .. } => return admitted,
                Decision::Unready { .. } => store.rig().settle(NOON),
            }
        }
    };
    let admitted: Vec<u64> = thread::scope(|scope| {
        let spend = &spend;
        let threads: Vec<_> = (0..THREADS as u64).map(|thread| scope.spawn(move || spend(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that spends")).collect()
    });
    assert_eq!(admitted.iter().sum::<u64>(), u64::from(MOST));
    for (thread, admitted) in (0..).zip(admitted) {
        let refusal = store.spend(NOON, &charges(thread));
        let own: Vec<u64> = refusal.left().as_slice().iter().copied().filter(|left| *left > 0).collect();
        assert_eq!(own, [u64::from(3 * MOST) - admitted; 2], "thread {thread} paid for what it did not get");
    }
}

const THREADS: usize = 4;
const MOST: u32 = 3_000;
