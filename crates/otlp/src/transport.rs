//! The way to the collector: one POST for each batch, over a connection that is kept.
//!
//! HTTPS trusts Mozilla's roots that are compiled in, as the way to the user pool does, or whom it is told. No proxy is read
//! from the environment, no redirect is followed: headers go to the collector that they were written for.

use std::error::Error;
use std::future::Future;
use std::time::Duration;
use std::{fmt, io, iter};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use oauth::{EndpointError, TokenEndpointUrl};
use rustls::ClientConfig;

use crate::headers::CollectorHeaders;

/// A text that does not say where a collector is. It is not repeated: a password may stand in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CollectorUrlError {
    /// It is none, or one with a query.
    #[error("this is no URL of a collector, such as `http://127.0.0.1:4318`")]
    NoUrl,
    /// It has a user name or a password.
    #[error("a collector's URL must not contain a user name or a password")]
    Credentials,
    /// Whoever is on the way could read who calls.
    #[error("the collector on `{host}` must be asked by `https`; plain `http` is only for this machine")]
    PlainHttp {
        /// The host.
        host: String,
    },
}

/// Where a collector takes spans.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CollectorUrl(Uri);

impl CollectorUrl {
    /// The place for spans below `base`, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it: by HTTPS, or HTTP on this machine.
    ///
    /// ```
    /// let url = otlp::CollectorUrl::below("http://127.0.0.1:4318").unwrap();
    /// assert_eq!(url.to_string(), "http://127.0.0.1:4318/v1/traces");
    /// ```
    pub fn below(base: &str) -> Result<Self, CollectorUrlError> {
        let base = TokenEndpointUrl::parse(base).map_err(|error| match error {
            EndpointError::PlainHttp { host } => CollectorUrlError::PlainHttp { host },
            EndpointError::Credentials => CollectorUrlError::Credentials,
            _ => CollectorUrlError::NoUrl,
        })?;
        let whole = format!("{}/v1/traces", base.as_str().trim_end_matches('/'));
        whole.parse().map(Self).map_err(|_| CollectorUrlError::NoUrl)
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What came of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sent {
    /// It was taken but for so many spans.
    Taken { rejected: u64 },
    /// It was refused, and would be again.
    Refused(StatusCode),
    /// It was not taken, and may be later.
    Later { why: Delay, after: Option<Duration> },
}

/// Why a batch was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Delay {
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it cannot be connected to")]
    NotConnected,
    #[error("TLS cannot be spoken with it: {0}")]
    NoTls(rustls::Error),
    #[error("the exchange broke off")]
    Broken,
    #[error("it did not answer in time")]
    TimedOut,
}

/// Carries batches.
pub(crate) trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Hands over one.
    fn send(&self, batch: Bytes) -> impl Future<Output = Sent> + Send;
}

/// Carries batches over HTTP/1.1.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    collector: Uri,
    headers: CollectorHeaders,
}

impl HttpTransport {
    /// A way to `collector`, which by HTTPS must be somebody whom `trusted` trusts, or Mozilla without it. No connection is made
    /// before there is something to send.
    pub fn new(CollectorUrl(collector): CollectorUrl, trusted: Option<ClientConfig>) -> Self {
        let mut tcp = HttpConnector::new();
        // Whether plain HTTP is allowed was decided when the URL was parsed.
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let https = match trusted {
            Some(config) => HttpsConnectorBuilder::new().with_tls_config(config),
            None => HttpsConnectorBuilder::new().with_webpki_roots(),
        };
        let https = https.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .http1_max_buf_size(MAX_HEAD)
            .build(https);
        Self { client, collector, headers: CollectorHeaders::default() }
    }

    /// Sends `headers` with each batch.
    #[must_use]
    pub fn with_headers(self, headers: CollectorHeaders) -> Self {
        Self { headers, ..self }
    }

    async fn exchange(&self, batch: Bytes) -> Sent {
        let mut request = Request::new(Full::new(batch));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.collector.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        self.headers.put_into(request.headers_mut());
        let (head, body) = match self.client.request(request).await {
            Ok(answer) => answer.into_parts(),
            Err(error) if error.is_connect() => {
                let why = of_tls(&error).map_or(Delay::NotConnected, |error| Delay::NoTls(error.clone()));
                return Sent::Later { why, after: None };
            }
            Err(_broken) => return Sent::Later { why: Delay::Broken, after: None },
        };
        // The body is read so that the connection can be kept. One that is too long ends it.
        let body = Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes);
        match head.status {
            StatusCode::OK => {
                Sent::Taken { rejected: body.map_or(0, |body| crate::message::rejected(&body)) }
            }
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let after = head.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
                Sent::Later { why: Delay::Status(head.status), after: after.map(Duration::from_secs) }
            }
            status => Sent::Refused(status),
        }
    }
}

/// What TLS says of a connection that came to nothing. Errors of sockets hide it: what they hold is not their source.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut causes = iter::successors(Some(error), |error| (*error).source());
    causes.find_map(|cause| {
        let io = iter::successors(cause.downcast_ref::<io::Error>(), |io| io.get_ref()?.downcast_ref());
        io.filter_map(io::Error::get_ref).find_map(|held| held.downcast_ref())
    })
}

impl Transport for HttpTransport {
    async fn send(&self, batch: Bytes) -> Sent {
        let sent = tokio::time::timeout(WHOLE, self.exchange(batch)).await;
        sent.unwrap_or(Sent::Later { why: Delay::TimedOut, after: None })
    }
}

const CONNECT: Duration = Duration::from_secs(3);
/// OpenTelemetry's own default for a batch.
const WHOLE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_mins(1);
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;
