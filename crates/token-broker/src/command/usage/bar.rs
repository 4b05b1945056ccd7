//! Bars of Unicode blocks: what is used, what was lost, what is left. They can be told apart without colour.

use anstyle::Style;

use crate::control::QuotaStanding;
use crate::terminal::{ACCENT, DIM, SPENT, WARN};

/// A quota as `columns` blocks. Whatever is there at all is seen, and only what is whole looks whole.
pub(super) fn of_quota(quota: &QuotaStanding, columns: usize) -> String {
    let whole = quota.whole();
    let lost = share(quota.lost, whole, columns);
    let room = columns.saturating_sub(lost);
    let eighths = share(quota.used, whole, columns * 8).min(room * 8);
    // A full bar is one of which nothing is left.
    let eighths = if quota.left > 0 { eighths.min((room * 8).saturating_sub(8).max(7)) } else { room * 8 };
    // What was never given and never used has nothing to show.
    let eighths = if whole == 0 { 0 } else { eighths };
    let used = blocks(eighths);
    let left = room.saturating_sub(used.chars().count());
    let style = match quota.left {
        0 => SPENT,
        left if left <= whole / 10 => WARN,
        _ => ACCENT,
    };
    [(style, used), (WARN, LOST.repeat(lost)), (DIM, LEFT.repeat(left))].map(painted).concat()
}

/// A day's `used` beside the `most` of any day.
pub(super) fn of_day(used: u64, most: u64, columns: usize) -> String {
    painted((ACCENT, blocks(share(used, most, columns * 8))))
}

fn painted((style, text): (Style, String)) -> String {
    if text.is_empty() { text } else { format!("{style}{text}{style:#}") }
}

/// How many of `parts` are `part` of `whole`: at least one for what is more than nothing.
fn share(part: u64, whole: u64, parts: usize) -> usize {
    if part == 0 || whole == 0 {
        return 0;
    }
    let parts = u128::try_from(parts).unwrap_or(u128::MAX);
    let share = u128::from(part).saturating_mul(parts) / u128::from(whole);
    usize::try_from(share.clamp(1, parts)).unwrap_or(usize::MAX)
}

/// So many eighths of a block.
fn blocks(eighths: usize) -> String {
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const LOST: &str = "▒";
const LEFT: &str = "░";

#[cfg(test)]
mod tests {
    use ambient::Timestamp;

    use super::*;
    use crate::control::{Moment, PeriodWord};

    fn bar(used: u64, lost: u64, left: u64) -> String {
        let start = Moment(Timestamp::EPOCH);
        let quota = QuotaStanding {
            limit: used + lost + left,
            period: PeriodWord::Day,
            offset: 0,
            extra: 0,
            used,
            lost,
            left,
            window_start: start,
            window_end: None,
        };
        anstream::adapter::strip_str(&of_quota(&quota, 8)).to_string()
    }

    #[test]
    fn bar_shows_used_lost_and_left() {
        let bars = [
            ("nothing used", bar(0, 0, 100)),
            ("a little", bar(1, 0, 1_000_000)),
            ("half", bar(50, 0, 50)),
            ("nearly all", bar(999_999, 0, 1)),
            ("all", bar(100, 0, 0)),
            ("a little lost", bar(50, 1, 49)),
            ("much lost", bar(25, 50, 25)),
            ("lost but for a little", bar(1, 10_000, 1)),
            ("all lost", bar(0, 100, 0)),
            ("all gone, a little of it lost", bar(999, 1, 0)),
            ("no quota at all", bar(0, 0, 0)),
            ("so much that a product overflows", bar(u64::MAX / 2, 0, u64::MAX / 2)),
        ];
        let drawn: Vec<String> = bars.iter().map(|(what, bar)| format!("{bar}| {what}")).collect();
        assert_eq!(
            drawn,
            [
                "░░░░░░░░| nothing used",
                "▏░░░░░░░| a little",
                "████░░░░| half",
                "███████░| nearly all",
                "████████| all",
                "████▒░░░| a little lost",
                "██▒▒▒▒░░| much lost",
                "▏▒▒▒▒▒▒▒| lost but for a little",
                "▒▒▒▒▒▒▒▒| all lost",
                "███████▒| all gone, a little of it lost",
                "░░░░░░░░| no quota at all",
                "████░░░░| so much that a product overflows",
            ]
        );
    }

    #[test]
    fn day_is_measured_by_the_busiest_one() {
        let drawn = [(0, 10), (1, 1_000), (5, 10), (10, 10), (0, 0)]
            .map(|(used, most)| anstream::adapter::strip_str(&of_day(used, most, 4)).to_string());
        assert_eq!(drawn, ["", "▏", "██", "████", ""]);
    }
}
