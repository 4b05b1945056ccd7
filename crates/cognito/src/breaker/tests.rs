//! Each transition by hand, then random programs against what the breaker promises.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const OPEN_FOR: Duration = Duration::from_secs(10);

fn breaker(failures: u32) -> Breaker {
    Breaker::new(BreakerSettings { failures: NonZeroU32::new(failures).unwrap(), open_for: OPEN_FOR })
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_000 + secs)
}

/// A breaker that opened at `at(0)`.
fn opened() -> Breaker {
    let mut breaker = breaker(1);
    let pass = breaker.pass(at(0)).unwrap();
    assert!(breaker.report(&pass, Report::Failed, at(0)));
    breaker
}

#[test]
fn it_opens_at_the_last_of_the_failures_in_a_row() {
    let mut breaker = breaker(3);
    for report in [Report::Failed, Report::Failed, Report::Worked, Report::Failed, Report::Failed] {
        let pass = breaker.pass(at(0)).unwrap();
        assert!(!breaker.report(&pass, report, at(0)));
    }
    let pass = breaker.pass(at(0)).unwrap();
    assert!(breaker.report(&pass, Report::Failed, at(0)));
    assert_eq!(breaker.pass(at(0)), Err(OPEN_FOR));
    assert_eq!(breaker.pass(at(9)), Err(Duration::from_secs(1)));
}

#[test]
fn one_probe_passes_and_everybody_after_it_works() {
    let mut breaker = opened();
    assert_eq!(breaker.circuit(), Circuit::Open);
    let probe = breaker.pass(at(10)).unwrap();
    assert_eq!(breaker.circuit(), Circuit::HalfOpen);
    assert_eq!(breaker.pass(at(10)), Err(PROBE_WAIT));
    breaker.report(&probe, Report::Worked, at(11));
    assert!(breaker.pass(at(11)).is_ok() && breaker.pass(at(11)).is_ok());
}

#[test]
fn failed_probe_opens_it_for_the_whole_time_again() {
    let mut breaker = opened();
    let probe = breaker.pass(at(10)).unwrap();
    assert!(breaker.report(&probe, Report::Failed, at(12)));
    assert_eq!(breaker.pass(at(12)), Err(OPEN_FOR));
}

#[test]
fn abandoned_probe_leaves_its_place_to_the_next() {
    let mut breaker = opened();
    let probe = breaker.pass(at(10)).unwrap();
    breaker.report(&probe, Report::Abandoned, at(10));
    assert!(breaker.pass(at(10)).is_ok());
    assert!(breaker.pass(at(10)).is_err());
}

#[test]
fn attempt_that_began_before_it_opened_changes_nothing() {
    for report in [Report::Worked, Report::Failed, Report::Abandoned] {
        let mut breaker = breaker(1);
        let (slow, fast) = (breaker.pass(at(0)).unwrap(), breaker.pass(at(0)).unwrap());
        breaker.report(&fast, Report::Failed, at(0));
        breaker.report(&slow, report, at(5));
        assert_eq!(breaker.pass(at(5)), Err(Duration::from_secs(5)));
        let _probe = breaker.pass(at(10)).unwrap();
        breaker.report(&slow, report, at(10));
        assert_eq!(breaker.pass(at(10)), Err(PROBE_WAIT));
    }
}

#[test]
fn clock_that_is_set_back_does_not_keep_it_open() {
    let mut breaker = opened();
    let earlier = Timestamp::from_secs(10);
    assert_eq!(breaker.pass(earlier), Err(OPEN_FOR));
    assert!(breaker.pass(earlier.plus(OPEN_FOR)).is_ok());
}

#[derive(Clone, Debug)]
enum Step {
    Pass,
    Report(prop::sample::Index, Report),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let report = prop_oneof![
        3 => Just(Report::Failed),
        1 => Just(Report::Worked),
        1 => Just(Report::Abandoned),
    ];
    let step = prop_oneof![
        3 => Just(Step::Pass),
        3 => (any::<prop::sample::Index>(), report).prop_map(|(index, report)| Step::Report(index, report)),
        1 => (0..12_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn promises_hold_under_every_program(failures in 1..4_u32, steps in steps()) {
        let mut breaker = breaker(failures);
        let mut now = at(0);
        let mut under_way = Vec::new();
        // Until when it must refuse, if it is open; and the era of the probe that is on its way, if one is.
        let mut shut_until = None;
        let mut probe = None;
        for step in steps {
            match step {
                Step::Wait(secs) => now = now.plus(Duration::from_secs(secs)),
                Step::Pass => match breaker.pass(now) {
                    Ok(pass) => {
                        prop_assert!(shut_until.is_none_or(|until| now >= until), "passed while open");
                        prop_assert!(probe.is_none(), "a second probe");
                        if shut_until.is_some() {
                            probe = Some(pass.0);
                        }
                        under_way.push(pass);
                    }
                    Err(wait) => {
                        prop_assert!(!wait.is_zero() && wait <= OPEN_FOR);
                        prop_assert!(shut_until.is_some(), "refused while closed");
                        prop_assert!(probe.is_some() || shut_until.is_some_and(|until| now < until), "stuck");
                    }
                },
                Step::Report(_, _) if under_way.is_empty() => {}
                Step::Report(index, report) => {
                    let pass = under_way.swap_remove(index.index(under_way.len()));
                    let is_probe = probe == Some(pass.0);
                    let opened = breaker.report(&pass, report, now);
                    if opened {
                        prop_assert_eq!(report, Report::Failed);
                        prop_assert!(is_probe || shut_until.is_none());
                        shut_until = Some(now.plus(OPEN_FOR));
                    } else if is_probe && report == Report::Worked {
                        shut_until = None;
                    }
                    if is_probe {
                        probe = None;
                    }
                }
            }
        }
    }

    #[test]
    fn it_opens_exactly_when_enough_attempts_failed_in_a_row(
        failures in 1..6_u32,
        reports in prop::collection::vec(prop_oneof![Just(Report::Failed), Just(Report::Worked), Just(Report::Abandoned)], 0..40),
    ) {
        let mut breaker = breaker(failures);
        let mut in_a_row = 0;
        for report in reports {
            let pass = breaker.pass(at(0)).unwrap();
            match report {
                Report::Failed => in_a_row += 1,
                Report::Worked => in_a_row = 0,
                Report::Abandoned => {}
            }
            let opened = breaker.report(&pass, report, at(0));
            prop_assert_eq!(opened, in_a_row == failures);
            if opened {
                break;
            }
        }
    }
}
