//! A chunked body, byte by byte: sizes in hexadecimal, exact line ends, nothing else (RFC 9112 §7.1).
//!
//! It does not decode; it says how far the coding is right. What the standard allows beside it, extensions and trailers,
//! is refused: a token request has no use for them, and readers disagree about them.

use crate::violation::Violation;

/// How many digits a size may have. No body is near as long as eight can say.
const DIGITS: u8 = 8;

/// Where in the coding the next byte is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Chunks {
    /// In a size that has so many digits.
    Size { digits: u8, size: u32 },
    /// Before the line feed after a size.
    SizeFeed { size: u32 },
    /// In a chunk of which so much is to come.
    Data { left: u32 },
    /// After a chunk.
    DataReturn,
    /// Before the line feed after a chunk.
    DataFeed,
    /// After the last size.
    LastReturn,
    /// Before the line feed that ends it all.
    LastFeed,
    /// At the end.
    Over,
}

impl Chunks {
    /// Before the first byte.
    pub(crate) const fn begin() -> Self {
        Self::Size { digits: 0, size: 0 }
    }

    /// Goes over `bytes` up to the end of the body or the first byte that is wrong; how many were right, and the wrong.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> (usize, Option<Violation>) {
        let mut at = 0;
        while *self != Self::Over {
            if let Self::Data { left } = *self {
                let there = bytes.len().saturating_sub(at);
                let taken = u32::try_from(there).unwrap_or(u32::MAX).min(left);
                at += usize::try_from(taken).unwrap_or(there);
                *self = if taken == left { Self::DataReturn } else { Self::Data { left: left - taken } };
            }
            let Some(byte) = bytes.get(at) else { break };
            match self.after(*byte) {
                Ok(next) => *self = next,
                Err(violation) => return (at, Some(violation)),
            }
            at += 1;
        }
        (at, None)
    }

    fn after(self, byte: u8) -> Result<Self, Violation> {
        Ok(match (self, byte) {
            (Self::Size { digits, size }, byte) => return Self::after_size(digits, size, byte),
            (Self::SizeFeed { size: 0 }, b'\n') => Self::LastReturn,
            (Self::SizeFeed { size }, b'\n') => Self::Data { left: size },
            (Self::SizeFeed { .. }, _) => return Err(Violation::ChunkSize),
            (Self::DataReturn, b'\r') => Self::DataFeed,
            (Self::DataFeed, b'\n') => Self::begin(),
            (Self::DataReturn | Self::DataFeed, _) => return Err(Violation::ChunkEnd),
            (Self::LastReturn, b'\r') => Self::LastFeed,
            (Self::LastFeed, b'\n') | (Self::Over, _) => Self::Over,
            (Self::LastReturn | Self::LastFeed, _) => return Err(Violation::Trailer),
            // Data is passed over as a whole.
            (Self::Data { left }, _) => Self::Data { left },
        })
    }

    fn after_size(digits: u8, size: u32, byte: u8) -> Result<Self, Violation> {
        let digit = char::from(byte).to_digit(16);
        match (digit, byte) {
            (Some(digit), _) if digits < DIGITS => {
                Ok(Self::Size { digits: digits + 1, size: (size << 4) | digit })
            }
            (None, b'\r') if digits > 0 => Ok(Self::SizeFeed { size }),
            (None, b';' | b' ' | b'\t') if digits > 0 => Err(Violation::ChunkExtension),
            _ => Err(Violation::ChunkSize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far a body is right, in pieces of `piece` bytes; and whether it is over, or what is wrong.
    fn passed(body: &str, piece: usize) -> (usize, Result<bool, Violation>) {
        let (mut chunks, mut at) = (Chunks::begin(), 0);
        for bytes in body.as_bytes().chunks(piece) {
            let (right, wrong) = chunks.pass(bytes);
            at += right;
            if let Some(violation) = wrong {
                return (at, Err(violation));
            }
        }
        (at, Ok(chunks == Chunks::Over))
    }

    #[test]
    fn right_coding_passes_to_its_end_and_no_further() {
        for (body, right, over) in [
            ("0\r\n\r\n", 5, true),
            ("5\r\nhello\r\n0\r\n\r\nGET /", 15, true),
            ("A\r\n0123456789\r\n000\r\n\r\n", 22, true),
            ("0000000a\r\n0123456789\r\n0\r\n\r\n", 27, true),
            ("5\r\nhel", 6, false),
            ("", 0, false),
        ] {
            for piece in 1..30 {
                assert_eq!(passed(body, piece), (right, Ok(over)), "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn wrong_coding_passes_up_to_its_first_wrong_byte() {
        for (body, right, violation) in [
            ("\r\n", 0, Violation::ChunkSize),
            ("x\r\n", 0, Violation::ChunkSize),
            ("-1\r\n", 0, Violation::ChunkSize),
            ("+1\r\na", 0, Violation::ChunkSize),
            (" 1\r\na", 0, Violation::ChunkSize),
            ("0x1\r\na", 1, Violation::ChunkSize),
            ("1\na", 1, Violation::ChunkSize),
            ("1\r\ra", 2, Violation::ChunkSize),
            ("000000001\r\na", 8, Violation::ChunkSize),
            ("fffffffff\r\n", 8, Violation::ChunkSize),
            ("1;a=b\r\na\r\n", 1, Violation::ChunkExtension),
            ("1 \r\na\r\n", 1, Violation::ChunkExtension),
            ("1\t\r\na\r\n", 1, Violation::ChunkExtension),
            ("1\r\nab\r\n", 4, Violation::ChunkEnd),
            ("1\r\na\n0\r\n\r\n", 4, Violation::ChunkEnd),
            ("1\r\na\r0\r\n\r\n", 5, Violation::ChunkEnd),
            ("0\r\nx-api-key: a\r\n\r\n", 3, Violation::Trailer),
            ("0\r\n\n", 3, Violation::Trailer),
            ("0\r\n\rx", 4, Violation::Trailer),
        ] {
            for piece in 1..20 {
                assert_eq!(passed(body, piece), (right, Err(violation)), "{body:?} by {piece}");
            }
        }
    }
}
