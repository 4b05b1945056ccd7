use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

mod model;

/// An invocation of which a test can stop waiting.
#[derive(Clone, Debug)]
struct Call {
    id: String,
    abandoned: Rc<Cell<bool>>,
}

impl Work for Call {
    fn is_abandoned(&self) -> bool {
        self.abandoned.get()
    }

    fn has_id(&self, id: &str) -> bool {
        self.id == id
    }
}

fn call(id: &str) -> Call {
    Call { id: id.to_owned(), abandoned: Rc::default() }
}

type TestPool = Pool<Call, &'static str>;

const BOUNDS: Bounds = Bounds {
    concurrency: 2,
    timeout: Duration::from_secs(3),
    init_timeout: Duration::from_secs(10),
    spare_after: Duration::from_mins(5),
};

fn pool() -> TestPool {
    Pool::new(BOUNDS)
}

const fn at(millis: u64) -> Duration {
    Duration::from_millis(1_000_000 + millis)
}

const ONE: ProcessId = ProcessId(1);
const TWO: ProcessId = ProcessId(2);

fn starts(pool: &mut TestPool, id: &str, now: Duration) -> ProcessId {
    match pool.submit(call(id), now) {
        Ok(Submitted::Starts(process)) => process,
        other => panic!("{other:?}"),
    }
}

fn waits(pool: &mut TestPool, id: &str, now: Duration) {
    assert!(matches!(pool.submit(call(id), now), Ok(Submitted::Waits)), "{id}");
}

fn handed(pool: &mut TestPool, id: &str, now: Duration) -> &'static str {
    match pool.submit(call(id), now) {
        Ok(Submitted::Handed(parked)) => parked,
        other => panic!("{other:?}"),
    }
}

fn refusal(pool: &mut TestPool, id: &str, now: Duration) -> Refusal {
    pool.submit(call(id), now).map(|submitted| format!("{submitted:?}")).unwrap_err().1
}

/// What the process gets that asks: an invocation's id, or nothing yet.
fn next(pool: &mut TestPool, process: ProcessId, now: Duration) -> Option<String> {
    match pool.next(process, "request", now) {
        Next::Event(call) => Some(call.id.clone()),
        Next::Parked(_) => None,
        other => panic!("{other:?}"),
    }
}

fn answers(pool: &mut TestPool, process: ProcessId, id: &str, now: Duration) -> Duration {
    let (call, took) = pool.answer(process, id, now).unwrap();
    assert_eq!(call.id, id);
    took
}

fn ids(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.id.as_str()).collect()
}

/// A pool of two idle processes, the second one idle most recently.
fn idle_pair() -> TestPool {
    let mut pool = pool();
    assert_eq!(pool.keep(2, at(0)), [ONE, TWO]);
    assert!(matches!(pool.next(ONE, "one", at(1)), Next::Parked(_)));
    assert!(matches!(pool.next(TWO, "two", at(2)), Next::Parked(_)));
    pool
}

#[test]
fn first_invocation_starts_a_process_and_the_second_finds_it_idle() {
    let mut pool = pool();
    assert_eq!(starts(&mut pool, "a", at(0)), ONE);
    assert_eq!(next(&mut pool, ONE, at(50)), Some("a".into()));
    assert_eq!(answers(&mut pool, ONE, "a", at(57)), Duration::from_millis(7));
    assert_eq!(next(&mut pool, ONE, at(58)), None);
    assert_eq!(handed(&mut pool, "b", at(60)), "request");
    assert_eq!(next(&mut pool, ONE, at(60)), Some("b".into()));
    assert_eq!(pool.census(), (1, 0, 0));
}

#[test]
fn most_recently_idle_process_is_taken_first() {
    let mut pool = idle_pair();
    assert_eq!(handed(&mut pool, "a", at(3)), "two");
    assert_eq!(handed(&mut pool, "b", at(3)), "one");
}

#[test]
fn one_more_than_the_concurrency_is_throttled_and_changes_nothing() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    starts(&mut pool, "b", at(0));
    assert_eq!(refusal(&mut pool, "c", at(0)), Refusal::Throttled);
    assert_eq!(next(&mut pool, TWO, at(1)), Some("a".into()));
    assert_eq!(next(&mut pool, ONE, at(2)), Some("b".into()));
    assert_eq!(refusal(&mut pool, "d", at(3)), Refusal::Throttled);
}

#[test]
fn invocation_waits_for_a_process_that_has_just_answered() {
    let mut pool = Pool::new(Bounds { concurrency: 1, ..BOUNDS });
    starts(&mut pool, "a", at(0));
    next(&mut pool, ONE, at(1));
    answers(&mut pool, ONE, "a", at(2));
    waits(&mut pool, "b", at(2));
    assert_eq!(refusal(&mut pool, "c", at(2)), Refusal::Throttled);
    assert_eq!(next(&mut pool, ONE, at(3)), Some("b".into()));
}

#[test]
fn process_that_does_not_come_back_is_not_waited_for() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    next(&mut pool, ONE, at(1));
    answers(&mut pool, ONE, "a", at(2));
    waits(&mut pool, "b", at(2));
    assert!(pool.look(ONE, at(101)).1.start.is_empty());
    assert_eq!(pool.look(ONE, at(102)).1.start, [TWO]);
    assert_eq!(next(&mut pool, TWO, at(150)), Some("b".into()));
    assert_eq!(next(&mut pool, ONE, at(160)), None, "it came back after all");
}

#[test]
fn who_waited_for_a_process_that_lingers_waits_on_if_no_other_may_start() {
    let mut pool = Pool::new(Bounds { concurrency: 1, ..BOUNDS });
    starts(&mut pool, "a", at(0));
    next(&mut pool, ONE, at(1));
    answers(&mut pool, ONE, "a", at(2));
    waits(&mut pool, "b", at(2));
    let (_, aftermath) = pool.look(ONE, at(500));
    assert!(aftermath.refused.is_empty());
    assert_eq!(refusal(&mut pool, "c", at(500)), Refusal::Throttled);
    let (verdict, aftermath) = pool.look(ONE, at(3_001));
    assert_eq!((verdict, aftermath.start), (Verdict::Ends(Ending::TimedOut), vec![TWO]));
    assert_eq!(next(&mut pool, TWO, at(3_100)), Some("b".into()));
}

#[test]
fn process_that_asks_again_gets_the_same_invocation_again() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    assert_eq!(next(&mut pool, ONE, at(1)), Some("a".into()));
    assert_eq!(next(&mut pool, ONE, at(2)), Some("a".into()));
}

#[test]
fn answer_is_taken_once_and_only_for_the_invocation_that_runs() {
    let mut pool = pool();
    assert_eq!(pool.answer(ONE, "a", at(0)).unwrap_err(), NotTaken::NotRunning, "no such process");
    starts(&mut pool, "a", at(0));
    assert_eq!(pool.answer(ONE, "a", at(0)).unwrap_err(), NotTaken::NotRunning, "it has not asked yet");
    next(&mut pool, ONE, at(1));
    assert_eq!(pool.answer(ONE, "b", at(2)).unwrap_err(), NotTaken::OtherId);
    answers(&mut pool, ONE, "a", at(3));
    assert_eq!(pool.answer(ONE, "a", at(4)).unwrap_err(), NotTaken::NotRunning);
}

#[test]
fn invocation_fails_with_its_process_and_the_next_one_gets_another() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    next(&mut pool, ONE, at(1));
    assert_eq!(ids(&pool.end(ONE, at(2)).failed), ["a"]);
    assert_eq!(starts(&mut pool, "b", at(3)), TWO);
}

#[test]
fn invocation_that_its_process_never_saw_goes_to_another() {
    let mut pool = idle_pair();
    assert_eq!(handed(&mut pool, "a", at(3)), "two");
    let aftermath = pool.end(TWO, at(4));
    assert!(aftermath.failed.is_empty());
    assert_eq!(aftermath.wake, ["one"]);
    let aftermath = pool.end(ONE, at(4));
    assert!(aftermath.failed.is_empty());
    assert_eq!(aftermath.start, [ProcessId(3)]);
    assert_eq!(next(&mut pool, ProcessId(3), at(5)), Some("a".into()));
}

#[test]
fn process_whose_request_broke_off_gets_nothing_until_it_asks_again() {
    let mut pool = pool();
    pool.keep(1, at(0));
    let Next::Parked(first) = pool.next(ONE, "first", at(1)) else { panic!() };
    let Next::Parked(second) = pool.next(ONE, "second", at(2)) else { panic!() };
    pool.unpark(ONE, first, at(3));
    assert_eq!(pool.census(), (1, 0, 1), "another request waits in its place");
    pool.unpark(ONE, second, at(4));
    assert_eq!(pool.census(), (1, 0, 0));
    assert_eq!(starts(&mut pool, "a", at(5)), TWO);
    assert_eq!(next(&mut pool, ONE, at(6)), Some("a".into()));
}

#[test]
fn nobody_gets_an_invocation_that_nobody_waits_for() {
    let mut pool = pool();
    let abandoned = call("a");
    pool.submit(abandoned.clone(), at(0)).unwrap();
    abandoned.abandoned.set(true);
    waits(&mut pool, "b", at(1));
    assert_eq!(next(&mut pool, ONE, at(2)), Some("b".into()), "the process that was started for `a`");
}

#[test]
fn times_are_bounded_by_what_a_process_does() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    let stays = |until: Duration| Verdict::StaysUntil(until);
    assert_eq!(pool.look(ONE, at(9_999)).0, stays(at(10_000)), "init");
    next(&mut pool, ONE, at(500));
    assert_eq!(pool.look(ONE, at(3_499)).0, stays(at(3_500)), "invocation");
    answers(&mut pool, ONE, "a", at(600));
    assert_eq!(pool.look(ONE, at(3_499)).0, stays(at(3_500)), "until it asks for the next one");
    next(&mut pool, ONE, at(700));
    assert_eq!(pool.look(ONE, at(300_699)).0, stays(at(300_700)), "idle");
    assert_eq!(pool.look(ONE, at(300_700)).0, Verdict::Ends(Ending::Spare));
    assert_eq!(pool.look(ONE, at(300_700)).0, Verdict::GivenUp);
}

#[test]
fn invocation_fails_when_its_time_is_up_and_frees_the_place() {
    let mut pool = Pool::new(Bounds { concurrency: 1, ..BOUNDS });
    starts(&mut pool, "a", at(0));
    next(&mut pool, ONE, at(0));
    let (verdict, aftermath) = pool.look(ONE, at(3_000));
    assert_eq!((verdict, ids(&aftermath.failed)), (Verdict::Ends(Ending::TimedOut), vec!["a"]));
    assert_eq!(starts(&mut pool, "b", at(3_001)), TWO);
}

#[test]
fn processes_that_are_kept_are_never_spare() {
    let mut pool = idle_pair();
    pool.keep(1, at(3));
    assert_eq!(pool.look(ONE, at(300_001)).0, Verdict::Ends(Ending::Spare));
    assert!(matches!(pool.look(TWO, at(400_000)).0, Verdict::StaysUntil(_)));
}

#[test]
fn keeping_more_than_the_concurrency_keeps_the_concurrency() {
    let mut pool = pool();
    assert_eq!(pool.keep(1, at(0)), [ONE]);
    assert_eq!(pool.keep(9, at(0)), [TWO]);
    assert_eq!(pool.keep(9, at(0)), []);
}

#[test]
fn failed_start_fails_the_oldest_that_waits_and_starts_nothing() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    starts(&mut pool, "b", at(0));
    let aftermath = pool.end(ONE, at(10));
    assert_eq!((ids(&aftermath.failed), aftermath.start.len()), (vec!["a"], 0));
    assert_eq!(next(&mut pool, TWO, at(11)), Some("b".into()));
}

#[test]
fn failed_start_that_nobody_needed_fails_nobody() {
    let mut pool = pool();
    pool.keep(2, at(0));
    waits(&mut pool, "a", at(1));
    assert!(pool.end(ONE, at(2)).failed.is_empty());
    assert_eq!(next(&mut pool, TWO, at(3)), Some("a".into()));
}

#[test]
fn function_that_keeps_failing_to_start_is_left_alone_for_longer_and_longer() {
    let mut pool = Pool::new(Bounds { concurrency: 10, ..BOUNDS });
    let mut now = 0;
    let mut fails = |pool: &mut TestPool, after: u64| {
        now += after;
        let process = starts(pool, "a", at(now));
        assert_eq!(ids(&pool.end(process, at(now)).failed), ["a"]);
        now
    };
    fails(&mut pool, 0);
    let last = fails(&mut pool, 0);
    assert_eq!(refusal(&mut pool, "b", at(last + 249)), Refusal::Failing);
    let last = fails(&mut pool, 250);
    assert_eq!(refusal(&mut pool, "b", at(last + 499)), Refusal::Failing);
    for wait in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        fails(&mut pool, wait);
    }
}

#[test]
fn function_that_failed_is_tried_with_one_process_and_trusted_again_when_that_is_ready() {
    let mut pool = pool();
    for now in [0, 1] {
        let process = starts(&mut pool, "a", at(now));
        pool.end(process, at(now));
    }
    let process = starts(&mut pool, "b", at(300));
    assert_eq!(refusal(&mut pool, "c", at(300)), Refusal::Failing);
    next(&mut pool, process, at(301));
    let process = starts(&mut pool, "d", at(301));
    pool.end(process, at(302));
    starts(&mut pool, "e", at(302));
}

#[test]
fn processes_that_fail_together_count_once() {
    let mut pool = Pool::new(Bounds { concurrency: 10, ..BOUNDS });
    let started: Vec<_> = (0..10).map(|_| starts(&mut pool, "a", at(0))).collect();
    for (process, now) in started.into_iter().zip(10..) {
        pool.end(process, at(now));
    }
    starts(&mut pool, "b", at(20));
}

#[test]
fn closed_pool_takes_nothing_and_lets_go_of_whoever_does_nothing() {
    let mut pool = idle_pair();
    handed(&mut pool, "a", at(3));
    let (waiting, leaving) = pool.close();
    assert_eq!((waiting.len(), leaving), (0, vec![ONE]));
    assert_eq!(refusal(&mut pool, "b", at(4)), Refusal::Closed);
    assert_eq!(next(&mut pool, TWO, at(4)), Some("a".into()));
    answers(&mut pool, TWO, "a", at(5));
    assert!(matches!(pool.next(TWO, "request", at(6)), Next::Leaves));
    assert!(matches!(pool.next(TWO, "request", at(7)), Next::Gone));
}

#[test]
fn closed_pool_gives_back_who_waits() {
    let mut pool = pool();
    starts(&mut pool, "a", at(0));
    let (waiting, leaving) = pool.close();
    assert_eq!((ids(&waiting), leaving), (vec!["a"], vec![ONE]));
    assert!(pool.end(ONE, at(1)).failed.is_empty());
    assert_eq!(pool.keep(2, at(2)), []);
}
