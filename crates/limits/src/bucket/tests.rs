use proptest::prelude::*;

use super::*;

fn spec(rate: u32, burst: u32) -> BucketSpec {
    BucketSpec { rate: MilliRate::new(rate), burst: Burst::new(burst).unwrap() }
}

impl Bucket {
    fn level_of(&self, cell: BucketCell, at: Timestamp) -> u64 {
        self.level(Some(cell), at)
    }
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn requests(count: u64) -> u64 {
    count * ONE_REQUEST
}

fn cell(amount: u64, moment: Timestamp) -> BucketCell {
    BucketCell { level: amount, last: moment }
}

fn any_spec() -> impl Strategy<Value = BucketSpec> {
    let rate = prop_oneof![Just(0), 1..5_000_u32, any::<u32>()];
    let burst = prop_oneof![0..20_u32, 0..=Burst::MAX.requests()];
    (rate, burst).prop_map(|(rate, burst)| spec(rate, burst))
}

proptest! {
    #[test]
    fn refill_is_exact_capped_and_monotone(spec in any_spec(), level: u64, micros: u64, more: u64) {
        let level = level % (spec.burst.nanos() + 1);
        let after = spec.refilled(level, micros);
        let exact = u128::from(level) + u128::from(spec.rate.as_millis()) * u128::from(micros);
        prop_assert_eq!(u128::from(after), exact.min(u128::from(spec.burst.nanos())));
        prop_assert!(after >= level && spec.refilled(level, micros.saturating_add(more)) >= after);
    }

    #[test]
    fn refill_in_two_parts_is_refill_in_one(spec in any_spec(), level: u64, first in 0..u64::MAX / 2, then in 0..u64::MAX / 2) {
        let level = level % (spec.burst.nanos() + 1);
        let parts = spec.refilled(spec.refilled(level, first), then);
        prop_assert_eq!(parts, spec.refilled(level, first + then));
    }

    #[test]
    fn a_bucket_is_ready_at_the_first_microsecond_that_pays(spec in any_spec(), level in 0..ONE_REQUEST) {
        match spec.ready(level, secs(7)) {
            None => prop_assert!(spec.refilled(level, u64::MAX) < ONE_REQUEST),
            Some(ready) => {
                let micros = ready.as_micros() - secs(7).as_micros();
                prop_assert!(spec.refilled(level, micros) >= ONE_REQUEST);
                prop_assert!(spec.refilled(level, micros - 1) < ONE_REQUEST);
            }
        }
    }

    #[test]
    fn a_level_that_has_become_full_is_as_good_as_no_cell(
        changes in prop::collection::vec((any_spec(), 0..3_000_000_u64), 1..8),
        written in 0..6_000_000_u64,
        later in 0..50_000_000_u64,
    ) {
        let mut bucket = Bucket::new(spec(1_000, 5), Timestamp::EPOCH);
        let mut now = 0;
        let mut full = None;
        for (spec, gap) in changes {
            now += gap;
            if full.is_none() && now > written {
                let written = Timestamp::from_micros(written);
                full = Some(cell(bucket.level(None, written), written));
            }
            bucket = bucket.changed(spec, Timestamp::from_micros(now));
        }
        let at = Timestamp::from_micros(now + later);
        prop_assert_eq!(bucket.level(full, at), bucket.level(None, at));
    }
}

#[test]
fn a_third_of_a_request_per_second_loses_nothing() {
    let slow = spec(333, 1);
    let mut level = 0;
    for _ in 0..3_003_003 {
        level = slow.refilled(level, 1);
    }
    assert_eq!(level, ONE_REQUEST - 1);
    assert_eq!(slow.ready(0, Timestamp::EPOCH), Some(Timestamp::from_micros(3_003_004)));
}

#[test]
fn a_larger_burst_gives_nothing_at_once() {
    let raised = Bucket::new(spec(1_000, 10), secs(0)).changed(spec(1_000, 100), secs(1_000));
    // Nobody has more than the old burst at the change: not who never spent, nor who spent long ago.
    assert_eq!(raised.level(None, secs(1_000)), requests(10));
    assert_eq!(raised.level_of(cell(0, secs(1)), secs(1_000)), requests(10));
    assert_eq!(raised.level_of(cell(requests(3), secs(1_000)), secs(1_000)), requests(3));
    assert_eq!(raised.level(None, secs(1_050)), requests(60));
    assert_eq!(raised.level_of(cell(0, secs(1)), secs(1_050)), requests(60));
    assert_eq!(raised.level(None, secs(2_000)), requests(100));
}

#[test]
fn a_smaller_burst_caps_what_is_there() {
    let lowered = Bucket::new(spec(1_000, 10), secs(0)).changed(spec(1_000, 2), secs(5));
    assert_eq!(lowered.level(None, secs(5)), requests(2));
    assert_eq!(lowered.level_of(cell(requests(9), secs(5)), secs(5)), requests(2));
}

#[test]
fn there_and_back_again_does_not_refill() {
    let bucket = Bucket::new(spec(0, 10), secs(0)).changed(spec(0, 1), secs(5)).changed(spec(0, 10), secs(5));
    assert_eq!(bucket.level(None, secs(99)), requests(1));
    assert_eq!(bucket.level_of(cell(requests(7), secs(3)), secs(99)), requests(1));
}

#[test]
fn time_before_a_change_counts_at_the_old_rate() {
    let bucket = Bucket::new(spec(1_000, 100), secs(0)).changed(spec(10_000, 100), secs(20));
    assert_eq!(bucket.level_of(cell(0, secs(10)), secs(21)), requests(10 + 10));
    let slower = bucket.changed(spec(0, 100), secs(22));
    assert_eq!(slower.level_of(cell(0, secs(10)), secs(99)), requests(10 + 20));
}

#[test]
fn a_change_while_the_clock_is_back_happens_at_the_last_change() {
    let bucket = Bucket::new(spec(1_000, 10), secs(100)).changed(spec(1_000, 50), secs(40));
    assert_eq!(bucket.floor(None), secs(100));
    assert_eq!(bucket.floor(Some(cell(0, secs(30)))), secs(100));
    assert_eq!(bucket.floor(Some(cell(0, secs(130)))), secs(130));
    assert_eq!(bucket.level(None, secs(101)), requests(11));
}

#[test]
fn a_level_written_before_the_clock_stepped_back_is_never_above_a_fresh_one() {
    let bucket =
        Bucket::new(spec(0, 100), secs(0)).changed(spec(0, 1), secs(50)).changed(spec(0, 100), secs(60));
    assert_eq!(bucket.level_of(cell(requests(99), secs(80)), secs(80)), requests(1));
    let again = bucket.changed(spec(0, 90), secs(200));
    assert_eq!(again.level_of(cell(requests(99), secs(80)), secs(200)), requests(1));
}

#[test]
fn eras_that_filled_the_bucket_make_older_ones_superfluous() {
    let mut bucket = Bucket::new(spec(1_000, 5), secs(0));
    for change in 1..100 {
        bucket = bucket.changed(spec(1_000 + u32::from(change % 2 == 0), 5), secs(change * 10));
        assert_eq!(bucket.past.len(), 1);
    }
    assert_eq!(bucket.level_of(cell(0, secs(0)), secs(990)), requests(5));
}

#[test]
fn a_level_older_than_every_era_kept_errs_on_the_strict_side() {
    let mut bucket = Bucket::new(spec(1, 5), secs(0));
    for change in 1..40 {
        bucket = bucket.changed(spec(1, 5 + u32::from(change % 2 == 1)), secs(change));
    }
    assert_eq!(bucket.past.len(), MAX_PAST);
    // 39 seconds have passed; those since the oldest era kept, which began after 23, count.
    assert_eq!(bucket.level_of(cell(0, secs(0)), secs(39)), 16_000_000);
}
