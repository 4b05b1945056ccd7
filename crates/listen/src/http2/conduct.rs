//! What the frames of a connection add up to: which streams are open, who waits for whom, and whether the peer asks for more
//! work than it gives reason for.
//!
//! The HTTP library answers or ignores most frames one by one, for as long as they come. Here they cost: each frame but that
//! of a body takes from an allowance that time and answered requests fill up again. A peer that has spent it only makes work.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::frames::{Head, Kind};
use crate::holding::Holding;
use crate::linger::LINGER_BYTES;

/// What both ends of a connection have said so far.
#[derive(Debug)]
pub(crate) struct Conduct {
    streams: HashMap<u32, Stream>,
    /// The latest stream that the peer has opened.
    newest: u32,
    /// Since when there is a block of header fields that has begun and not ended.
    fields_since: Option<Instant>,
    /// The stream that ends on the peer's side with the frame under way, or with its block of fields.
    ending: Option<Ending>,
    /// Whether the peer has said its settings, which come first.
    has_settled: bool,
    /// Whether we have said that no further stream is welcome.
    is_parting: bool,
    /// What the bodies hold of the streams that are open.
    bodies: Holding,
    /// Streams whose answers have begun and not ended.
    answering: usize,
    allowance: Allowance,
    /// When a stream was last forgotten, or the peer told to leave.
    since: Instant,
}

/// A stream that is open in at least one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// What its body holds.
    body: usize,
    /// What came of its body after the answer.
    late: usize,
    /// The request is whole.
    is_heard: bool,
    answer: Said,
}

/// How the peer ends a stream.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// It has nothing more to say on it.
    Said(u32),
    /// It wants to hear nothing more of it.
    Reset(u32),
}

/// How far a stream is answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Said {
    /// Not at all.
    #[default]
    Nothing,
    /// The answer has begun, and went on at that time for the last time.
    Begun(Instant),
    /// The answer is whole, and is a head alone.
    Head,
    /// The answer is whole and has a body, as all answers of handlers have that come before the end of a request.
    Whole,
}

impl Said {
    const fn is_whole(self) -> bool {
        matches!(self, Self::Head | Self::Whole)
    }

    const fn under_way_since(self) -> Option<Instant> {
        match self {
            Self::Begun(since) => Some(since),
            Self::Nothing | Self::Head | Self::Whole => None,
        }
    }
}

/// What the peer has done too much of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Excess {
    /// Frames that no answer came of.
    #[error("too many frames for the requests that were answered")]
    Frames,
    /// Bodies that are under way at once.
    #[error("the bodies under way are too large together")]
    Bodies,
    /// Streams that are neither answered nor ended.
    #[error("too many streams are left open")]
    Streams,
}

/// What a frame changed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Change {
    /// A request is whole, or is answered before it is.
    pub(crate) is_heard: bool,
    /// The answer to one has begun, or never will. What it still lacks then waits for its peer alone.
    pub(crate) is_answered: bool,
}

/// What a connection waits for from its peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Waiting {
    /// For its settings.
    ForSettings,
    /// For the rest of header fields that have begun.
    ForFields,
    /// For a request: no stream is open.
    ForRequests,
    /// The same, and further ones are not welcome.
    ToPart,
    /// For an answer to be taken.
    ForRoom,
}

impl Conduct {
    /// Nothing has been said.
    pub(crate) fn begin(bodies: Holding, now: Instant) -> Self {
        Self {
            streams: HashMap::new(),
            newest: 0,
            fields_since: None,
            ending: None,
            has_settled: false,
            is_parting: false,
            bodies,
            answering: 0,
            allowance: Allowance { left: MOST, at: now },
            since: now,
        }
    }

    /// Everything that the connection waits for, and since when. Nothing if that is a handler, or a body that a handler waits
    /// for.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (Waiting, Instant)> {
        let first = (!self.has_settled).then_some((Waiting::ForSettings, self.since));
        let fields = self.fields_since.map(|since| (Waiting::ForFields, since));
        let idle = if self.is_parting { Waiting::ToPart } else { Waiting::ForRequests };
        let idle = (self.has_settled && self.streams.is_empty()).then_some((idle, self.since));
        let room = self.answering_since().map(|since| (Waiting::ForRoom, since));
        [first, fields, idle, room].into_iter().flatten()
    }

    /// Since when the answer lies that has not gone on for longest.
    fn answering_since(&self) -> Option<Instant> {
        if self.answering == 0 {
            return None;
        }
        self.streams.values().filter_map(|stream| stream.answer.under_way_since()).min()
    }

    /// The latest stream that the peer has opened.
    pub(crate) const fn newest(&self) -> u32 {
        self.newest
    }

    /// Takes note of the head of a frame that comes in.
    pub(crate) fn hear(&mut self, head: Head, now: Instant) -> Result<(), Excess> {
        self.has_settled = true;
        if head.ends_stream() {
            self.ending = Some(Ending::Said(head.stream));
        }
        let cost = match head.kind {
            Kind::Headers => return self.hear_fields(head, now),
            Kind::Data => return self.hear_data(head, now),
            Kind::Continuation => {
                self.fields_since = self.fields_since.filter(|_| !head.ends_fields());
                1
            }
            Kind::Reset => {
                self.ending = Some(Ending::Reset(head.stream));
                RESET
            }
            Kind::Settings if !head.is_acknowledgement() => SETTINGS,
            _ => 1,
        };
        self.allowance.spend(cost, now)
    }

    /// Takes note that all of the frame has come whose head came in last. A request is whole only then, and when all of its
    /// fields have come: until then it is the peer that is waited for.
    pub(crate) fn hear_end(&mut self, now: Instant) -> Change {
        if self.fields_since.is_some() {
            return Change::default();
        }
        match self.ending.take() {
            Some(Ending::Said(stream)) => self.hear_last(stream, now),
            Some(Ending::Reset(stream)) => self.end(stream, now),
            None => Change::default(),
        }
    }

    fn hear_fields(&mut self, head: Head, now: Instant) -> Result<(), Excess> {
        self.allowance.spend(1, now)?;
        self.fields_since = (!head.ends_fields()).then_some(now);
        if head.stream > self.newest {
            self.newest = head.stream;
            self.streams.insert(head.stream, Stream::default());
            if self.streams.len() > STREAMS {
                return Err(Excess::Streams);
            }
        }
        Ok(())
    }

    fn hear_data(&mut self, head: Head, now: Instant) -> Result<(), Excess> {
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        match self.streams.get_mut(&head.stream) {
            // It is thrown away as it comes.
            Some(stream) if stream.answer.is_whole() => {
                stream.late = stream.late.saturating_add(length.max(SMALL));
                if stream.late > LINGER_BYTES {
                    self.allowance.spend(1, now)?;
                }
            }
            Some(stream) => {
                if !self.bodies.take(length) {
                    return Err(Excess::Bodies);
                }
                stream.body += length;
            }
            // Nobody listens any more.
            None => self.allowance.spend(1, now)?,
        }
        Ok(())
    }

    fn hear_last(&mut self, stream: u32, now: Instant) -> Change {
        let Some(heard) = self.streams.get_mut(&stream) else { return Change::default() };
        if heard.is_heard {
            return Change::default();
        }
        if heard.answer.is_whole() {
            return self.end(stream, now);
        }
        heard.is_heard = true;
        // If its answer has begun, that was said then.
        Change { is_heard: heard.answer == Said::Nothing, is_answered: false }
    }

    /// Takes note of a frame that goes out.
    pub(crate) fn say(&mut self, head: Head, now: Instant) -> Change {
        match head.kind {
            Kind::GoAway => {
                self.is_parting = true;
                self.since = now;
            }
            Kind::Reset => {
                // What an answer did not need of its request is called off, and is nobody's fault.
                let is_called_off =
                    self.streams.get(&head.stream).is_some_and(|stream| stream.answer == Said::Whole);
                self.allowance.owe(if is_called_off { 0 } else { RESET });
                return self.end(head.stream, now);
            }
            Kind::Headers | Kind::Data => return self.answer(head, now),
            _ => {}
        }
        Change::default()
    }

    fn answer(&mut self, head: Head, now: Instant) -> Change {
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Change::default() };
        if stream.answer.is_whole() {
            return Change::default();
        }
        let is_first = stream.answer == Said::Nothing;
        self.answering += usize::from(is_first);
        let change = Change { is_heard: is_first && !stream.is_heard, is_answered: is_first };
        stream.answer = match (head.ends_stream(), head.kind) {
            (false, _) => Said::Begun(now),
            (true, Kind::Data) => Said::Whole,
            (true, _) => Said::Head,
        };
        if stream.answer.is_whole() {
            self.answering -= 1;
            self.bodies.give(mem::take(&mut stream.body));
            // The library answers heads that are too large with a head alone, as often as they come. So are answers to `HEAD`,
            // which do not come by the hundred.
            if stream.answer == Said::Whole {
                self.allowance.earn(ANSWER);
            }
            if stream.is_heard {
                self.end(head.stream, now);
            }
        }
        change
    }

    /// Forgets a stream.
    fn end(&mut self, stream: u32, now: Instant) -> Change {
        let Some(ended) = self.streams.remove(&stream) else { return Change::default() };
        self.bodies.give(ended.body);
        self.answering -= usize::from(ended.answer.under_way_since().is_some());
        self.since = now;
        // A request that was neither whole nor answered was none.
        Change { is_heard: false, is_answered: ended.is_heard && ended.answer == Said::Nothing }
    }
}

/// How much a peer may still send that no answer comes of.
#[derive(Debug)]
struct Allowance {
    /// In thousandths.
    left: u64,
    at: Instant,
}

impl Allowance {
    fn spend(&mut self, cost: u64, now: Instant) -> Result<(), Excess> {
        let passed = now.saturating_duration_since(self.at).as_millis();
        self.at = now;
        // A thousandth of a frame is earned with each thousandth of a second, for each frame that a second earns.
        let earned = u64::try_from(passed).unwrap_or(MOST).saturating_mul(EACH_SECOND);
        self.left = self.left.saturating_add(earned).min(MOST);
        self.left = self.left.checked_sub(cost * 1_000).ok_or(Excess::Frames)?;
        Ok(())
    }

    fn earn(&mut self, frames: u64) {
        self.left = self.left.saturating_add(frames * 1_000).min(MOST);
    }

    /// Takes what is there. The next frame that costs finds nothing left, if it was not enough.
    fn owe(&mut self, frames: u64) {
        self.left = self.left.saturating_sub(frames * 1_000);
    }
}

/// As many frames that no answer comes of as a peer may send at once, in thousandths. A client that gives up a hundred requests
/// together sends a hundred heads, and a hundred resets.
const MOST: u64 = 512 * 1_000;

/// How many more it may send each second.
const EACH_SECOND: u64 = 10;

/// How many more it may send for an answered request, whose head is one of them: a client that keeps windows open sends two
/// further ones for each answer.
const ANSWER: u64 = 8;

/// What a reset costs beside the head of its request, from either side: it was begun for nothing (CVE-2023-44487,
/// CVE-2025-8671).
const RESET: u64 = 3;

/// What settings cost: each is acknowledged, and may change the windows of all streams.
const SETTINGS: u64 = 4;

/// How many streams may be open, those included that the HTTP library refuses and has not said so yet.
const STREAMS: usize = 512;

/// As how many bytes a smaller frame counts, of what a peer may still send of a request that is answered.
const SMALL: usize = 256;

/// How long a peer has to leave after it was told to.
pub(crate) const PARTING: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
