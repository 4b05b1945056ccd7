//! What a person sees, with a terminal to draw on and without.

use ambient::Timestamp;

use super::*;
use crate::control::{Moment, PeriodWord};

/// 2026-11-23T12:00:00Z.
const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);

fn quota(used: u64, lost: u64, left: u64, extra: u64) -> QuotaStanding {
    QuotaStanding {
        limit: 10_000,
        period: PeriodWord::Day,
        offset: 0,
        extra,
        used,
        lost,
        left,
        window_start: Moment(Timestamp::from_secs(1_795_392_000)),
        window_end: Some(Moment(Timestamp::from_secs(1_795_478_400))),
    }
}

fn key(client: &str, key: &str, quota: Option<QuotaStanding>) -> KeyStanding {
    KeyStanding {
        client: client.to_owned(),
        key: key.to_owned(),
        key_id: "abcdefghij".to_owned(),
        plan: "standard".to_owned(),
        usage_plan_id: "abc123".to_owned(),
        quota,
        days: Vec::new(),
    }
}

fn standings() -> Standings {
    let items = vec![
        key("billing", "billing", Some(quota(7_500, 0, 2_500, 0))),
        key("billing", "billing.2", Some(quota(9_000, 1_000, 500, 500))),
        key("free", "free", None),
        key("reports", "reports", Some(quota(0, 0, 10_000, 0))),
    ];
    Standings { at: Moment(NOON), items, position: None }
}

fn shown(standings: &Standings, columns: Option<usize>) -> String {
    anstream::adapter::strip_str(&for_people(standings, columns)).to_string()
}

#[test]
fn table_has_bars_as_wide_as_the_terminal_leaves_room_for() {
    let text = shown(&standings(), Some(96));
    assert_eq!(
        text,
        "\
CLIENT   KEY        QUOTA              USED  LOST   LEFT  RESETS IN
billing  billing    10000 a day        7500     0   2500  12 h       ████████████████████▎░░░░░░
billing  billing.2  10000 a day + 500  9000  1000    500  12 h       ███████████████████████▏▒▒░
free     free       none                  -     -      -  -
reports  reports    10000 a day           0     0  10000  12 h       ░░░░░░░░░░░░░░░░░░░░░░░░░░░
"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 96));
}

#[test]
fn without_a_terminal_or_without_room_there_are_no_bars() {
    for columns in [None, Some(0), Some(74)] {
        let text = shown(&standings(), columns);
        assert!(!text.contains(['█', '░', '▒']) && text.contains("billing.2"), "{text}");
    }
    assert!(shown(&standings(), Some(77)).contains('░'));
}

#[test]
fn terminal_too_narrow_for_the_table_has_paragraphs() {
    let text = shown(&standings(), Some(40));
    assert_eq!(
        text,
        "\
billing
  10000 a day
  used 7500, lost 0, left 2500
  resets in 12 h
  ████████████████████████████▌░░░░░░░░░

billing.2
  of billing
  10000 a day + 500
  used 9000, lost 1000, left 500
  resets in 12 h
  ████████████████████████████████▌▒▒▒░░

free
  no quota

reports
  10000 a day
  used 0, lost 0, left 10000
  resets in 12 h
  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
"
    );
    let table = shown(&standings(), None);
    let widest = table.lines().map(str::len).max().unwrap();
    assert_eq!(shown(&standings(), Some(widest)), table, "the table just fits");
    assert!(shown(&standings(), Some(widest - 1)).starts_with("billing\n"));
    assert!(shown(&standings(), Some(9)).lines().any(|line| line == "  resets in 12 h"));
}

#[test]
fn days_are_listed_under_the_table() {
    let mut standings = standings();
    standings.items.truncate(1);
    standings.items[0].days = [("2026-11-22", 400, 9_600), ("2026-11-23", 7_500, 2_500)]
        .map(|(day, used, remaining)| OneDay { day: day.to_owned(), used, remaining })
        .to_vec();
    let text = shown(&standings, Some(60));
    let days = text.split_once("\n\n").unwrap().1;
    assert_eq!(
        days,
        "\
billing days are UTC
  DAY         USED  LEFT
  2026-11-22   400  9600  █▌
  2026-11-23  7500  2500  ██████████████████████████████
"
    );
    assert!(!shown(&standings, None).contains('█'));
}

#[test]
fn programs_are_given_values_by_key_and_where_each_stands() {
    let mut standings = standings();
    standings.items[0].days = vec![OneDay { day: "2026-11-23".to_owned(), used: 7_500, remaining: 2_500 }];
    standings.items.remove(1);
    standings.items.truncate(2);
    let today = Day::of(NOON);
    let json = for_programs(standings, today, today);
    assert_eq!(json["values"], json!({ "abcdefghij": [[7_500, 2_500]] }));
    assert_eq!((&json["startDate"], &json["endDate"]), (&json!("2026-11-23"), &json!("2026-11-23")));
    assert_eq!(json["at"], "2026-11-23T12:00:00Z");
    assert_eq!(json["standings"][0]["quota"]["windowEnd"], "2026-11-24T00:00:00Z");
    assert_eq!(json["standings"][1]["quota"], serde_json::Value::Null);
    assert!(json["standings"][0].get("days").is_none());
}
