//! A connection as the HTTP/2 library sees it: bytes pass as they are, for as long as they are bearable.
//!
//! It stands between the socket and the library, and looks at where frames begin and end in both directions. The library
//! holds what is in them against RFC 9113. What it leaves open is bounded here: how long a connection may take over what it
//! has begun, how long it may have nothing to say, how long an answer may lie untaken, and how much work it may make beside
//! requests.
//!
//! When a bound is met the library is told that its peer has said the last, and the peer is told why (GOAWAY).

use std::future::Future as _;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::conduct::{Change, Conduct, PARTING, Waiting};
use super::frames::Frames;
use crate::connection::Place;
use crate::holding::Holding;
use crate::linger::Linger;
use crate::serve::Bounds;

/// A stream of frames that somebody keeps an eye on.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    bounds: Bounds,
    place: Arc<Place>,
    /// How much of the preface has come, and how much of it has been given on.
    preface: (usize, usize),
    heard: Frames,
    /// When the frame that is not whole began.
    begun: Instant,
    said: Frames,
    conduct: Conduct,
    alarm: Alarm,
    end: Option<End>,
    farewell: Option<Farewell>,
    linger: Linger,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// The peer has nothing to say.
    Idle,
    /// The peer took too long over what it had begun.
    Slow,
    /// The peer makes work for nothing.
    Excess,
    /// The place was given to somebody else.
    Displaced,
    /// The peer has said the last by itself.
    Over,
}

/// The GOAWAY that goes out last, and how much of it has gone.
#[derive(Debug)]
struct Farewell([u8; 17], usize);

impl<S: AsyncRead + Unpin> Watched<S> {
    /// `stream`, of which nothing has been read.
    pub(crate) fn new(stream: S, bounds: Bounds, place: Arc<Place>, bodies: Holding) -> Self {
        let now = Instant::now();
        Self {
            stream,
            bounds,
            place,
            preface: (0, 0),
            heard: Frames::default(),
            begun: now,
            said: Frames::default(),
            conduct: Conduct::begin(bodies, now),
            alarm: Alarm::default(),
            end: None,
            farewell: None,
            linger: Linger::begin(),
        }
    }

    /// Waits until the peer has said what every connection begins with (RFC 9113 §3.4). False if it says anything else.
    ///
    /// It lets a connection that has not said anything be without the HTTP library and its buffers.
    pub(crate) async fn first(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|context| self.poll_first(context)).await
    }

    fn poll_first(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while let Some(expected) = PREFACE.get(self.preface.0..).filter(|rest| !rest.is_empty()) {
            let mut space = [MaybeUninit::uninit(); PREFACE.len()];
            let mut bytes = ReadBuf::uninit(space.get_mut(self.preface.0..).unwrap_or_default());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut bytes))?;
            if bytes.filled().is_empty() || !expected.starts_with(bytes.filled()) {
                return Poll::Ready(Ok(false));
            }
            self.preface.0 += bytes.filled().len();
        }
        Poll::Ready(Ok(true))
    }

    /// Looks at bytes that came in. How many of them may go on: not those with which a request becomes whole, once the place
    /// is somebody else's.
    fn hear(&mut self, bytes: &[u8]) -> usize {
        let now = Instant::now();
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            if self.heard.is_between() {
                self.begun = now;
            }
            let (further, head) = self.heard.pass(rest);
            if let Some(Err(excess)) = head.map(|head| self.conduct.hear(head, now)) {
                tracing::debug!(%excess, "a connection makes work for nothing and is ended");
                self.place.counts.cut_off();
                self.end = Some(End::Excess);
                return passed;
            }
            if self.heard.is_between() {
                let change = self.conduct.hear_end(now);
                if !self.keeps_place(change) {
                    self.end = Some(End::Displaced);
                    return passed;
                }
            }
            passed += further;
        }
        passed
    }

    /// Takes note of a change. Whether the place is still its own.
    fn keeps_place(&self, change: Change) -> bool {
        let is_kept = self.place.seat.read(u32::from(change.is_heard));
        if change.is_answered {
            self.place.seat.answer(self.place.clock.now());
        }
        is_kept
    }

    /// Looks at bytes that went out.
    fn say(&mut self, mut bytes: &[u8]) {
        let now = Instant::now();
        while !bytes.is_empty() {
            let (further, head) = self.said.pass(bytes);
            bytes = bytes.get(further..).unwrap_or_default();
            if let Some(head) = head {
                let change = self.conduct.say(head, now);
                self.keeps_place(change);
            }
        }
    }

    /// Until when what is waited for may take, whatever is due first, and what comes of it if it takes longer. An answer that
    /// is not taken is an error, as where the socket itself does not take it.
    fn due(&self) -> Option<(Instant, Result<End, io::ErrorKind>)> {
        let Bounds { head, stall, .. } = self.bounds;
        let is_within = !self.heard.is_between();
        let frame = is_within.then(|| (self.begun + head, Ok(End::Slow)));
        let others = self.conduct.waiting().map(|(waiting, since)| match waiting {
            Waiting::ForSettings | Waiting::ForFields => (since + head, Ok(End::Slow)),
            Waiting::ForRequests if is_within => (since + head, Ok(End::Slow)),
            Waiting::ForRequests => (since + head, Ok(End::Idle)),
            Waiting::ToPart => (since + PARTING.min(head), Ok(End::Over)),
            Waiting::ForRoom => (since + stall, Err(io::ErrorKind::TimedOut)),
        });
        others.chain(frame).min_by_key(|(due, _)| *due)
    }

    /// Looks whether anything takes too long, and makes sure that somebody looks again.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while let Some((due, end)) = self.due() {
            if !self.alarm.is_past(due, context) {
                break;
            }
            // The alarm may have been for something that came in time.
            if Instant::now() >= due {
                self.end = Some(end?);
                break;
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(rest) = PREFACE.get(this.preface.1..).filter(|rest| !rest.is_empty()) {
            let now = rest.get(..into.remaining()).unwrap_or(rest);
            into.put_slice(now);
            this.preface.1 += now.len();
            return Poll::Ready(Ok(()));
        }
        if this.end.is_none() {
            let before = into.filled().len();
            if Pin::new(&mut this.stream).poll_read(context, into)?.is_ready() {
                let fresh = into.filled().get(before..).unwrap_or_default();
                if fresh.is_empty() {
                    this.end = Some(End::Over);
                }
                let passed = this.hear(fresh);
                into.set_filled(before + passed);
                if passed > 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                this.look(context)?;
            }
        }
        match this.end {
            None => Poll::Pending,
            Some(End::Over) => Poll::Ready(Ok(())),
            Some(End::Idle | End::Displaced) => this.poll_part(NO_ERROR, context),
            Some(End::Slow | End::Excess) => this.poll_part(ENHANCE_YOUR_CALM, context),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    /// Tells the peer why nothing more is read, and closes the connection as far as that is ours to do.
    ///
    /// The library is told only then: it has its own way to end, and would leave out the reason.
    fn poll_part(&mut self, code: u8, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.farewell.is_none() {
            let bytes = go_away(self.conduct.newest(), code);
            // In the midst of a frame there is no place for another.
            self.farewell = Some(Farewell(bytes, if self.said.is_between() { 0 } else { bytes.len() }));
        }
        if let Some(Farewell(bytes, gone)) = &mut self.farewell {
            while let Some(rest) = bytes.get(*gone..).filter(|rest| !rest.is_empty()) {
                *gone += ready!(Pin::new(&mut self.stream).poll_write(context, rest))?.max(1);
            }
        }
        let is_between = self.heard.is_between() && self.end == Some(End::Idle);
        self.linger.poll(&mut self.stream, is_between, context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.farewell.is_some() {
            // Nothing may follow the farewell.
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.say(bytes.get(..written).unwrap_or(bytes));
        // What was said may be the last for now: nobody would look again otherwise.
        self.look(context)?;
        if self.end.is_some() {
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // The library has said what there is room for.
        self.place.seat.flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let is_between = this.heard.is_between() && matches!(this.end, Some(End::Idle | End::Over));
        this.linger.poll(&mut this.stream, is_between, context)
    }
}

/// One timer for whatever is due next. It is set again only when it has rung or something is due earlier: most of what is
/// due comes in time, and then it need not be touched.
#[derive(Debug, Default)]
struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
    is_set: bool,
}

impl Alarm {
    /// Whether it rings, or `due` is past. If not, the task is woken when it does.
    fn is_past(&mut self, due: Instant, context: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if !self.is_set || timer.deadline() > due {
            timer.as_mut().reset(due);
            self.is_set = true;
        }
        let is_past = timer.as_mut().poll(context).is_ready();
        self.is_set &= !is_past;
        is_past
    }
}

/// GOAWAY (RFC 9113 §6.8): the streams up to `newest` were looked at.
fn go_away(newest: u32, code: u8) -> [u8; 17] {
    let [a, b, c, d] = newest.to_be_bytes();
    [0, 0, 8, 7, 0, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, code]
}

/// What a client says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Error codes of RFC 9113 §7.
const NO_ERROR: u8 = 0x0;
const ENHANCE_YOUR_CALM: u8 = 0xb;

#[cfg(test)]
mod tests;
