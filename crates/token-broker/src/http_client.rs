//! One request over HTTP to this machine: to the front door as a client makes it, or to the control socket.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONNECTION, HOST};
use http::uri::Authority;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tls::Identity;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

const DEADLINE: Duration = Duration::from_secs(35);
const MOST_BYTES: usize = 1024 * 1024;
/// The definition in force is among what the server tells, and it may have many thousand clients.
const MOST_LOCAL_BYTES: usize = 64 * MOST_BYTES;

/// The certificate of the server on this machine, as what whoever is talked to must have the key of, and this command's own.
pub(crate) fn read_certificates(server: &Path, own: Option<&Identity>) -> anyhow::Result<Arc<ClientConfig>> {
    Ok(Arc::new(tls::pinned_client(server, own).context("TLS cannot be spoken with the front door")?))
}

/// Sends `request` and reads the whole answer. With a certificate it is sent to nobody who does not have its key.
pub(crate) async fn send(
    request: http::Request<Full<Bytes>>,
    certificate: Option<Arc<ClientConfig>>,
) -> anyhow::Result<http::Response<Bytes>> {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let exchange = async {
        if let Some(certificate) = certificate {
            return send_encrypted(request, certificate).await;
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        read(client.request(request).await?, MOST_BYTES).await
    };
    match tokio::time::timeout(DEADLINE, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if is_of_tls(&error) => Err(error).with_context(|| {
            format!(
                "the front door at {authority} and this command did not come together by TLS; this command \
                 trusts the certificate of its own server alone, and shows the one that `--cert` and `--key` name, or none"
            )
        }),
        Ok(Err(error)) => Err(error).with_context(|| {
            format!("no front door answers at {authority}; start it with `token-broker up`")
        }),
        Err(_elapsed) => {
            bail!("the front door at {authority} did not answer within {} s", DEADLINE.as_secs())
        }
    }
}

/// Whether it is TLS that ended a connection: its errors come as data that is not valid.
fn is_of_tls(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::InvalidData)
}

async fn send_encrypted(
    mut request: http::Request<Full<Bytes>>,
    certificate: Arc<ClientConfig>,
) -> anyhow::Result<http::Response<Bytes>> {
    let authority: Authority = request.uri().authority().cloned().context("the URL names no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await?;
    let stream = TlsConnector::from(certificate).connect(ServerName::try_from(host)?, stream).await?;
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse()?;
    *request.uri_mut() = target;
    request.headers_mut().insert(HOST, HeaderValue::from_str(authority.as_str())?);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answering = async { read(sender.send_request(request).await?, MOST_BYTES).await };
    // Whoever wants a certificate of its clients says so only now, and in the connection's error.
    let (answer, _ended) = tokio::join!(answering, connection);
    answer
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
