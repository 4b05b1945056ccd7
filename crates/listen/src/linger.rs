//! The end of a connection whose peer may still be sending.
//!
//! What comes is thrown away for a moment before the socket is closed: a close on unread bytes is a reset, which can
//! overtake the answer.

use std::future::Future as _;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How far a connection is closed.
#[derive(Debug)]
pub(crate) struct Linger {
    has_shut: bool,
    /// How many more bytes are thrown away.
    left: usize,
    until: Option<Pin<Box<Sleep>>>,
}

impl Linger {
    /// Before the end.
    pub(crate) const fn begin() -> Self {
        Self { has_shut: false, left: LINGER_BYTES, until: None }
    }

    /// Closes the sending side of `stream`, and throws away what still comes, until the peer has closed its side as well, or
    /// enough has come or time has passed. A peer that is between requests is not waited for.
    pub(crate) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        is_between: bool,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_shut {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            self.has_shut = true;
        }
        loop {
            let mut space = [MaybeUninit::uninit(); SCRATCH];
            let mut bytes = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *stream).poll_read(context, &mut bytes) {
                Poll::Ready(Ok(())) if !bytes.filled().is_empty() => {
                    self.left = self.left.saturating_sub(bytes.filled().len());
                    if self.left == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending if is_between && self.left == LINGER_BYTES => return Poll::Ready(Ok(())),
                Poll::Pending => return self.poll_patience(context).map(Ok),
            }
        }
    }

    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until =
            self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + LINGER)));
        until.as_mut().poll(context)
    }
}

/// How many bytes are read at once where no buffer is kept for them.
pub(crate) const SCRATCH: usize = 2048;

/// How many bytes of a peer that is still sending are thrown away after the answer.
pub(crate) const LINGER_BYTES: usize = 256 * 1024;

/// How long a peer that may still be sending has to close its side.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    /// How many of `bytes` a peer could send that had been refused and went on.
    async fn taken(bytes: usize) -> usize {
        let (mut ours, mut theirs) = duplex(4096);
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while sent < bytes && theirs.write_all(&[b'x'; 1024]).await.is_ok() {
                sent += 1024;
            }
            (sent, theirs)
        });
        let mut linger = Linger::begin();
        poll_fn(|context| linger.poll(&mut ours, false, context)).await.unwrap();
        drop(ours);
        sending.await.unwrap().0
    }

    #[tokio::test(start_paused = true)]
    async fn peer_that_goes_on_sending_is_listened_to_for_so_many_bytes_and_no_more() {
        let taken = taken(4 * LINGER_BYTES).await;
        assert!((LINGER_BYTES..LINGER_BYTES + 16 * 1024).contains(&taken), "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn peer_that_falls_silent_is_waited_for_a_while() {
        let begun = Instant::now();
        assert_eq!(taken(2048).await, 2048);
        assert_eq!(begun.elapsed(), LINGER);
    }
}
