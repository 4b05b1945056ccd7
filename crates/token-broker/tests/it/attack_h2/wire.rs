//! A connection of a client that sends the frames it likes and reads what comes back frame by frame.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

use super::carrier::{self, Carrier};
use super::hpack;
use crate::attack::wire::Answer;
use crate::harness::Server;

/// Longer than any answer takes; a test that comes to it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const WITH_PRIORITY: u8 = 0x20;
pub(super) const WHOLE: u8 = END_STREAM | END_HEADERS;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame as it stands on the wire.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One setting.
pub(super) fn setting(number: u16, value: u32) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), &value.to_be_bytes()].concat()
}

type Fields = Vec<(String, String)>;

/// Everything that came back on a connection.
#[derive(Default)]
pub(super) struct Heard {
    /// What was answered on each stream that has ended.
    pub(super) answers: BTreeMap<u32, Answer>,
    /// Streams that were reset, and by which code.
    pub(super) resets: BTreeMap<u32, u32>,
    /// The code of the last farewell.
    pub(super) farewell: Option<u32>,
    pub(super) is_closed: bool,
    begun: BTreeMap<u32, (Fields, Vec<u8>)>,
}

pub(super) struct Connection {
    carrier: Carrier,
    read: Vec<u8>,
    pub(super) heard: Heard,
}

impl Connection {
    /// A connection on which nothing has been said.
    pub(super) fn open(server: &Server) -> Self {
        let connection = Self { carrier: carrier::open(server), read: Vec::new(), heard: Heard::default() };
        connection.wait_for_at_most(PATIENCE);
        connection
    }

    /// Says what every connection begins with, and waits for the same from the other side. No table of fields is to be kept
    /// for this client, and all answers together have room.
    pub(super) fn greet(&mut self) -> Result<(), String> {
        let room = frame(WINDOW_UPDATE, 0, 0, (1_u32 << 30).to_be_bytes());
        self.send(&[PREFACE, &frame(SETTINGS, 0, 0, setting(1, 0)), &room].concat());
        // Its settings, and then how much it takes on all streams together.
        while !matches!(self.next()?, Some(WINDOW_UPDATE) | None) {}
        self.send(&frame(SETTINGS, ACK, 0, []));
        Ok(())
    }

    /// Sends everything, unless the other end closes first.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _closed = self.carrier.write_all(bytes).and_then(|()| self.carrier.flush());
    }

    /// Reads until `enough`, or until the other end closes.
    pub(super) fn hear(&mut self, enough: impl Fn(&Heard) -> bool) -> Result<(), String> {
        while !enough(&self.heard) && !self.heard.is_closed {
            self.next()?;
        }
        Ok(())
    }

    /// Waits so long for each piece.
    pub(super) fn wait_for_at_most(&self, time: Duration) {
        self.carrier.sock.set_read_timeout(Some(time)).unwrap();
    }

    /// The kind of the next frame; none at the end.
    fn next(&mut self) -> Result<Option<u8>, String> {
        loop {
            if let Some((head, rest)) = self.read.split_first_chunk::<9>() {
                let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
                let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                if let Some(payload) = rest.get(..length) {
                    let (kind, flags, payload) = (head[3], head[4], payload.to_vec());
                    self.read.drain(..9 + length);
                    self.heard.note(kind, flags, stream, &payload)?;
                    return Ok(Some(kind));
                }
            }
            let mut piece = [0; 4096];
            match self.carrier.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => self.read.extend_from_slice(&piece[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(format!("still open after {:?}", self.heard));
                }
                Err(_reset) => break,
            }
        }
        self.heard.is_closed = true;
        Ok(None)
    }
}

/// As short as it can be: there may be a hundred answers.
impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers: Vec<_> = self.answers.iter().map(|(stream, answer)| (stream, answer.status)).collect();
        let Self { resets, farewell, is_closed, .. } = self;
        write!(f, "answers {answers:?}, resets {resets:?}, farewell {farewell:?}, closed {is_closed}")
    }
}

impl Heard {
    /// Whether nothing more will come on a stream.
    pub(super) fn is_over(&self, stream: u32) -> bool {
        self.answers.contains_key(&stream) || self.resets.contains_key(&stream)
    }

    fn note(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<(), String> {
        let code = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match kind {
            HEADERS => {
                if flags & END_HEADERS == 0 {
                    return Err("an answer whose fields go on".to_owned());
                }
                self.begun.insert(stream, (hpack::read(payload)?, Vec::new()));
            }
            DATA => self.begun.get_mut(&stream).ok_or("a body without a head")?.1.extend_from_slice(payload),
            RESET => drop(self.resets.insert(stream, code(0))),
            GO_AWAY => self.farewell = Some(code(4)),
            PUSH_PROMISE | CONTINUATION => return Err(format!("a frame of kind {kind}")),
            _ => {}
        }
        if kind < 2 && flags & END_STREAM != 0 {
            let (fields, body) = self.begun.remove(&stream).unwrap();
            self.answers.insert(stream, answer(&fields, body)?);
        }
        Ok(())
    }
}

/// The answer as another protocol would put it, so that both are held against the same rules.
fn answer(fields: &[(String, String)], body: Vec<u8>) -> Result<Answer, String> {
    let [(status, code), fields @ ..] = fields else { return Err("no status".to_owned()) };
    if status != ":status" || fields.iter().any(|(name, _)| name.starts_with(':') || name == "connection") {
        return Err(format!("wrong fields: {fields:?}"));
    }
    let body = String::from_utf8(body).map_err(|error| error.to_string())?;
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("HTTP/2 {code} -\r\n{}\r\n{body}", lines.concat());
    Ok(Answer { status: code.parse().map_err(|_| "no status")?, text, body })
}
