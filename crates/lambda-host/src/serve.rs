//! Serving the Runtime API of one process on a port of its own.
//!
//! It is not the accept loop of the public listeners: the one peer is a process that the host itself started, waits for
//! an invocation as long as none comes, and leaves its connection alone while it runs one. It gets a bounded number of
//! connections, and whatever it does to them it does to itself. Header names are written as Lambda writes them, since
//! not every runtime compares them regardless of case.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::Pid;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::api::RuntimeApi;
use crate::peer;

/// Serves `api` to the process `root` and its children for ever. Dropped, it cuts all connections.
pub(crate) async fn serve(listener: TcpListener, api: Arc<RuntimeApi>, root: Pid) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        if let Ok((stream, _peer)) = listener.accept().await {
            let api = Arc::clone(&api);
            connections.spawn(async move {
                match peer::is_own(&stream, root).await {
                    Ok(true) => connection(stream, api).await,
                    // Somebody who looks around, or who wants the callers' keys.
                    Ok(false) => tracing::warn!("another user connected to a function's runtime api, and was cut off"),
                    Err(error) => tracing::error!(%error, "whose connection to a function's runtime api it is cannot be told"),
                }
                drop(place);
            });
        } else {
            // Out of file descriptors: that does not mend itself in a busy loop.
            let _elapsed = tokio::time::timeout(ACCEPT_PAUSE, pending::<()>()).await;
        }
    }
}

async fn connection(stream: TcpStream, api: Arc<RuntimeApi>) {
    // Events are written whole: waiting to fill a segment would only add latency.
    let _slower = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(api.handle(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true).max_buf_size(HEAD);
    // However it ended: what the process does next says more than that.
    let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// How many connections a process may have at once.
const CONNECTIONS: usize = 64;

/// How long a request head may be. Runtimes put a whole stack trace into one for X-Ray.
const HEAD: usize = 1024 * 1024;

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
