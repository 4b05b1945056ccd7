//! Whom a connection is for, where proxies hand connections on (the PROXY protocol, version 2).
//!
//! Only trusted proxies may connect then, and each connection begins with a header. It is read to its last byte and no
//! further: what follows is the client's. The listener bounds how long that may take. Connections are counted by whom they
//! are for, since a proxy brings everybody's.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use ambient::Clock;
use gateway::Sparing;
use listen::{Addresses, Entered};
use proxied::{HeaderError, Progress, Told, TrustedProxies, read_header};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// Learns whom connections are for.
pub(crate) struct Introductions {
    proxies: TrustedProxies,
    addresses: Arc<Addresses>,
    clock: Arc<dyn Clock>,
    said: Sparing,
    refused: AtomicU64,
    crowded: AtomicU64,
}

/// Why a connection is closed before anybody has said anything on it.
#[derive(Debug, thiserror::Error)]
pub(super) enum IntroductionError {
    #[error("the peer is none of `trusted_proxies`, and `proxy_protocol` is required")]
    Stranger,
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("the connection ended before its PROXY protocol header did")]
    Ended,
    #[error("the header could not be read")]
    Unread(#[source] io::Error),
    #[error("the client has too many connections")]
    Crowded,
}

impl Introductions {
    /// Connections of `proxies`, and no more than `per_address` of them for each client.
    pub(crate) fn new(proxies: TrustedProxies, per_address: usize, clock: Arc<dyn Clock>) -> Self {
        let addresses = Addresses::new(per_address);
        let said = Sparing::default();
        Self { proxies, addresses, clock, said, refused: AtomicU64::new(0), crowded: AtomicU64::new(0) }
    }

    /// Connections closed since the start because they were not a trusted proxy's, or did not begin with a header.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Connections closed since the start because there were too many of the client that they were for.
    pub(crate) fn crowded(&self) -> u64 {
        self.crowded.load(Relaxed)
    }

    /// Whether somebody at `address` connects for others.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.contains(address)
    }

    /// Reads from the beginning of `stream`, which came from `peer`, whom it is for.
    pub(super) async fn whom<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        peer: SocketAddr,
    ) -> Result<(SocketAddr, Entered), IntroductionError> {
        let introduced = self.introduced(stream, peer).await;
        match &introduced {
            Err(error @ (IntroductionError::Stranger | IntroductionError::Header(_))) => {
                self.refused.fetch_add(1, Relaxed);
                self.say(error, peer);
            }
            Err(IntroductionError::Crowded) => {
                self.crowded.fetch_add(1, Relaxed);
            }
            // Whoever looks whether anybody is there need not say a word.
            Err(IntroductionError::Ended | IntroductionError::Unread(_)) | Ok(_) => {}
        }
        introduced
    }

    async fn introduced<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        peer: SocketAddr,
    ) -> Result<(SocketAddr, Entered), IntroductionError> {
        if !self.is_proxy(peer.ip()) {
            return Err(IntroductionError::Stranger);
        }
        let client = match read_told(stream).await? {
            Told::Client { address, port } => SocketAddr::new(address, port),
            Told::Itself => peer,
        };
        let entered = self.addresses.enter(client.ip()).ok_or(IntroductionError::Crowded)?;
        Ok((client, entered))
    }

    fn say(&self, error: &IntroductionError, peer: SocketAddr) {
        // Anybody may connect, as often as they like.
        if let Some(connections) = self.said.note(self.clock.now()) {
            tracing::warn!(%peer, reason = %error, connections, "closed without a word, because of how they began");
        }
    }
}

async fn read_told<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Told, IntroductionError> {
    let mut header = Vec::new();
    loop {
        match read_header(&header)? {
            Progress::Done(told) => return Ok(told),
            Progress::More(more) => {
                let room = u64::try_from(more).unwrap_or(u64::MAX);
                let read = (&mut *stream).take(room).read_buf(&mut header).await;
                if read.map_err(IntroductionError::Unread)? == 0 {
                    return Err(IntroductionError::Ended);
                }
            }
        }
    }
}

impl fmt::Debug for Introductions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introductions").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

/// A stream that counts among its client's for as long as it is there.
#[derive(Debug)]
pub(crate) struct Held<S> {
    stream: S,
    _entered: Option<Entered>,
}

impl<S> Held<S> {
    pub(super) const fn new(stream: S, entered: Option<Entered>) -> Self {
        Self { stream, _entered: entered }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
