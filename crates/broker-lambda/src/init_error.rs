//! Telling Lambda why the function does not start, so that it stands where people look for it: otherwise they would read
//! that the runtime ended with status 1.

use std::ffi::OsString;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

/// Reports `error` to the runtime API at `address`. Whether it is heard changes nothing: it is logged as well.
pub(crate) async fn report(address: Option<OsString>, error: &str) {
    let Some(address) = address.and_then(|address| address.into_string().ok()) else { return };
    let body = json!({ "errorMessage": error, "errorType": ERROR_TYPE, "stackTrace": [] }).to_string();
    let request = Request::post(format!("http://{address}/2018-06-01/runtime/init/error"))
        .header("lambda-runtime-function-error-type", ERROR_TYPE)
        .body(Full::new(Bytes::from(body)));
    let Ok(request) = request else { return };
    let client = Client::builder(TokioExecutor::new()).build_http();
    let _heard = tokio::time::timeout(WITHIN, client.request(request)).await;
}

const ERROR_TYPE: &str = "TokenBroker.Configuration";
const WITHIN: Duration = Duration::from_secs(1);
