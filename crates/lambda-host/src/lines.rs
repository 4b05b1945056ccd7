//! What a process writes, cut into lines no longer than a bound.

/// The bytes of a stream as lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    is_cut: bool,
}

impl Lines {
    /// Takes `bytes`, and calls `line` with each line that they complete and with whether it was cut.
    pub(crate) fn push(&mut self, bytes: &[u8], line: &mut impl FnMut(&str, bool)) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = LONGEST.saturating_sub(self.line.len());
            self.is_cut |= piece.len() > room;
            self.line.extend(piece.iter().take(room));
            if pieces.peek().is_some() {
                self.complete(line);
            }
        }
    }

    /// Calls `line` with what came after the last end of line, if anything did.
    pub(crate) fn finish(&mut self, line: &mut impl FnMut(&str, bool)) {
        if !self.line.is_empty() {
            self.complete(line);
        }
    }

    fn complete(&mut self, line: &mut impl FnMut(&str, bool)) {
        let bytes = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        line(&harmless(&String::from_utf8_lossy(bytes)), self.is_cut);
        self.line.clear();
        self.is_cut = false;
    }
}

/// `text` without what could steer a terminal, or pass for another line of the log.
fn harmless(text: &str) -> String {
    let steers = |character: char| character.is_control() && character != '\t';
    text.chars()
        .map(|character| if steers(character) { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}

/// The longest line.
pub(crate) const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<(String, bool)> {
        let mut taken = Vec::new();
        let mut line = |text: &str, is_cut: bool| taken.push((text.to_owned(), is_cut));
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece, &mut line);
        }
        lines.finish(&mut line);
        taken
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let lines = split(&[b"on", b"e\ntwo\r\n\nfo", b"ur"]);
        assert_eq!(lines, [("one", false), ("two", false), ("", false), ("four", false)].map(owned));
    }

    #[test]
    fn long_line_is_cut_and_the_next_one_is_whole() {
        let long = vec![b'x'; LONGEST + 1];
        let lines = split(&[&long, b"x\nshort\n"]);
        assert_eq!(lines, [owned((&"x".repeat(LONGEST), true)), owned(("short", false))]);
        let longest = vec![b'x'; LONGEST];
        assert_eq!(split(&[&longest, b"\n"]), [owned((&"x".repeat(LONGEST), false))]);
    }

    #[test]
    fn what_is_no_text_or_steers_a_terminal_is_replaced() {
        assert_eq!(split(&[b"\xff\x1b[2Jhi\tthere\n"]), [owned(("\u{fffd}\u{fffd}[2Jhi\tthere", false))]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[a-c\n\r]{0,40}", cuts in proptest::collection::vec(0_usize..40, 0..6)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            pieces.push(&text.as_bytes()[from..]);
            prop_assert_eq!(split(&pieces), split(&[text.as_bytes()]));
        }
    }

    fn owned((text, is_cut): (&str, bool)) -> (String, bool) {
        (text.to_owned(), is_cut)
    }
}
