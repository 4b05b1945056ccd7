//! Follows the requests of a connection byte by byte: head, body, head, and so on, and stops at the first wrong.
//!
//! It knows nothing of sockets and keeps no bytes: it says how many of those shown to it may go on to the HTTP library.
//! What may go on does not depend on the pieces that bytes come in.

use crate::chunks::Chunks;
use crate::head::{self, Framing};
use crate::lines::Lines;
use crate::violation::{Fault, Violation};

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadBounds {
    pub(crate) bytes: usize,
    pub(crate) fields: usize,
}

/// Where in its requests a connection is.
#[derive(Debug)]
pub(crate) struct Follow {
    bounds: HeadBounds,
    at: At,
    /// Whether nothing may follow the request that is under way.
    is_last: bool,
    /// Heads that were right, or were wrong and ended it all.
    heads: u32,
    /// Requests that were seen to their end.
    whole: u32,
}

#[derive(Debug)]
enum At {
    Head(Lines),
    Body { left: u64 },
    Chunks(Chunks),
    End,
}

/// Why nothing further goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The next head is wrong.
    Refuse(Fault),
    /// The body that is under way is coded wrongly.
    Break(Violation),
    /// The last request has been seen whole.
    Last,
}

impl Follow {
    /// Before the first byte of a connection.
    pub(crate) fn begin(bounds: HeadBounds) -> Self {
        Self { bounds, at: At::Head(Lines::default()), is_last: false, heads: 0, whole: 0 }
    }

    /// How many of `bytes` may go on, and why it ends there if it does. A head goes on whole: what is left over otherwise
    /// is the beginning of one and is shown again, with more.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> (usize, Option<Stop>) {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            let (further, stop) = self.step(rest);
            passed += further;
            if stop.is_some() {
                self.at = At::End;
                return (passed, stop);
            }
            if further == 0 {
                break;
            }
        }
        (passed, None)
    }

    /// Whether a request is under way.
    pub(crate) const fn is_within(&self) -> bool {
        !matches!(self.at, At::Head(_))
    }

    /// How many requests have begun: with a head that was right, or with one that ended it all.
    pub(crate) const fn heads(&self) -> u32 {
        self.heads
    }

    /// How many requests have been seen to their end.
    pub(crate) const fn whole(&self) -> u32 {
        self.whole
    }

    fn step(&mut self, bytes: &[u8]) -> (usize, Option<Stop>) {
        match &mut self.at {
            At::Head(lines) => match lines.end(bytes, self.bounds.bytes) {
                Ok(None) => (0, None),
                Ok(Some(end)) => self.begin_request(bytes.get(..end).unwrap_or_default()),
                Err(violation) => self.refuse(violation.into()),
            },
            At::Body { left } => {
                let there = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let taken = there.min(*left);
                *left -= taken;
                let is_over = *left == 0;
                (usize::try_from(taken).unwrap_or(bytes.len()), is_over.then(|| self.end_request()).flatten())
            }
            At::Chunks(chunks) => match chunks.pass(bytes) {
                (right, Some(violation)) => (right, Some(Stop::Break(violation))),
                (right, None) => {
                    let is_over = *chunks == Chunks::Over;
                    (right, is_over.then(|| self.end_request()).flatten())
                }
            },
            At::End => (0, None),
        }
    }

    fn begin_request(&mut self, head: &[u8]) -> (usize, Option<Stop>) {
        let checked = match head::check(head, self.bounds.fields) {
            Ok(checked) => checked,
            Err(fault) => return self.refuse(fault),
        };
        self.heads += 1;
        self.is_last = checked.is_last;
        self.at = match checked.framing {
            Framing::Length(0) => return (head.len(), self.end_request()),
            Framing::Length(left) => At::Body { left },
            Framing::Chunked => At::Chunks(Chunks::begin()),
        };
        (head.len(), None)
    }

    fn end_request(&mut self) -> Option<Stop> {
        self.whole += 1;
        self.at = At::Head(Lines::default());
        self.is_last.then_some(Stop::Last)
    }

    fn refuse(&mut self, fault: Fault) -> (usize, Option<Stop>) {
        self.heads += 1;
        self.whole += 1;
        (0, Some(Stop::Refuse(fault)))
    }
}

#[cfg(test)]
pub(crate) mod tests;
