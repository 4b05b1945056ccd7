//! The start of a run: what the last one left is taken into memory, and this one is marked as under way.
//!
//! One transaction. If it fails the file is as it was, and nothing has been handed out. If it succeeds the levels of
//! buckets are gone from the file: they were true only while nobody spent.

use std::collections::HashMap;
use std::time::Duration;

use ambient::Timestamp;
use limits::{Charge, Day, Entry, LimitId, Memory, Presumption, Quota, QuotaSpec, Record, State, Subject};
use rusqlite::Connection;

use crate::refusal::Damage;
use crate::rows::{self, Presumed, Reservation, RowId, Run, StoredLimit};
use crate::settings::Settings;

/// A run that is under way.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) run: Run,
    /// Until when the last run may have admitted requests, if it did not end cleanly.
    pub(crate) crash: Option<Timestamp>,
    pub(crate) limits: HashMap<LimitId, Known>,
}

/// A limit as the file has it, for writing what memory says about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Known {
    pub(crate) row: RowId,
    /// The numbers, if it is a quota.
    pub(crate) quota: Option<QuotaSpec>,
    /// Of a quota: what a subject without a reservation may use in this run.
    pub(crate) opening: u64,
    /// Of a quota: the largest limit of this run.
    pub(crate) ceiling: u64,
}

/// Takes over what is in the file and begins a run.
pub(crate) fn begin(
    connection: &Connection,
    memory: &Memory,
    settings: &Settings,
    now: Timestamp,
) -> Result<Begun, Damage> {
    let last = rows::run(connection)?;
    if last.stopped.is_none() {
        check(connection)?;
    }
    let transaction = connection.unchecked_transaction()?;
    // By whichever is earlier: a clock that is wrong once must not make the present look old.
    let horizon = before(last.alive_until.min(now), KEPT);
    let run = next(&last, now, settings.lease, horizon)?;
    let mut taken = HashMap::new();
    for stored in rows::limits(&transaction)? {
        let limit = take_limit(&transaction, memory, stored, Crash::of(&last, horizon), settings)?;
        taken.insert(limit.known.row, limit);
    }
    memory.forget_until(run.forgotten);
    rows::delete_old_reservations(&transaction, horizon)?;
    take_levels(&transaction, memory, &taken)?;
    take_quotas(&transaction, memory, &taken, Start { settings, run, crashed: last.stopped.is_none(), now })?;
    rows::delete_levels(&transaction)?;
    rows::write_run(&transaction, &run)?;
    transaction.commit()?;
    memory.admit_until(run.alive_until);
    let crash = last.stopped.is_none().then_some(last.alive_until);
    Ok(Begun { run, crash, limits: taken.into_values().map(|limit| (limit.id, limit.known)).collect() })
}

/// After a process has died `SQLite` looks at every page: a machine that lost power may have lost more than that.
fn check(connection: &Connection) -> Result<(), Damage> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Damage::Check(found)) }
}

fn next(last: &Run, now: Timestamp, lease: Duration, horizon: Timestamp) -> Result<Run, Damage> {
    // After a crash buckets begin at `alive_until` and presumptions hold in every window that is open then or later: only
    // the windows whose reservations are dropped must not be entered again.
    let dropped = if horizon > Timestamp::EPOCH { horizon.plus(LONGEST_WINDOW) } else { Timestamp::EPOCH };
    let number = last.number.checked_add(1);
    Ok(Run {
        number: number.ok_or_else(|| Damage::Content("the runs have been counted to the end".into()))?,
        // The later of the two, not their sum: who dies over and over does not wait longer each time.
        alive_until: last.alive_until.max(now.plus(lease)),
        forgotten: last.forgotten.max(dropped),
        stopped: None,
    })
}

/// What the last run's end means for its limits.
#[derive(Clone, Copy)]
struct Crash {
    /// The run, if it did not end cleanly, and until when it may have admitted requests.
    of: Option<(i64, Timestamp)>,
    /// What ended before this concerns nobody any more.
    horizon: Timestamp,
}

impl Crash {
    fn of(last: &Run, horizon: Timestamp) -> Self {
        let of = last.stopped.is_none().then_some((last.number, last.alive_until));
        Self { of, horizon }
    }
}

/// How a run begins.
#[derive(Clone, Copy)]
struct Start<'a> {
    settings: &'a Settings,
    run: Run,
    /// Whether the last run died.
    crashed: bool,
    now: Timestamp,
}

/// A limit that memory has taken over.
struct Taken {
    id: LimitId,
    known: Known,
    presumed: Vec<Presumed>,
}

fn take_limit(
    connection: &Connection,
    memory: &Memory,
    stored: StoredLimit,
    crash: Crash,
    settings: &Settings,
) -> Result<Taken, Damage> {
    let StoredLimit { row, name, mut numbers, opening, ceiling, mut presumed } = stored;
    let crashed =
        crash.of.map(|(run, until)| Presumed { run, what: Presumption { until, amount: opening, ceiling } });
    if let Record::Quota(quota) = &mut numbers {
        presumed.retain(|presumed| presumed.what.until >= crash.horizon);
        presumed.extend(crashed.filter(|_| opening > 0));
        thin(&mut presumed);
        rows::write_presumed(connection, row, &presumed)?;
        let presumed = presumed.iter().map(|presumed| presumed.what).collect();
        *quota = Quota { spec: quota.spec, presumed };
    } else if let Some(crashed) = crashed {
        numbers = numbers.after_crash(crashed.what);
        rows::write_record(connection, row, &numbers)?;
    }
    let quota = match &numbers {
        Record::Quota(quota) => Some(quota.spec),
        Record::Bucket(_) => None,
    };
    let ceiling = quota.map_or(0, |spec| spec.limit());
    let opening = settings.batch.size(ceiling);
    rows::write_opening(connection, row, opening, ceiling)?;
    let id =
        memory.apply(name, numbers, Timestamp::EPOCH).map_err(|error| Damage::Content(error.to_string()))?;
    Ok(Taken { id, known: Known { row, quota, opening, ceiling }, presumed })
}

/// Bounds the list, for a program that dies over and over: the two that lie closest become one that says no less.
fn thin(presumed: &mut Vec<Presumed>) {
    while presumed.len() > MOST_PRESUMED {
        let gaps = presumed.iter().zip(presumed.iter().skip(1));
        let gap = |(one, next): (&Presumed, &Presumed)| next.what.until.since(one.what.until);
        let Some((at, _)) = gaps.map(gap).enumerate().min_by_key(|(_, gap)| *gap) else { return };
        let merged = presumed.remove(at).what;
        if let Some(next) = presumed.get_mut(at) {
            next.what.until = next.what.until.max(merged.until);
            next.what.amount = next.what.amount.saturating_add(merged.amount);
            next.what.ceiling = next.what.ceiling.max(merged.ceiling);
        }
    }
}

type AllTaken = HashMap<RowId, Taken>;

fn take_levels(connection: &Connection, memory: &Memory, taken: &AllTaken) -> Result<(), Damage> {
    rows::levels(connection, |level| {
        if let Some(limit) = taken.get(&level.row) {
            let state = State::Bucket { level: level.nanos, last: level.last };
            memory.put(Entry { limit: limit.id, subject: level.subject, state });
        }
    })?;
    Ok(())
}

fn take_quotas(
    connection: &Connection,
    memory: &Memory,
    taken: &AllTaken,
    Start { settings, run: this_run, crashed, now }: Start<'_>,
) -> Result<(), Damage> {
    rows::extras(connection, |extra| {
        if let Some(limit) = taken.get(&extra.row) {
            memory.put_extra(
                Charge { limit: limit.id, subject: extra.subject },
                extra.window,
                extra.requests,
            );
        }
    })?;
    let last_day = rows::last_day(connection)?.unwrap_or(Day::from_number(0));
    let mut counted: HashMap<(RowId, Subject), u64> = HashMap::new();
    rows::usage_on(connection, last_day, |day| {
        counted.insert((day.row, day.subject), day.spent.used);
    })?;
    let mut beyond = Vec::new();
    rows::reservations(connection, |reservation| {
        let Reservation { row, subject, window, reserved, run } = reservation;
        let Some(limit) = taken.get(&row) else { return };
        let extra = memory.extra(Charge { limit: limit.id, subject }, window);
        let later =
            limit.presumed.iter().filter(|presumed| presumed.run > run && presumed.what.until >= window);
        let used = later.fold(reserved, |used, presumed| presumed.what.added_to(used, extra));
        // Who has no count of the last day has used nothing later than now.
        let (day, today) = match counted.remove(&(row, subject)) {
            Some(today) => (last_day, today),
            None => (last_day.min(Day::of(now.max(window))), 0),
        };
        let granted = put_quota(memory, limit, settings, Counted { subject, window, used, day, today });
        if granted > used.saturating_add(limit.known.opening) {
            beyond.push(Reservation { reserved: granted, run: this_run.number, ..reservation });
        }
    })?;
    let mut write = rows::write_reservation(connection)?;
    beyond.into_iter().try_for_each(&mut write)?;
    if !crashed || this_run.forgotten >= last_day.plus(1).start() {
        // Who has a count and no reservation had been dropped, and is not spent on that day any more.
        return Ok(());
    }
    // Who has a count of that day and no reservation has used an opening only; the count is to go on.
    for ((row, subject), today) in counted {
        let Some((limit, spec)) = taken.get(&row).and_then(|limit| Some((limit, limit.known.quota?))) else {
            continue;
        };
        let (window, _) = spec.window(last_day.start());
        let within = limit.presumed.iter().filter(|presumed| presumed.what.until >= window);
        let used = within.fold(0_u64, |used, presumed| presumed.what.added_to(used, 0));
        put_quota(memory, limit, settings, Counted { subject, window, used, day: last_day, today });
    }
    Ok(())
}

/// What is known of one subject's use of a quota.
#[derive(Clone, Copy)]
struct Counted {
    subject: Subject,
    window: Timestamp,
    used: u64,
    day: Day,
    today: u64,
}

/// Gives memory what is known, and says how far it may let the subject go.
fn put_quota(memory: &Memory, limit: &Taken, settings: &Settings, counted: Counted) -> u64 {
    let Counted { subject, window, used, day, today } = counted;
    let Some(spec) = limit.known.quota else { return 0 };
    // The opening of this run, which everybody counts as having used if it ends uncleanly. A quota of nothing has none;
    // of what was given on top of it some is set aside.
    let at_hand = if limit.known.opening > 0 {
        limit.known.opening
    } else {
        let extra = memory.extra(Charge { limit: limit.id, subject }, window);
        settings.batch.size(spec.limit().saturating_add(extra).saturating_sub(used))
    };
    let granted = used.saturating_add(at_hand);
    memory.put(Entry { limit: limit.id, subject, state: State::Quota { used, window, granted, day, today } });
    granted
}

fn before(moment: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(moment.as_micros().saturating_sub(Timestamp::EPOCH.plus(by).as_micros()))
}

/// Reservations of windows that began longer ago than this are dropped.
const KEPT: Duration = Duration::from_hours(90 * 24);

/// A window that began before some moment is over this much after it.
const LONGEST_WINDOW: Duration = Duration::from_hours(31 * 24);

/// Crashes of which each quota is kept apart from the others.
const MOST_PRESUMED: usize = 64;

#[cfg(test)]
mod tests;
