//! One request over HTTP to this machine, as a client of the front door makes it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

const DEADLINE: Duration = Duration::from_secs(35);
const MOST_BYTES: usize = 1024 * 1024;

/// Sends `request` and reads the whole answer.
pub(crate) async fn send(request: http::Request<Full<Bytes>>) -> anyhow::Result<http::Response<Bytes>> {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let exchange = async {
        let (head, body) = client.request(request).await?.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| anyhow::anyhow!(error))?;
        anyhow::Ok(http::Response::from_parts(head, body.to_bytes()))
    };
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
