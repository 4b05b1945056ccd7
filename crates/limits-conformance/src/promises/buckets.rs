//! What a token bucket admits, and what it says when it refuses.

use std::time::Duration;

use limits::{Period, Wait};

use crate::rig::Maker;
use crate::under_test::{KEY, NOON, UnderTest, bucket, just_before, quota, refused};

/// As many at once as the burst, then one per refill, and not a microsecond earlier.
pub fn a_bucket_admits_its_burst_and_then_its_rate(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(5_000, 3)], NOON);
    let one = [(0, KEY)];
    let left: Vec<u64> = (0..3).flat_map(|_| store.spend(NOON, &one).left().as_slice().to_vec()).collect();
    assert_eq!(left, [2, 1, 0]);
    for refill in 1..=4 {
        let next = NOON.plus(Duration::from_millis(200 * refill));
        assert!(!store.admits(just_before(next), &one), "admitted before refill {refill}");
        assert!(store.admits(next, &one), "refused at refill {refill}");
        assert!(!store.admits(next, &one), "admitted twice at refill {refill}");
    }
}

/// A wait is the smallest number of microseconds after which the limit pays.
pub fn the_wait_is_exact(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(333, 1), bucket(3, 1), quota(1, Period::Day, 0)], NOON);
    // ⌈10⁹ nano-tokens / 333⌉ and ⌈10⁹ / 3⌉ microseconds.
    for (limit, micros) in [(0, 3_003_004), (1, 333_333_334), (2, 12 * 3_600_000_000)] {
        let one = [(limit, KEY)];
        assert!(store.admits(NOON, &one));
        assert_eq!(store.wait(NOON, &one), Wait::After(Duration::from_micros(micros)));
        let paid = NOON.plus(Duration::from_micros(micros));
        assert_eq!(store.wait(just_before(paid), &one), Wait::After(Duration::from_micros(1)));
        assert!(store.admits(paid, &one), "limit {limit} does not pay after the wait it named");
    }
}

/// Asking in vain, however often, costs nothing and moves no time.
pub fn refused_spend_changes_nothing(make: Maker<'_>) {
    let limits = [bucket(1_000, 9), quota(9, Period::Day, 0), bucket(1_000, 1)];
    let [asked, spared] = [(); 2].map(|()| UnderTest::new(make, &limits, NOON));
    let all = [(0, KEY), (1, KEY), (2, KEY)];
    assert!(asked.admits(NOON, &all) && spared.admits(NOON, &all));
    for millis in [0, 1, 500, 999] {
        let refusal = asked.spend(NOON.plus(Duration::from_millis(millis)), &all);
        assert_eq!((refused(refusal).binding.index, refusal.left().as_slice()), (2, [8, 8, 0].as_slice()));
    }
    assert_eq!(asked.standing(1, KEY, NOON), spared.standing(1, KEY, NOON));
    // Back at noon, an earlier time still counts: the refusals have not touched the buckets.
    for (millis, charged) in [(0, &all[..1]), (0, &all[1..2]), (1_000, &all), (1_000, &all), (9_000, &all)] {
        let now = NOON.plus(Duration::from_millis(millis));
        assert_eq!(asked.spend(now, charged), spared.spend(now, charged));
    }
}

/// What one key spends, another does not notice.
pub fn subjects_do_not_touch_each_other(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(0, 2), quota(2, Period::Month, 0)], NOON);
    for subject in [1, 2, 3, u64::MAX] {
        assert_eq!(store.admitted(5, NOON, &[(0, subject), (1, subject)]), 2, "subject {subject}");
    }
}

/// A rate, a burst or a quota of zero lets nothing pass, and the wait is never.
pub fn zero_means_that_nothing_ever_passes(make: Maker<'_>) {
    let limits = [bucket(0, 0), bucket(1_000, 0), quota(0, Period::Day, 0), bucket(0, 1)];
    let store = UnderTest::new(make, &limits, NOON);
    assert!(store.admits(NOON, &[(3, KEY)]));
    for (limit, numbers) in limits.iter().enumerate() {
        assert_eq!(store.wait(NOON, &[(limit, KEY)]), Wait::Never, "{numbers:?}");
        assert!(!store.admits(NOON.plus(Duration::from_hours(9_000)), &[(limit, KEY)]));
    }
}

/// However long nobody came, one burst is there and no more.
pub fn a_jump_forward_refills_at_most_one_burst(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(1_000, 3)], NOON);
    assert_eq!(store.admitted(5, NOON, &[(0, KEY)]), 3);
    let years_later = NOON.plus(Duration::from_hours(50_000));
    assert_eq!(store.admitted(9, years_later, &[(0, KEY)]), 3);
    assert_eq!(store.wait(years_later, &[(0, KEY)]), Wait::After(Duration::from_secs(1)));
}

/// Buckets bind before quotas, the longest wait before shorter ones, and the first among equals.
pub fn the_binding_limit_is_the_bucket_with_the_longest_wait(make: Maker<'_>) {
    let limits = [quota(1, Period::Day, 0), bucket(2_000, 1), bucket(1_000, 1), bucket(1_000, 1)];
    let store = UnderTest::new(make, &limits, NOON);
    let all = [(0, KEY), (1, KEY), (2, KEY), (3, KEY)];
    assert!(store.admits(NOON, &all));
    let decision = store.spend(NOON, &all);
    let first = refused(decision);
    assert_eq!((decision.at(), decision.left().as_slice()), (NOON, [0; 4].as_slice()));
    assert_eq!((first.binding.index, first.binding.limit), (2, store.ids()[2]));
    assert_eq!(first.wait, Wait::After(Duration::from_secs(1)));
    assert_eq!(first.wait_for_all, Wait::After(Duration::from_hours(12)));
    let second = refused(store.spend(NOON.plus(Duration::from_secs(1)), &all));
    assert_eq!((second.binding.index, second.wait), (0, Wait::After(Duration::from_secs(12 * 3_600 - 1))));
    assert_eq!(second.wait_for_all, second.wait);
}

/// A limit that this store never gave out has nothing to give, and takes nothing from the others.
pub fn an_unknown_limit_admits_nothing(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(1_000, 1)], NOON);
    let other = UnderTest::new(make, &[bucket(1_000, 9); 20], NOON);
    let mut charges = store.charges(&[(0, KEY)]);
    charges.push(other.charges(&[(19, KEY)]).as_slice()[0]).expect("another limit");
    store.rig().settle(NOON);
    let refusal = refused(crate::under_test::spend(store.rig().limiter(), NOON, &charges));
    assert_eq!((refusal.binding.index, refusal.wait), (1, Wait::Never));
    assert!(store.admits(NOON, &[(0, KEY)]));
}

/// A request that costs nothing passes.
pub fn a_spend_of_nothing_is_admitted(make: Maker<'_>) {
    let store = UnderTest::new(make, &[bucket(0, 0)], NOON);
    assert!(store.admits(NOON, &[]));
}
