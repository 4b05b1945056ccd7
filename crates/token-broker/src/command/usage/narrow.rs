//! Where each key stands on a terminal that is too narrow for the table: a few short lines for each.

use std::fmt::Write as _;

use super::{INDENT, NARROWEST_BAR, WIDEST_BAR, bar, resets_in, size};
use crate::control::Standings;
use crate::terminal::{ACCENT, DIM};

/// A paragraph for each key, no wider than names and numbers must be.
pub(super) fn keys(standings: &Standings, columns: usize) -> String {
    let mut text = String::new();
    for item in &standings.items {
        let begin = if text.is_empty() { "" } else { "\n" };
        // A string takes every write, here and below.
        let _written = writeln!(text, "{begin}{ACCENT}{}{ACCENT:#}", item.key);
        if item.key != item.client {
            let _written = writeln!(text, "{INDENT}{DIM}of {}{DIM:#}", item.client);
        }
        let Some(quota) = &item.quota else {
            let _written = writeln!(text, "{INDENT}no quota");
            continue;
        };
        let _written = writeln!(text, "{INDENT}{}", size(quota));
        let _written =
            writeln!(text, "{INDENT}used {}, lost {}, left {}", quota.used, quota.lost, quota.left);
        let _written = writeln!(text, "{INDENT}resets in {}", resets_in(quota, standings));
        let room = columns.saturating_sub(INDENT.len()).min(WIDEST_BAR);
        if room >= NARROWEST_BAR {
            let _written = writeln!(text, "{INDENT}{}", bar::of_quota(quota, room));
        }
    }
    text
}
