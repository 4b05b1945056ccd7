//! A connection in memory: bytes go in, and what a handler answers comes out.
//!
//! The accept loop is the one that every listener of the program has. Time passes only when there is nothing else to do.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use listen::{Arrival, Bounds, Drain, Greeted, Handler, Listener, Protocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::Broken;

/// Sends `pieces` one after the other on a connection to `handler`, on which `protocol` was agreed, and returns every byte that
/// comes back until it ends.
pub(crate) fn converse<H: Handler<SocketAddr>>(
    handler: &Arc<H>,
    protocol: Protocol,
    pieces: &[&[u8]],
) -> Result<Vec<u8>, Broken> {
    block_on(conversation(Arc::clone(handler), protocol, pieces))?
}

/// Runs `future` where time passes only when there is nothing else to do.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Broken> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    Ok(runtime.map_err(|error| Broken::by("the runtime", error))?.block_on(future))
}

async fn conversation<H: Handler<SocketAddr>>(
    handler: Arc<H>,
    protocol: Protocol,
    pieces: &[&[u8]],
) -> Result<Vec<u8>, Broken> {
    let (near, far) = tokio::io::duplex(PIPE);
    let (drain, signal) = Drain::new();
    let pipe = Pipe(Mutex::new(Some(far)), protocol);
    let serving = tokio::spawn(listen::serve(pipe, Bounds::default(), handler, signal));
    let (mut read, mut write) = tokio::io::split(near);
    let sending = async {
        for piece in pieces {
            // The connection may be closed before everything was sent.
            let _sent = write.write_all(piece).await;
            tokio::task::yield_now().await;
        }
    };
    let mut answered = Vec::new();
    let reading = read.read_to_end(&mut answered);
    let both = async { tokio::join!(sending, reading) };
    let ended = tokio::time::timeout(LONG, both).await;
    keep!(ended.is_ok(), "the connection does not end");
    drain.begin(Duration::ZERO);
    let served = tokio::time::timeout(LONG, serving).await;
    keep!(matches!(served, Ok(Ok(()))), "the listener ended by {served:?}");
    Ok(answered)
}

/// A listener with one connection.
struct Pipe(Mutex<Option<DuplexStream>>, Protocol);

impl Listener for Pipe {
    type Arrival = Piped;

    async fn accept(&self) -> io::Result<Piped> {
        let stream = locked(&self.0).take();
        match stream {
            Some(stream) => Ok(Piped(stream, self.1)),
            None => std::future::pending().await,
        }
    }
}

/// The one connection.
struct Piped(DuplexStream, Protocol);

impl Arrival for Piped {
    type Stream = DuplexStream;
    type Peer = SocketAddr;

    fn address(&self) -> Option<IpAddr> {
        Some(PEER.ip())
    }

    async fn greet(self) -> io::Result<Greeted<DuplexStream, SocketAddr>> {
        Ok(Greeted { stream: self.0, peer: PEER, protocol: self.1 })
    }
}

/// What `mutex` guards, whatever happened to those who held it before.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is at the other end.
pub(crate) const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 50_000);

/// As much as a connection can have in it.
const PIPE: usize = 1 << 20;

/// Longer than a connection may live.
const LONG: Duration = Duration::from_hours(1);
