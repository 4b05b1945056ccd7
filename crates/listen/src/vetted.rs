//! A connection as the HTTP library sees it: only requests that are right come through.
//!
//! It stands between the socket and the library. Bytes are read straight into the library's buffer, looked at there, and
//! stay if they may go on; only the beginning of a head whose end has not come is kept here. So a request that comes in
//! one piece is neither copied nor costs an allocation.
//!
//! A head that is wrong is kept from the library, and a harmless one of our own is put in its place: its turn comes after
//! the requests before it, and whoever answers it is told what it stands for. A body that is coded wrongly ends in an
//! error. Either way nothing after it is ever read as a request.
//!
//! When the connection ends while its peer may still be sending, what comes is thrown away for a moment before the socket
//! is closed: a close on unread bytes is a reset, which can overtake the answer.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::follow::{Follow, HeadBounds, Stop};
use crate::linger::{Linger, SCRATCH};
use crate::seat::Seat;
use crate::violation::Violation;

/// A stream of requests of which the wrong ones are kept back.
#[derive(Debug)]
pub(crate) struct Vetted<S> {
    stream: S,
    follow: Follow,
    seat: Arc<Seat>,
    /// Bytes that were read and have not been given on.
    held: Vec<u8>,
    /// How many of them have been given on.
    given: usize,
    /// How many of them may be.
    ready: usize,
    end: End,
    linger: Linger,
}

/// What comes after the bytes that may go on.
#[derive(Debug)]
enum End {
    /// More.
    Open,
    /// A head in place of one that was wrong.
    Replacement(&'static [u8]),
    /// An error.
    Broken(Violation),
    /// Nothing, and not the end either: the last request is being answered.
    Silent,
}

impl<S: AsyncRead + Unpin> Vetted<S> {
    /// `stream` with its requests held against `bounds` and the rules.
    pub(crate) fn new(stream: S, bounds: HeadBounds, seat: Arc<Seat>) -> Self {
        let follow = Follow::begin(bounds);
        Self {
            stream,
            follow,
            seat,
            held: Vec::new(),
            given: 0,
            ready: 0,
            end: End::Open,
            linger: Linger::begin(),
        }
    }

    /// Waits until there is a request, or something in place of one. False if the peer leaves before.
    ///
    /// It lets a connection that has not said anything be without the HTTP library and its buffers.
    pub(crate) async fn first(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|context| self.poll_first(context)).await
    }

    fn poll_first(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.ready == 0 && matches!(self.end, End::Open) {
            let mut space = [MaybeUninit::uninit(); SCRATCH];
            let mut bytes = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut bytes))?;
            if bytes.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.hold(bytes.filled())?;
        }
        Poll::Ready(Ok(true))
    }

    /// Adds to what is held, all of which has been looked at and none of which was right yet.
    fn hold(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let passed = self.vet(&held);
        self.held = held;
        self.ready = passed?;
        Ok(())
    }

    /// How many of `bytes` may go on.
    fn vet(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.follow.whole();
        let (passed, stop) = self.follow.pass(bytes);
        if let Some(stop) = stop {
            self.end = match &stop {
                Stop::Refuse(fault) => {
                    let is_head = fault.line.as_ref().is_some_and(|line| line.method == Method::HEAD);
                    End::Replacement(if is_head { BODILESS_REPLACEMENT } else { REPLACEMENT })
                }
                Stop::Break(violation) => End::Broken(*violation),
                Stop::Last => End::Silent,
            };
            self.seat.ends_with(self.follow.heads(), stop);
        }
        if self.seat.read(self.follow.whole().wrapping_sub(before)) {
            Ok(passed)
        } else {
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }

    /// Gives on what is held and may go on, as far as there is room.
    fn give(&mut self, into: &mut ReadBuf<'_>) {
        let room = self.ready.min(self.given.saturating_add(into.remaining()));
        into.put_slice(self.held.get(self.given..room).unwrap_or_default());
        self.given = room;
        if self.given == self.ready {
            // An idle connection keeps no memory of what it said.
            self.held = self.held.split_off(self.ready);
            (self.given, self.ready) = (0, 0);
        }
    }

    /// Reads into the library's own buffer. Whether anything came that may go on, or the end.
    fn poll_fresh(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let fresh = into.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            return Poll::Ready(Ok(true));
        }
        let passed = if self.held.is_empty() {
            let passed = self.vet(fresh)?;
            if matches!(self.end, End::Open) {
                self.held.extend_from_slice(fresh.get(passed..).unwrap_or_default());
            }
            passed
        } else {
            self.hold(fresh)?;
            0
        };
        into.set_filled(before + passed);
        Poll::Ready(Ok(passed > 0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Vetted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.ready > 0 {
                this.give(into);
                return Poll::Ready(Ok(()));
            }
            match this.end {
                End::Open => {}
                End::Replacement(bytes) => {
                    let (now, later) = bytes.split_at(bytes.len().min(into.remaining()));
                    into.put_slice(now);
                    this.end = if later.is_empty() { End::Silent } else { End::Replacement(later) };
                    return Poll::Ready(Ok(()));
                }
                End::Broken(violation) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
                }
                End::Silent => return Poll::Pending,
            }
            if ready!(this.poll_fresh(context, into))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Vetted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.seat.flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let is_between = matches!(this.end, End::Open) && !this.follow.is_within() && this.held.is_empty();
        this.linger.poll(&mut this.stream, is_between, context)
    }
}

/// What the HTTP library reads in place of a head that is wrong. Who answers it never looks at it.
const REPLACEMENT: &[u8] = b"POST / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";

/// The same for a `HEAD`, whose answer has no body.
const BODILESS_REPLACEMENT: &[u8] = b"HEAD / HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";

#[cfg(test)]
mod tests;
