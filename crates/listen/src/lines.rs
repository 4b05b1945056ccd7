//! Where a head ends: the first empty line, if every line before it ends as lines must.
//!
//! It goes over the bytes once, however they arrive in pieces, and stops at the first byte that may not be there. So the
//! same bytes come to the same end in one piece or in many, and a head that is wrong is not waited for.

use crate::violation::Violation;

/// How far the lines of a head have been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lines {
    /// How many bytes have been seen.
    seen: usize,
    /// Where the line begins that is not at its end.
    line: usize,
    /// How many lines have ended, with the one empty line that may stand before a request (RFC 9112 §2.2).
    ended: usize,
}

impl Lines {
    /// The length of the head that `bytes` begin with; none yet if it goes on. They are the whole head so far, and longer
    /// than at the last call.
    pub(crate) fn end(&mut self, bytes: &[u8], most: usize) -> Result<Option<usize>, Violation> {
        let within = bytes.get(..most).unwrap_or(bytes);
        loop {
            let rest = within.get(self.seen..).unwrap_or_default();
            let Some(ahead) = first_control(rest) else {
                self.seen = within.len();
                return if bytes.len() > most { Err(self.too_large()) } else { Ok(None) };
            };
            let at = self.seen + ahead;
            match (within.get(at), within.get(at + 1)) {
                (Some(b'\r'), Some(b'\n')) => {
                    let (is_empty, is_first) = (at == self.line, self.ended == 0);
                    (self.seen, self.line, self.ended) = (at + 2, at + 2, self.ended + 1);
                    match (is_empty, is_first, at) {
                        (true, false, 2) => return Err(Violation::RequestLine),
                        (true, false, _) => return Ok(Some(at + 2)),
                        _ => {}
                    }
                }
                (Some(b'\r'), Some(_)) => return Err(Violation::BareCarriageReturn),
                (Some(b'\r'), None) => {
                    self.seen = at;
                    return if bytes.len() > most { Err(self.too_large()) } else { Ok(None) };
                }
                (Some(b'\n'), _) => return Err(Violation::BareLineFeed),
                _ => return Err(Violation::ControlCharacter),
            }
        }
    }

    /// What is too large: the first line, if it has not even ended.
    const fn too_large(self) -> Violation {
        if self.ended == 0 || (self.ended == 1 && self.line == 2) {
            Violation::TargetTooLong
        } else {
            Violation::HeadTooLarge
        }
    }
}

/// Where the first byte stands that ends a line or may not be there. Pieces without any are passed over whole, which the
/// compiler does for all bytes of a piece at once.
fn first_control(bytes: &[u8]) -> Option<usize> {
    let mut passed = 0;
    for piece in bytes.chunks(PIECE) {
        if piece.iter().fold(false, |any, byte| any | is_control(*byte)) {
            return piece.iter().position(|byte| is_control(*byte)).map(|within| passed + within);
        }
        passed += piece.len();
    }
    None
}

const PIECE: usize = 32;

/// Whether this byte ends a line or may not stand in a head. A tab may.
const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(head: &str, most: usize) -> Result<Option<usize>, Violation> {
        Lines::default().end(head.as_bytes(), most)
    }

    #[test]
    fn head_ends_with_its_first_empty_line() {
        for (head, end) in [
            ("GET / HTTP/1.1\r\n\r\n", Some(18)),
            ("GET / HTTP/1.1\r\na: b\r\n\r\nGET", Some(24)),
            ("\r\nGET / HTTP/1.1\r\n\r\n", Some(20)),
            ("GET / HTTP/1.1\r\n", None),
            ("GET / HTTP/1.1\r\n\r", None),
            ("\r\n", None),
            ("\r", None),
            ("", None),
            ("GET\t\u{e9}", None),
        ] {
            assert_eq!(whole(head, 100), Ok(end), "{head:?}");
        }
    }

    #[test]
    fn first_byte_that_may_not_be_there_is_named() {
        for (head, violation) in [
            ("GET / HTTP/1.1\n\n", Violation::BareLineFeed),
            ("GET / HTTP/1.1\r\na: b\n\r\n", Violation::BareLineFeed),
            ("\nGET / HTTP/1.1\r\n\r\n", Violation::BareLineFeed),
            ("GET / HTTP/1.1\ra: b\r\n\r\n", Violation::BareCarriageReturn),
            ("GET / HTTP/1.1\r\r\n\r\n", Violation::BareCarriageReturn),
            ("GET /\0 HTTP/1.1\n\n", Violation::ControlCharacter),
            ("GET / HTTP/1.1\r\na: \x7f", Violation::ControlCharacter),
            ("\x16\x03\x01", Violation::ControlCharacter),
            ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", Violation::RequestLine),
        ] {
            assert_eq!(whole(head, 100), Err(violation), "{head:?}");
        }
    }

    #[test]
    fn head_has_so_many_bytes_and_no_more() {
        assert_eq!(whole("GET / HTTP/1.1\r\n\r\n", 18), Ok(Some(18)));
        assert_eq!(whole("GET / HTTP/1.1\r\n\r\n", 17), Err(Violation::HeadTooLarge));
        assert_eq!(whole("GET / HTTP/1.1\r\na: b", 18), Err(Violation::HeadTooLarge));
        assert_eq!(whole("GET / HTTP/1.1\r\n", 15), Err(Violation::TargetTooLong));
        assert_eq!(whole("GET /aaaaaaaaaaa", 15), Err(Violation::TargetTooLong));
        assert_eq!(whole("\r\nGET /aaaaaaaaa", 15), Err(Violation::TargetTooLong));
    }
}
