//! What is printed: text and errors, tables and colour, colour only on a terminal.
//!
//! Everything that goes to stdout goes through [`print()`]: a reader that has read enough (`| head`) ends no command with
//! an error, and a disk that is full does.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use rustix::termios::tcgetwinsize;

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// What is worth looking at.
pub(crate) const ACCENT: Style = AnsiColor::Cyan.on_default();
/// What is only by the way.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is nearly used up.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// What is used up.
pub(crate) const SPENT: Style = AnsiColor::Red.on_default();
const WRONG: Style = AnsiColor::Red.on_default().bold();

/// Prints to stdout, all of it before it returns. That nobody reads it any more is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write_to(anstream::stdout(), text).context("stdout cannot be written")
}

/// Prints to stdout and ends the line.
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    print(&format!("{text}\n"))
}

/// Prints an error and what caused it to stderr.
pub(crate) fn error(error: &anyhow::Error) {
    // Where stderr cannot be written there is nobody left to tell; the exit code says the rest.
    let _told = write_to(io::stderr(), &error_text(error));
}

/// What is printed of an error and what caused it, in colour where stderr has colour.
pub(crate) fn error_text(error: &anyhow::Error) -> String {
    let mut text = format!("{WRONG}error:{WRONG:#} {error}\n");
    for cause in error.chain().skip(1) {
        // A string takes every write.
        let _written = writeln!(text, "  caused by: {cause}");
    }
    match anstream::AutoStream::choice(&io::stderr()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
        _ => text,
    }
}

/// Flushes as well: what stays in a buffer until the end fails unseen.
fn write_to(mut out: impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// How many columns stdout has, if it is a terminal.
pub(crate) fn columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    // A terminal that does not know how wide it is says zero.
    let known =
        tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    Some(known.unwrap_or(80))
}

/// A text as one word of a shell's command line: quoted unless it is plain.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    // `=` is plain inside a word only: at the start of one, zsh looks for a program of that name.
    let plain = |character: char| character.is_ascii_alphanumeric() || "_./:@%+,-".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''")).into()
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

    /// Takes nothing, for the reason it was made with.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn reader_that_is_gone_is_no_error_and_a_full_disk_is() {
        assert!(write_to(Broken(ErrorKind::BrokenPipe), "text").is_ok());
        assert!(write_to(Broken(ErrorKind::StorageFull), "text").is_err());
        let full_only_when_flushed = io::BufWriter::new(Broken(ErrorKind::StorageFull));
        assert!(write_to(full_only_when_flushed, "text").is_err());
    }

    #[test]
    fn shell_reads_a_word_as_it_was() {
        for plain in [".token-broker/keys/billing", "http://127.0.0.1:8080/dev/oauth2/token", "a@b%2F+c,d_e"]
        {
            assert_eq!(shell_word(plain), plain);
        }
        for text in ["", "my dir", "it's", "$HOME", "`id`", "a\"b", "a;b", "~", "=ls", "*", "a\nb", "ä"] {
            let script = format!("printf %s {}", shell_word(text));
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), text, "{script}");
        }
    }

    #[test]
    fn duration_is_said_in_two_units() {
        let said = [(0, "0 s"), (59, "59 s"), (3_599, "59 min 59 s"), (3_600, "1 h"), (90_061, "1 d 1 h")];
        for (seconds, text) in said {
            assert_eq!(duration(seconds), text);
        }
    }
}
