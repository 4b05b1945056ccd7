//! One input, what must come of it, and the good request that inputs are made from.

use super::hpack::literal;
use super::wire::{DATA, END_HEADERS, END_STREAM, HEADERS, WHOLE, frame};

/// What must come of an input, whose stream is number one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// A token. As after all that end their stream alone, a good request on the same connection is granted.
    Granted,
    /// An answer with this status, in the form of all refusals.
    Refused(u16),
    /// The same, but the broker hears of it and refuses it itself.
    Heard(u16),
    /// The HTTP library's own answer, which is a status and nothing else.
    Bare(u16),
    /// The stream is reset with this code.
    Reset(u32),
    /// The same, when the request was being read already: it is counted by this status, which nobody gets to see.
    ResetWithin(u32, u16),
    /// The client has reset its stream itself, while it was being read: counted by this status, which nobody gets to see.
    GivenUp(u16),
    /// The connection ends with a farewell of this code.
    Ended(u32),
    /// The same, while a request was being read: counted by this status.
    EndedWithin(u32, u16),
    /// The connection ends without a word.
    Closed,
}

impl Outcome {
    /// Whether it is counted, and nobody is told.
    pub(super) const fn is_within(self) -> bool {
        matches!(self, Self::ResetWithin(..) | Self::EndedWithin(..) | Self::GivenUp(_))
    }
}

/// How a connection of an input begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beginning {
    /// As it should.
    Greeting,
    /// With the input.
    Itself,
}

/// An input of the tables.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) outcome: Outcome,
    pub(super) beginning: Beginning,
}

/// A row of a table.
pub(super) fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, outcome: Outcome) -> Case {
    Case { name: name.into(), bytes: bytes.into(), outcome, beginning: Beginning::Greeting }
}

/// A row whose connection begins with it.
pub(super) fn beginning(name: &str, bytes: impl Into<Vec<u8>>, outcome: Outcome) -> Case {
    Case { name: name.into(), bytes: bytes.into(), outcome, beginning: Beginning::Itself }
}

/// Codes of RFC 9113 §7.
pub(super) const NO_ERROR: u32 = 0x0;
pub(super) const PROTOCOL_ERROR: u32 = 0x1;
pub(super) const FLOW_CONTROL_ERROR: u32 = 0x3;
pub(super) const FRAME_SIZE_ERROR: u32 = 0x6;
pub(super) const REFUSED_STREAM: u32 = 0x7;
pub(super) const ENHANCE_YOUR_CALM: u32 = 0xb;

pub(super) const FORM: &str = "grant_type=client_credentials";

/// A request that is granted, and the same with one part changed.
pub(super) struct Good {
    key: String,
}

/// Pseudo-header fields that are granted.
pub(super) const PSEUDO: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/dev/oauth2/token")];

impl Good {
    pub(super) fn new(key: &str) -> Self {
        Self { key: key.trim().to_owned() }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The request as it is, on a stream.
    pub(super) fn on(&self, stream: u32) -> Vec<u8> {
        [frame(HEADERS, END_HEADERS, stream, self.block()), frame(DATA, END_STREAM, stream, FORM)].concat()
    }

    /// Its fields.
    pub(super) fn block(&self) -> Vec<u8> {
        [pseudo(&PSEUDO), self.fields("29")].concat()
    }

    /// Its fields without those that say how long its body is.
    pub(super) fn open_block(&self) -> Vec<u8> {
        [pseudo(&PSEUDO), self.own()].concat()
    }

    /// With another value of one pseudo-header field, or without it.
    pub(super) fn with(&self, name: &str, value: Option<&[u8]>) -> Vec<u8> {
        whole(self.block_with(name, value))
    }

    /// Its block of fields with that.
    pub(super) fn block_with(&self, name: &str, value: Option<&[u8]>) -> Vec<u8> {
        let fields = PSEUDO.iter().filter_map(|(own, usual)| {
            let value = if *own == name { value } else { Some(usual.as_bytes()) };
            Some(literal(own, value?))
        });
        [fields.collect::<Vec<_>>().concat(), self.fields("29")].concat()
    }

    /// With these pseudo-header fields in place of its own.
    pub(super) fn pseudo(&self, fields: &[(&str, &str)]) -> Vec<u8> {
        whole([pseudo(fields), self.fields("29")].concat())
    }

    /// With further fields.
    pub(super) fn and(&self, fields: &[(&[u8], &[u8])]) -> Vec<u8> {
        let further: Vec<_> = fields.iter().map(|(name, value)| literal(name, value)).collect();
        whole([self.block(), further.concat()].concat())
    }

    /// With another length, and this body.
    pub(super) fn long(&self, length: &str, body: &str) -> Vec<u8> {
        let block = [pseudo(&PSEUDO), self.fields(length)].concat();
        [frame(HEADERS, END_HEADERS, 1, block), frame(DATA, END_STREAM, 1, body)].concat()
    }

    /// With another length, and a body that does not end.
    pub(super) fn endless(&self, length: &str) -> Vec<u8> {
        let block = [pseudo(&PSEUDO), self.fields(length)].concat();
        [frame(HEADERS, END_HEADERS, 1, block), frame(DATA, 0, 1, FORM)].concat()
    }

    /// With another length, and no body.
    pub(super) fn bodiless(&self, length: &str) -> Vec<u8> {
        frame(HEADERS, WHOLE, 1, [pseudo(&PSEUDO), self.fields(length)].concat())
    }

    fn fields(&self, length: &str) -> Vec<u8> {
        [self.own(), literal("content-length", length)].concat()
    }

    fn own(&self) -> Vec<u8> {
        let media_type = literal("content-type", "application/x-www-form-urlencoded");
        [literal("x-api-key", &self.key), media_type].concat()
    }
}

/// A request with this block of fields and the usual body.
pub(super) fn whole(block: impl AsRef<[u8]>) -> Vec<u8> {
    [frame(HEADERS, END_HEADERS, 1, block), frame(DATA, END_STREAM, 1, FORM)].concat()
}

fn pseudo(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().map(|(name, value)| literal(name, value)).collect::<Vec<_>>().concat()
}
