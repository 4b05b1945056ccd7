//! What can be wrong with the bytes of a request, and the status that each wrong has.
//!
//! A violation names the rule, never what was sent: it may be logged and shown.

use http::{Method, StatusCode, Version};

/// Why the bytes of a request are refused before anything else looks at them.
///
/// Exhaustive on purpose: whoever answers by its own table has a row for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Violation {
    /// A line of the head ends in a line feed alone. RFC 9112 §2.2 lets a reader take it for an end, and not every one does.
    #[error("a line of the head ends without a carriage return")]
    BareLineFeed,
    /// A carriage return that no line feed follows (RFC 9112 §2.2).
    #[error("a carriage return stands alone")]
    BareCarriageReturn,
    /// A byte that may stand nowhere in a head: NUL, another control character, DEL.
    #[error("the head has a control character")]
    ControlCharacter,
    /// The first line is not a method, a target and a version with one space between them.
    #[error("the request line is malformed")]
    RequestLine,
    /// The version is neither HTTP/1.1 nor HTTP/1.0.
    #[error("the protocol version is not HTTP/1.1 or HTTP/1.0")]
    Version,
    /// The target is neither a path nor a whole URL, or has a character that must be encoded there (RFC 9112 §3.2).
    #[error("the request target is malformed")]
    Target,
    /// A `CONNECT`: this is no proxy.
    #[error("tunnels are not made here")]
    Tunnel,
    /// A protocol is asked for that is not spoken here, or settings come for one that is not asked for.
    #[error("the protocol that is asked for is not spoken here")]
    Upgrade,
    /// A header line is not a name, a colon right after it, and a value; or it goes on on the next line (RFC 9112 §5).
    #[error("a header line is malformed")]
    Field,
    /// There are more header lines than may be.
    #[error("there are too many header lines")]
    TooManyFields,
    /// The head has more bytes than it may.
    #[error("the head is too large")]
    HeadTooLarge,
    /// The first line alone has more bytes than a head may.
    #[error("the request line is too long")]
    TargetTooLong,
    /// Not exactly one `Host`, one that is none, or one that the target contradicts (RFC 9112 §3.2).
    #[error("the request has no Host, more than one, one that is none, or not that of its target")]
    Host,
    /// `Content-Length` is not a row of digits, or stands more than once.
    #[error("the Content-Length is malformed, or stands more than once")]
    Length,
    /// `Content-Length` says more than can be counted.
    #[error("the Content-Length is too large")]
    HugeLength,
    /// `Transfer-Encoding` is not one `chunked` (RFC 9112 §6.1).
    #[error("the transfer coding is not just `chunked`")]
    Coding,
    /// `Content-Length` beside `Transfer-Encoding`: two answers to where the body ends.
    #[error("the request has both a Content-Length and a Transfer-Encoding")]
    LengthAndCoding,
    /// A transfer coding in HTTP/1.0, which has none.
    #[error("the request has a Transfer-Encoding and is HTTP/1.0")]
    CodingBeforeItsTime,
    /// `Expect` says something else than `100-continue`.
    #[error("the expectation is not `100-continue`")]
    Expectation,
    /// A chunk does not begin with a row of hexadecimal digits of a bounded length and a line end.
    #[error("the size of a chunk is malformed")]
    ChunkSize,
    /// A chunk has an extension. Nobody needs them, and readers disagree about where they end.
    #[error("a chunk has an extension")]
    ChunkExtension,
    /// The bytes after a chunk are no line end.
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// Something follows the last chunk.
    #[error("fields follow the last chunk")]
    Trailer,
}

impl Violation {
    /// The status of a request that does this.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooManyFields | Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HugeLength => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The first line of a request that is refused, as far as it could be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The path as it was sent, without the query. Empty if the target has none.
    pub path: String,
    /// The version.
    pub version: Version,
}

/// A violation in a head, and what could still be read of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) violation: Violation,
    pub(crate) line: Option<RequestLine>,
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self { violation, line: None }
    }
}
