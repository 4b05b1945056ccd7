use limits::{Bucket, BucketSpec, Burst, Era, MilliRate, Period, Presumption, Quota, QuotaSpec, Record};

use super::*;
use crate::fixture::{KEY, NOON, day};
use crate::schema;

fn store() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    schema::migrate(&connection, schema::STEPS).unwrap();
    connection
}

fn era(rate: u32, burst: u32, since: Timestamp) -> Era {
    let burst = Burst::new(burst).unwrap();
    Era {
        spec: BucketSpec { rate: MilliRate::new(rate), burst },
        since,
        fresh: u64::from(burst.requests()) * 1_000_000_000,
    }
}

fn add(connection: &Connection, name: &str, numbers: &Record) -> RowId {
    let row = add_limit(connection, &name.parse().unwrap()).unwrap();
    write_record(connection, row, numbers).unwrap();
    row
}

fn some_quota(connection: &Connection) -> RowId {
    let spec = QuotaSpec::new(1, Period::Day, 0).unwrap();
    add(connection, "quota", &Record::Quota(Quota { spec, presumed: Vec::new() }))
}

#[test]
fn a_bucket_is_read_as_it_was_written() {
    let connection = store();
    let past = vec![era(u32::MAX, 9_007_199, Timestamp::EPOCH), era(0, 0, NOON)];
    for past in [past, Vec::new()] {
        let numbers =
            Record::Bucket(Bucket { past, present: era(1, 2, Timestamp::from_secs(u64::from(u32::MAX))) });
        let known = limits(&connection).unwrap().first().map(|limit| limit.row);
        match known {
            Some(row) => write_record(&connection, row, &numbers).unwrap(),
            None => drop(add(&connection, "account", &numbers)),
        }
        let read = limits(&connection).unwrap();
        assert_eq!((read.len(), &read[0].numbers, read[0].name.as_str()), (1, &numbers, "account"));
    }
}

#[test]
fn a_quota_is_read_as_it_was_written() {
    let connection = store();
    for (nth, (period, shift)) in
        [(Period::Day, 0), (Period::Week, 6), (Period::Month, 27)].into_iter().enumerate()
    {
        let spec = QuotaSpec::new(u64::MAX, period, shift).unwrap();
        let row =
            add(&connection, &format!("quota{nth}"), &Record::Quota(Quota { spec, presumed: Vec::new() }));
        let all = [(1, 0), (2, i64::MAX.cast_unsigned())].map(|(run, amount)| Presumed {
            run,
            what: Presumption { until: NOON, amount, ceiling: u64::MAX - amount },
        });
        write_presumed(&connection, row, &all).unwrap();
        write_opening(&connection, row, i64::MAX.cast_unsigned(), u64::MAX).unwrap();
        let read = &limits(&connection).unwrap()[nth];
        let presumed = all.iter().map(|presumed| presumed.what).collect();
        assert_eq!(read.numbers, Record::Quota(Quota { spec, presumed }));
        assert_eq!(
            (read.opening, read.ceiling, read.presumed.as_slice()),
            (i64::MAX.cast_unsigned(), u64::MAX, all.as_slice())
        );
        let other = QuotaSpec::new(1, Period::Day, 0).unwrap();
        write_record(&connection, row, &Record::Quota(Quota { spec: other, presumed: Vec::new() })).unwrap();
        // New numbers leave alone what was handed out under the old ones.
        assert_eq!(limits(&connection).unwrap()[nth].opening, i64::MAX.cast_unsigned());
    }
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let connection = store();
    for stopped in [None, Some(NOON)] {
        let written = Run { number: 7, alive_until: NOON, forgotten: Timestamp::from_secs(3), stopped };
        write_run(&connection, &written).unwrap();
        assert_eq!(run(&connection).unwrap(), written);
    }
}

#[test]
fn what_is_kept_of_subjects_is_read_as_it_was_written() {
    let connection = store();
    let row = some_quota(&connection);
    for (subject, count) in
        [(Subject::SHARED, i64::MAX.cast_unsigned()), (KEY, 0), (Subject::new(0), 1 << 62)]
    {
        let level = Level { row, subject, nanos: count, last: NOON };
        write_level(&connection).unwrap()(level).unwrap();
        let reservation = Reservation { row, subject, window: NOON, reserved: count, run: 3 };
        write_reservation(&connection).unwrap()(Reservation { reserved: 5, run: 1, ..reservation }).unwrap();
        write_reservation(&connection).unwrap()(reservation).unwrap();
        let extra = StoredExtra { row, subject, window: NOON, requests: count };
        write_extra(&connection, &StoredExtra { requests: 5, ..extra }).unwrap();
        write_extra(&connection, &extra).unwrap();
        let (mut all_levels, mut all_reservations, mut all_extras) = (Vec::new(), Vec::new(), Vec::new());
        levels(&connection, |level| all_levels.push(level)).unwrap();
        reservations(&connection, |reservation| all_reservations.push(reservation)).unwrap();
        extras(&connection, |extra| all_extras.push(extra)).unwrap();
        assert!(
            all_levels.contains(&level)
                && all_reservations.contains(&reservation)
                && all_extras.contains(&extra)
        );
        assert_eq!((all_levels.len(), all_extras.len()), (all_reservations.len(), all_reservations.len()));
    }
    delete_levels(&connection).unwrap();
    delete_old_reservations(&connection, NOON).unwrap();
    let mut rest = 0;
    levels(&connection, |_| rest += 100).unwrap();
    reservations(&connection, |_| rest += 1).unwrap();
    assert_eq!(rest, 3);
    delete_old_reservations(&connection, NOON.plus(std::time::Duration::from_micros(1))).unwrap();
    reservations(&connection, |_| rest += 1).unwrap();
    extras(&connection, |_| rest += 1).unwrap();
    assert_eq!(rest, 3);
}

#[test]
fn a_count_of_a_day_never_shrinks() {
    let connection = store();
    let row = some_quota(&connection);
    let on = |day, used, remaining| DayRow { row, subject: KEY, day, spent: SpentOn { used, remaining } };
    let today = day("2026-11-23");
    for written in [on(today, 5, 4), on(today, 3, 9), on(today.plus(2), 1, 8)] {
        write_usage(&connection).unwrap()(written).unwrap();
    }
    let read = usage_of(&connection, row, KEY, day("1970-01-01")..=day("9999-12-31")).unwrap();
    let both =
        [(today, SpentOn { used: 5, remaining: 4 }), (today.plus(2), SpentOn { used: 1, remaining: 8 })];
    assert_eq!(read, both);
    assert_eq!(usage_of(&connection, row, KEY, today.plus(1)..=today.plus(2)).unwrap(), both[1..]);
    assert_eq!(usage_of(&connection, row, Subject::SHARED, today..=today.plus(2)).unwrap(), []);
    assert_eq!(last_day(&connection).unwrap(), Some(today.plus(2)));
}

#[test]
fn old_usage_is_dropped_a_little_at_a_time_and_by_its_key() {
    let connection = store();
    let row = some_quota(&connection);
    let first = day("2026-08-01");
    let mut write = write_usage(&connection).unwrap();
    for nth in 0..10 {
        let spent = SpentOn { used: 1, remaining: 1 };
        write(DayRow {
            row,
            subject: Subject::new(nth),
            day: first.plus(u32::try_from(nth).unwrap()),
            spent,
        })
        .unwrap();
    }
    let dropped = [0; 4].map(|_| delete_old_usage(&connection, first.plus(7), 3).unwrap());
    assert_eq!(dropped, [3, 3, 1, 0]);
    let mut rest = Vec::new();
    for nth in 0..10 {
        usage_on(&connection, first.plus(nth), |day| rest.push(day.subject.id())).unwrap();
    }
    assert_eq!(rest, [7, 8, 9]);
    let sql = "EXPLAIN QUERY PLAN DELETE FROM usage WHERE (day, limit_id, subject) IN
               (SELECT day, limit_id, subject FROM usage WHERE day < 3 LIMIT 9)";
    let mut plan = connection.prepare(sql).unwrap();
    let plan: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
    assert!(!plan.iter().any(|step| step.contains("SCAN usage")), "{plan:?}");
}
