//! A connection whose writes must get on: a peer that does not take its answer is let go.
//!
//! It stands between the socket and the HTTP library, which bounds how long a peer may take to say something but not
//! how long it may take to listen. What it bounds is a wait without any progress, not the whole answer: a slow peer that
//! keeps reading stays until the connection's own end. Reads pass untouched. A flush of a TCP stream never waits; that of an
//! encrypted one, and its end, wait for what was written before and is still on its way, and are bounded as a whole.

use std::error::Error as _;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream of which neither a write nor a flush nor its end waits longer than a bound.
#[derive(Debug)]
pub(crate) struct Stalling<S> {
    stream: S,
    bound: Duration,
    /// Made when a write waits for the first time, which on most connections never happens, and used again.
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<S> Stalling<S> {
    /// `stream`, failing with [`io::ErrorKind::TimedOut`] once what is written has waited for `bound`.
    pub(crate) const fn new(stream: S, bound: Duration) -> Self {
        Self { stream, bound, timer: None, waiting: false }
    }

    fn bounded<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now())));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + self.bound);
        }
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(ended, context)
    }
}

/// Whether a connection ended by `error` because its peer took nothing.
pub(crate) fn is_stall(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, DuplexStream, duplex};
    use tokio::time::{Instant, advance};

    use super::Stalling;

    const BOUND: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn write_that_waits_too_long_fails_at_the_bound() {
        let (ours, _theirs) = duplex(1);
        let begun = Instant::now();
        let error = Stalling::new(ours, BOUND).write_all(b"ab").await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::TimedOut, BOUND));
    }

    /// A stream that takes every write at once and waits only when it is flushed, as an encrypted one does.
    fn buffered(stream: DuplexStream) -> Stalling<BufWriter<DuplexStream>> {
        Stalling::new(BufWriter::new(stream), BOUND)
    }

    #[tokio::test(start_paused = true)]
    async fn flush_and_end_that_wait_too_long_fail_at_the_bound() {
        let (ours, _theirs) = duplex(1);
        let mut stream = buffered(ours);
        stream.write_all(b"ab").await.unwrap();
        let begun = Instant::now();
        let error = stream.flush().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::TimedOut, BOUND));
        let (ours, _theirs) = duplex(1);
        let mut stream = buffered(ours);
        stream.write_all(b"ab").await.unwrap();
        let begun = Instant::now();
        let error = stream.shutdown().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::TimedOut, BOUND));
    }

    #[tokio::test(start_paused = true)]
    async fn flush_that_ends_in_time_leaves_the_next_wait_its_whole_bound() {
        let (ours, mut theirs) = duplex(1);
        let mut stream = buffered(ours);
        stream.write_all(b"ab").await.unwrap();
        let flushing = tokio::spawn(async move { stream.flush().await.map(|()| stream) });
        tokio::task::yield_now().await;
        advance(Duration::from_secs(10)).await;
        theirs.read_exact(&mut [0]).await.unwrap();
        let mut stream = flushing.await.unwrap().unwrap();
        stream.write_all(b"c").await.unwrap();
        let begun = Instant::now();
        assert_eq!(stream.flush().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), BOUND);
    }

    #[tokio::test(start_paused = true)]
    async fn each_write_that_gets_on_has_the_whole_bound_again() {
        let (ours, mut theirs) = duplex(1);
        let begun = Instant::now();
        let writing = tokio::spawn(async move { Stalling::new(ours, BOUND).write_all(b"abcd").await });
        let mut byte = [0];
        for _ in 0..2 {
            tokio::task::yield_now().await;
            advance(Duration::from_secs(10)).await;
            theirs.read_exact(&mut byte).await.unwrap();
        }
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), Duration::from_secs(20) + BOUND);
    }
}
