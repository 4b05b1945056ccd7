//! One request over HTTP to this machine: to the front door as a client makes it, or to the control socket.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONNECTION, HOST};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};

const DEADLINE: Duration = Duration::from_secs(35);
const MOST_BYTES: usize = 1024 * 1024;
/// The definition in force is among what the server tells, and it may have many thousand clients.
const MOST_LOCAL_BYTES: usize = 64 * MOST_BYTES;

/// Sends `request` and reads the whole answer.
pub(crate) async fn send(request: http::Request<Full<Bytes>>) -> anyhow::Result<http::Response<Bytes>> {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let exchange = async { read(client.request(request).await?, MOST_BYTES).await };
    match tokio::time::timeout(DEADLINE, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error).with_context(|| {
            format!("no front door answers at {authority}; start it with `token-broker up`")
        }),
        Err(_elapsed) => {
            bail!("the front door at {authority} did not answer within {} s", DEADLINE.as_secs())
        }
    }
}

/// Sends `request` over a connection to the control socket and reads the whole answer.
pub(crate) async fn send_locally(
    stream: UnixStream,
    mut request: http::Request<Full<Bytes>>,
) -> anyhow::Result<http::Response<Bytes>> {
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    let exchange = async {
        stream.set_nonblocking(true)?;
        let stream = tokio::net::UnixStream::from_std(stream)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answering = async { read(sender.send_request(request).await?, MOST_LOCAL_BYTES).await };
        // The connection ends with the answer, and its errors come out of the answer too.
        let (answer, _ended) = tokio::join!(answering, connection);
        answer
    };
    match tokio::time::timeout(DEADLINE, exchange).await {
        Ok(answer) => answer.context("the server broke off"),
        Err(_elapsed) => bail!("the server did not answer within {} s", DEADLINE.as_secs()),
    }
}

async fn read(answer: http::Response<Incoming>, most: usize) -> anyhow::Result<http::Response<Bytes>> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|error| anyhow::anyhow!(error))?;
    Ok(http::Response::from_parts(head, body.to_bytes()))
}
