//! What a person sees: tables and colour, colour only on a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// What is worth looking at.
pub(crate) const ACCENT: Style = AnsiColor::Cyan.on_default();
/// What is only by the way.
pub(crate) const DIM: Style = Style::new().dimmed();
const WRONG: Style = AnsiColor::Red.on_default().bold();

/// Prints an error and what caused it to stderr.
pub(crate) fn error(error: &anyhow::Error) {
    anstream::eprintln!("{WRONG}error:{WRONG:#} {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  caused by: {cause}");
    }
}

/// A table with a heading, columns as wide as what is in them, two spaces between, and `indent` before each line.
pub(crate) fn table<const N: usize>(indent: &str, heading: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let mut line = indent.to_owned();
        for (cell, width) in cells.iter().zip(widths) {
            // A string takes every write.
            let _written = write!(line, "{cell:<width$}  ");
        }
        line.trim_end().to_owned()
    };
    let mut text = format!("{HEADING}{}{HEADING:#}\n", line(heading));
    for row in rows {
        text.push_str(&line(row.each_ref().map(String::as_str)));
        text.push('\n');
    }
    text
}

/// A duration in the two largest units that say it: `1 h 5 min`, `59 min 30 s`, `12 s`.
pub(crate) fn duration(seconds: u64) -> String {
    let parts = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let named = parts.iter().filter_map(|(size, unit)| {
        let count = rest / size;
        rest %= size;
        (count > 0).then(|| format!("{count} {unit}"))
    });
    let text = named.take(2).collect::<Vec<_>>().join(" ");
    if text.is_empty() { "0 s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_as_wide_as_what_is_in_it() {
        let text = table("  ", ["NAME", "N"], &[["a".into(), "1".into()], ["longer".into(), "22".into()]]);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "  NAME    N\n  a       1\n  longer  22\n");
    }

    #[test]
    fn duration_is_said_in_two_units() {
        let said = [(0, "0 s"), (59, "59 s"), (3_599, "59 min 59 s"), (3_600, "1 h"), (90_061, "1 d 1 h")];
        for (seconds, text) in said {
            assert_eq!(duration(seconds), text);
        }
    }
}
