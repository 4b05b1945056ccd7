//! `usage`: how much of its quota each API key has used, now and day by day.

mod bar;
mod narrow;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ambient::{Clock as _, SystemClock};
use anyhow::anyhow;
use limits::Day;
use serde_json::json;

use crate::cli::{Place, Usage};
use crate::control::{Asked, KeyStanding, Moment, OneDay, QuotaStanding, Server, Standings};
use crate::state::State;
use crate::terminal::{self, ACCENT, DIM, duration, table};

pub(crate) fn run(place: &Place, options: &Usage) -> anyhow::Result<()> {
    let state = State::open(&place.state)?;
    let server = Server::find(&state, "quotas are read and extended through it")?;
    // Programs are given values by day in any case: of today at least.
    let count = options.days.or(options.output.json.then_some(1));
    let today = Day::of(SystemClock.now());
    let days = count.map(|count| (today.minus(count - 1), today));
    let standings = server.standings(Asked { client: options.client.as_deref(), days })?;
    if let (Some(client), []) = (&options.client, standings.items.as_slice()) {
        return Err(no_such_client(client));
    }
    if let (true, Some((start, end))) = (options.output.json, days) {
        return terminal::print_line(&serde_json::to_string_pretty(&for_programs(standings, start, end))?);
    }
    terminal::print(&for_people(&standings, terminal::columns()))
}

/// There is nothing to show of a client without a key in force.
pub(super) fn no_such_client(client: &str) -> anyhow::Error {
    anyhow!("there is no API key of `{client}` in force; `token-broker keys list` shows which there are")
}

/// When the quota starts anew, for people.
pub(super) fn until(quota: &QuotaStanding) -> Option<String> {
    // Windows begin at midnight.
    quota.window_end.map(|end| format!("{} 00:00 UTC", Day::of(end.0)))
}

/// The values as `GetUsage` has them, for the keys of all plans, and the standings.
fn for_programs(standings: Standings, start: Day, end: Day) -> serde_json::Value {
    let Standings { at, mut items, .. } = standings;
    let mut values: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for item in items.iter_mut().filter(|item| item.quota.is_some()) {
        let days = std::mem::take(&mut item.days);
        values.insert(item.key_id.clone(), days.iter().map(|day| (day.used, day.remaining)).collect());
    }
    json!({
        "at": at, "startDate": start.to_string(), "endDate": end.to_string(), "values": values, "standings": items,
    })
}

/// A table, or paragraphs where there is no room for it, and under it the days if they were asked for; with bars if there are `columns` to draw them in.
fn for_people(standings: &Standings, columns: Option<usize>) -> String {
    let mut text = keys(standings, columns);
    for item in standings.items.iter().filter(|item| !item.days.is_empty()) {
        // A string takes every write.
        let _written = write!(text, "\n{ACCENT}{}{ACCENT:#} {DIM}days are UTC{DIM:#}\n", item.key);
        text.push_str(&days(&item.days, columns));
    }
    text
}

fn keys(standings: &Standings, columns: Option<usize>) -> String {
    let mut heading = KEY_HEADING.map(str::to_owned);
    let mut rows: Vec<[String; 8]> = standings.items.iter().map(|item| row(item, standings)).collect();
    for column in [3, 4, 5] {
        align_right(&mut heading, &mut rows, column);
    }
    if let Some(columns) = columns {
        let table = width(&heading, &rows);
        if columns < table.saturating_sub(GAP) {
            return narrow::keys(standings, columns);
        }
        let room = columns.saturating_sub(table).min(WIDEST_BAR);
        for (row, item) in rows.iter_mut().zip(&standings.items) {
            if let (Some(quota), [.., bar], true) = (&item.quota, row, room >= NARROWEST_BAR) {
                *bar = bar::of_quota(quota, room);
            }
        }
    }
    table("", heading.each_ref().map(String::as_str), &rows)
}

fn row(item: &KeyStanding, standings: &Standings) -> [String; 8] {
    let dash = || "-".to_owned();
    let (client, key) = (item.client.clone(), item.key.clone());
    let Some(quota) = &item.quota else {
        return [client, key, "none".to_owned(), dash(), dash(), dash(), dash(), String::new()];
    };
    [
        client,
        key,
        size(quota),
        quota.used.to_string(),
        quota.lost.to_string(),
        quota.left.to_string(),
        resets_in(quota, standings),
        String::new(),
    ]
}

/// What a quota allows, and what was given on top of it.
fn size(quota: &QuotaStanding) -> String {
    let extra = if quota.extra > 0 { format!(" + {}", quota.extra) } else { String::new() };
    format!("{} a {}{extra}", quota.limit, quota.period.as_noun())
}

/// How long it is until the quota starts anew; a dash if it never does.
fn resets_in(quota: &QuotaStanding, standings: &Standings) -> String {
    let until = |end: Moment| duration(end.0.since(standings.at.0).as_secs());
    quota.window_end.map_or_else(|| "-".to_owned(), until)
}

/// A line for each day; bars are as long as the day of the most requests.
fn days(days: &[OneDay], columns: Option<usize>) -> String {
    let most = days.iter().map(|day| day.used).max().unwrap_or(0);
    let mut rows: Vec<[String; 4]> = days
        .iter()
        .map(|day| [day.day.clone(), day.used.to_string(), day.remaining.to_string(), String::new()])
        .collect();
    let mut heading = DAY_HEADING.map(str::to_owned);
    for column in [1, 2] {
        align_right(&mut heading, &mut rows, column);
    }
    if let Some(columns) = columns {
        let room = columns.saturating_sub(width(&heading, &rows) + INDENT.len()).min(WIDEST_DAY);
        for (row, day) in rows.iter_mut().zip(days) {
            let [.., bar] = row;
            *bar = bar::of_day(day.used, most, room);
        }
    }
    table(INDENT, heading.each_ref().map(String::as_str), &rows)
}

/// Numbers stand under each other by their last digit.
fn align_right<const N: usize>(heading: &mut [String; N], rows: &mut [[String; N]], column: usize) {
    let cells = || rows.iter().chain([&*heading]).filter_map(|row| row.get(column));
    let widest = cells().map(|cell| cell.chars().count()).max().unwrap_or(0);
    for cell in rows.iter_mut().chain([heading]).filter_map(|row| row.get_mut(column)) {
        *cell = format!("{cell:>widest$}");
    }
}

/// How many columns a table takes before its last, empty one begins.
fn width<const N: usize>(heading: &[String; N], rows: &[[String; N]]) -> usize {
    let widest = |column: usize| {
        let cells = rows.iter().chain([heading]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    (0..N.saturating_sub(1)).map(|column| widest(column) + GAP).sum()
}

const KEY_HEADING: [&str; 8] = ["CLIENT", "KEY", "QUOTA", "USED", "LOST", "LEFT", "RESETS IN", ""];
const DAY_HEADING: [&str; 4] = ["DAY", "USED", "LEFT", ""];
const INDENT: &str = "  ";
/// Blanks between columns.
const GAP: usize = 2;
const NARROWEST_BAR: usize = 8;
const WIDEST_BAR: usize = 40;
const WIDEST_DAY: usize = 30;

#[cfg(test)]
mod tests;
