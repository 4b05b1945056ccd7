//! One input, what must come of it, and the good request that inputs are made from.

/// What must come of an input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// One answer with this status; then the connection is closed.
    Refused(u16),
    /// An answer with this status that leaves the connection open; a good request on it is granted.
    Kept(u16),
    /// The same, but the broker hears of it and refuses it itself.
    Heard(u16),
    /// A token, and the connection stays open.
    Granted,
    /// A token; then the connection is closed and nothing that follows is read.
    GrantedThenClosed,
    /// A token, and then an answer with this status that closes the connection.
    GrantedThenRefused(u16),
    /// Not a whole request: closed without an answer when the peer says no more.
    Closed,
}

/// An input of the tables.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) outcome: Outcome,
}

/// A row of a table.
pub(super) fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, outcome: Outcome) -> Case {
    Case { name: name.into(), bytes: bytes.into(), outcome }
}

/// A request that is granted, and the same with one part changed.
pub(super) struct Good {
    key: String,
}

/// The method, the target and the version that are granted.
pub(super) const LINE: &str = "POST /dev/oauth2/token HTTP/1.1";
pub(super) const HOST: &str = "Host: localhost\r\n";
pub(super) const LENGTH: &str = "Content-Length: 29\r\n";
pub(super) const FORM: &str = "grant_type=client_credentials";

impl Good {
    pub(super) fn new(key: &str) -> Self {
        Self { key: key.trim().to_owned() }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The request as it is.
    pub(super) fn whole(&self) -> Vec<u8> {
        self.fields("")
    }

    /// With another first line, without its end.
    pub(super) fn line(&self, line: impl AsRef<[u8]>) -> Vec<u8> {
        self.build(line.as_ref(), HOST, b"", LENGTH, FORM.as_bytes())
    }

    /// With these lines in place of its `Host`.
    pub(super) fn host(&self, lines: &str) -> Vec<u8> {
        self.build(LINE.as_bytes(), lines, b"", LENGTH, FORM.as_bytes())
    }

    /// With further lines, each with its end.
    pub(super) fn fields(&self, lines: impl AsRef<[u8]>) -> Vec<u8> {
        self.build(LINE.as_bytes(), HOST, lines.as_ref(), LENGTH, FORM.as_bytes())
    }

    /// With these lines in place of its `Content-Length`, and this body.
    pub(super) fn framed(&self, lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
        self.build(LINE.as_bytes(), HOST, b"", lines, body.as_ref())
    }

    /// In chunks.
    pub(super) fn chunked(&self, body: impl AsRef<[u8]>) -> Vec<u8> {
        self.framed("Transfer-Encoding: chunked\r\n", body)
    }

    fn build(&self, line: &[u8], host: &str, fields: &[u8], framing: &str, body: &[u8]) -> Vec<u8> {
        let key = format!("x-api-key: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n", self.key);
        let parts: [&[u8]; 8] =
            [line, b"\r\n", host.as_bytes(), key.as_bytes(), fields, framing.as_bytes(), b"\r\n", body];
        parts.concat()
    }
}
