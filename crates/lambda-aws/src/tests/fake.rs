//! A stand-in for Lambda's API: keeps what it is sent, and answers what it was told to.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    /// Answers.
    Answer(u16, Vec<(&'static str, &'static str)>, Bytes),
    /// Closes the connection.
    Cut,
    /// Nothing.
    Hang,
}

/// A server that runs as long as the test.
pub(super) struct Fake {
    pub(super) url: String,
    sent: Arc<Mutex<Vec<(Parts, Bytes)>>>,
}

impl Fake {
    pub(super) async fn doing(doing: Doing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(accept(listener, doing, Arc::clone(&sent)));
        Self { url, sent }
    }

    /// Everything that was sent so far.
    pub(super) fn sent(&self) -> Vec<(Parts, Bytes)> {
        self.sent.lock().unwrap().clone()
    }
}

/// The answer of a function that was run.
pub(super) fn replying(payload: impl Into<Bytes>) -> Doing {
    Doing::Answer(200, vec![("X-Amz-Executed-Version", "7")], payload.into())
}

async fn accept(listener: TcpListener, doing: Doing, sent: Arc<Mutex<Vec<(Parts, Bytes)>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (doing, sent) = (doing.clone(), Arc::clone(&sent));
        let service = service_fn(move |request| answer(request, doing.clone(), Arc::clone(&sent)));
        tokio::spawn(async move {
            // A connection that is cut on purpose is no error of the test.
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    doing: Doing,
    sent: Arc<Mutex<Vec<(Parts, Bytes)>>>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    sent.lock().unwrap().push((head, body));
    match doing {
        Doing::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.header("x-amzn-RequestId", "an-id-of-aws").body(Full::new(body)).unwrap())
        }
        Doing::Cut => Err(io::ErrorKind::ConnectionReset.into()),
        Doing::Hang => match std::future::pending::<Infallible>().await {},
    }
}
