use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use limits::{Meter as _, Subject};
use proptest::prelude::*;
use testkit::ManualClock;

use super::*;
use crate::fixture::{
    KEY, NOON, Place, admitted, admitted_alone, batches_of, bucket, charges, daily, define, later, spend,
};

fn used(store: &Sqlite) -> (u64, u64) {
    let standing = store.standing(&"quota".parse().unwrap(), KEY, NOON).unwrap();
    (standing.used, standing.lost)
}

/// Lets other threads run until `done`; the test runner sets an end to it.
fn wait_until(done: impl Fn() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

#[test]
fn dropping_a_store_closes_it() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    assert_eq!(admitted_alone(&store, 7, NOON, &charges(&[limit], KEY)), 7);
    drop(store);
    assert_eq!(used(&place.open(NOON)), (7, 0));
}

#[test]
fn a_closed_store_admits_nothing_and_says_so() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    store.close(NOON).unwrap();
    store.close(NOON).unwrap();
    assert!(matches!(store.spend_now(NOON, &charges(&[limit], KEY)), Decision::Unready { .. }));
    assert_eq!(store.turn(NOON), None);
    let error = store.define("another".parse().unwrap(), daily(1), NOON).unwrap_err();
    assert_eq!(
        crate::chain(&error),
        "limit `another` cannot be recorded: the limit store is unavailable: the limit store is closed"
    );
    assert!(store.standing(&"quota".parse().unwrap(), KEY, NOON).is_err());
    assert!(store.extend(&"quota".parse().unwrap(), KEY, 1, NOON).is_err());
}

#[test]
fn a_close_that_cannot_write_leaves_the_run_unclean() {
    let place = Place::new();
    let store = place.open(NOON);
    let limit = define(&store, "quota", daily(100), NOON);
    assert_eq!(admitted_alone(&store, 3, NOON, &charges(&[limit], KEY)), 3);
    store.ledger().unwrap().connection.pragma_update(None, "query_only", true).unwrap();
    let error = store.close(NOON).unwrap_err();
    assert!(crate::chain(&error).contains("readonly"), "{}", crate::chain(&error));
    // It is let go of all the same.
    assert_eq!(used(&place.open(NOON)), (0, 10));
}

#[test]
fn nothing_is_spent_behind_the_back_of_a_close() {
    let place = Place::new();
    let store = place.open_with(batches_of(1_000), NOON);
    let limit = define(&store, "quota", daily(1_000_000), NOON);
    let one = charges(&[limit], KEY);
    let (spenders, begun) = (2, AtomicU64::new(0));
    let admitted: u64 = thread::scope(|scope| {
        let spend = || {
            let mut admitted = 0;
            begun.fetch_add(1, Ordering::SeqCst);
            while store.turn(NOON).is_some() {
                admitted += (0..100).filter(|_| store.spend_now(NOON, &one).is_admitted()).count();
            }
            admitted
        };
        let spenders: Vec<_> = (0..spenders).map(|_| scope.spawn(spend)).collect();
        wait_until(|| begun.load(Ordering::SeqCst) == 2 && store.stats().commits > 20);
        store.close(NOON).unwrap();
        spenders.into_iter().map(|spender| u64::try_from(spender.join().unwrap()).unwrap()).sum()
    });
    assert!(admitted > 0);
    assert_eq!(used(&place.open(NOON)), (admitted, 0));
}

#[test]
fn the_thread_sets_aside_what_runs_low_and_renews_the_lease() {
    let place = Place::new();
    let store = Arc::new(place.open(NOON));
    let limits = [
        define(&store, "bucket", bucket(1_000_000, 1_000), NOON),
        define(&store, "quota", daily(1_000), NOON),
    ];
    let clock = Arc::new(ManualClock::at(NOON));
    store.start(Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    store.start(Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let both = charges(&limits, KEY);
    let mut admitted = 0;
    // Half an hour passes with every request; each is ready after a while, and the last of the quota too.
    while admitted < 1_000 {
        match store.spend_now(clock.now(), &both) {
            Decision::Admitted { .. } => {
                admitted += 1;
                if admitted % 100 == 50 {
                    clock.set(clock.now().plus(Duration::from_mins(30)));
                }
            }
            Decision::Unready { .. } => thread::yield_now(),
            refused @ Decision::Refused { .. } => panic!("{refused:?} after {admitted}"),
        }
    }
    assert!(store.stats().alive_until >= clock.now());
    let path = place.path();
    drop(store);
    wait_until(|| Sqlite::open(&path, batches_of(1), clock.now()).is_ok());
    assert_eq!(used(&place.open(NOON)), (1_000, 0));
}

#[test]
fn the_thread_ends_with_its_store() {
    let place = Place::new();
    for end in [Sqlite::abandon, |store: &Sqlite| store.close(NOON).unwrap()] {
        let store = Arc::new(place.open(NOON));
        store.start(Arc::new(ManualClock::at(NOON))).unwrap();
        let weak = Arc::downgrade(&store);
        end(&store);
        drop(store);
        wait_until(|| weak.strong_count() == 0);
    }
}

#[test]
fn threads_that_spend_define_and_ask_do_not_wait_for_each_other() {
    let place = Place::new();
    let store = Arc::new(place.open(NOON));
    let limit = define(&store, "quota", daily(100_000), NOON);
    store.start(Arc::new(ManualClock::at(NOON))).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for subject in 0..2 {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let _whatever = store.spend_now(NOON, &charges(&[limit], Subject::new(subject)));
                }
            });
        }
        for round in 0..50_u32 {
            define(&store, "bucket", bucket(round, 1), NOON);
            store.extend(&"quota".parse().unwrap(), KEY, 1, NOON).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    let standing = store.standing(&"quota".parse().unwrap(), KEY, NOON).unwrap();
    assert_eq!((standing.extra, standing.left), (50, 100_050));
}

#[test]
fn numbers_say_what_was_done() {
    let place = Place::new();
    let store = place.open(NOON);
    let fresh = Stats {
        commits: 0,
        failures: 0,
        unready: 0,
        rows: 0,
        alive_until: later(5_000),
        subjects: 0,
        writable: true,
    };
    assert_eq!(store.stats(), fresh);
    let limit = define(&store, "quota", daily(100), NOON);
    assert_eq!(admitted_alone(&store, 12, NOON, &charges(&[limit], KEY)), 10);
    store.turn(later(1_000));
    let then = Stats { commits: 2, rows: 5, unready: 2, alive_until: later(6_000), subjects: 1, ..fresh };
    assert_eq!(store.stats(), then);
    assert_eq!(format!("{store:?}"), format!("Sqlite {{ path: {:?}, .. }}", place.path()));
}

#[test]
fn a_lease_too_short_for_any_disk_is_made_longer() {
    let place = Place::new();
    let store = place.open_with(Settings { lease: Duration::ZERO, ..batches_of(1) }, NOON);
    assert_eq!(store.stats().alive_until, later(100));
}

/// What happens in one run before it dies.
#[derive(Clone, Debug)]
struct Life {
    /// Milliseconds, and whether the writer gets its turn before the spends.
    steps: Vec<(u64, bool, u8)>,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let step = (0_u64..4_000, any::<bool>(), 0_u8..12);
    let life = proptest::collection::vec(step, 0..6).prop_map(|steps| Life { steps });
    proptest::collection::vec(life, 20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn twenty_crashes_hand_out_nothing_twice_and_lose_a_batch_each(lives in lives(), most in 1_u32..40) {
        const QUOTA: u64 = 900;
        const RATE: u32 = 2_000;
        const BURST: u32 = 7;
        let place = Place::new();
        let (mut now, mut spent) = (0, Vec::new());
        for Life { steps } in &lives {
            let store = place.open_with(batches_of(most), later(now));
            let limits = [define(&store, "bucket", bucket(RATE, BURST), later(now)), define(&store, "quota", daily(QUOTA), later(now))];
            for (millis, turn, spends) in steps {
                now += millis;
                if *turn {
                    store.turn(later(now));
                }
                for _ in 0..*spends {
                    let decision = store.spend_now(later(now), &charges(&limits, KEY));
                    if decision.is_admitted() {
                        spent.push(decision.at());
                        prop_assert!(decision.at() <= store.stats().alive_until);
                    }
                }
            }
            store.abandon();
        }
        for (first, from) in spent.iter().enumerate() {
            for (last, to) in spent.iter().enumerate().skip(first) {
                let micros = u128::from(to.as_micros() - from.as_micros());
                let nanos = u128::from(BURST) * 1_000_000_000 + u128::from(RATE) * micros;
                let admitted = u128::try_from(last - first + 1).unwrap() * 1_000_000_000;
                prop_assert!(admitted <= nanos, "{} in {micros} µs", last - first + 1);
            }
        }
        let store = place.open_with(batches_of(most), later(now));
        let quota = charges(&[define(&store, "quota", daily(QUOTA), later(now))], KEY);
        let all = u64::try_from(spent.len() + admitted(&store, 9_999, later(now), &quota)).unwrap();
        prop_assert!(all <= QUOTA, "{all} of {QUOTA}");
        prop_assert!(all + 20 * u64::from(most) >= QUOTA, "{all} of {QUOTA} with batches of {most}");
        prop_assert!(!spend(&store, later(now), &quota).is_admitted());
    }
}
