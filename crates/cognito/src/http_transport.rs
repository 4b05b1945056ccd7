//! The transport over real sockets: HTTPS to Cognito, plain HTTP to the embedded pool on this machine.
//!
//! One client keeps a few connections open. It follows no redirect, reads no proxy from the environment and trusts
//! Mozilla's roots that are compiled in, so that it needs no certificate store where it runs.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::endpoint::Endpoint;
use crate::transport::{Reply, TokenCall, Transport, TransportError};

/// Carries calls to one endpoint over HTTP/1.1.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
}

impl HttpTransport {
    /// A transport to `endpoint` whose connections must be made within `connect`.
    pub fn new(endpoint: &Endpoint, connect: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        // Whether plain HTTP is allowed was decided when the endpoint was parsed.
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect));
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_buf_size(MAX_HEAD)
            .build(https);
        Self { client, endpoint: endpoint.uri().clone() }
    }
}

impl Transport for HttpTransport {
    async fn send(&self, call: TokenCall) -> Result<Reply, TransportError> {
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = call.headers;
        match self.client.request(request).await {
            Ok(answer) => whole(answer).await,
            Err(error) if error.is_connect() => Err(TransportError::NotConnected),
            Err(_broken) => Err(TransportError::Broken),
        }
    }
}

async fn whole(answer: Response<Incoming>) -> Result<Reply, TransportError> {
    let (head, body) = answer.into_parts();
    // A body that says that it is too large is not even begun.
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > MAX_BODY {
        return Err(TransportError::TooLarge);
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(Response::from_parts(head, collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(TransportError::TooLarge),
        Err(_broken) => Err(TransportError::Broken),
    }
}

/// As much as a token reply may have.
const MAX_BODY: usize = 64 * 1024;
const MAX_HEAD: usize = 64 * 1024;
/// Shorter than a server keeps an idle connection, so that a request seldom meets one that is being closed.
const IDLE: Duration = Duration::from_secs(10);
const MAX_IDLE: usize = 8;
