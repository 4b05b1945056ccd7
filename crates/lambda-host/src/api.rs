//! The Runtime API of one process: what it asks for, what it answers.
//!
//! `GET /2018-06-01/runtime/invocation/next` waits for an invocation. `POST …/invocation/{id}/response` and
//! `…/invocation/{id}/error` answer it, `POST …/runtime/init/error` says that there is going to be no first one. Statuses
//! and error bodies are Lambda's. Bodies are bounded; what is too large is read to its end and thrown away, so that the
//! process gets to read the refusal. There is no deadline on a body: whoever is too slow runs into the function's own.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};

use crate::dispatch::{self, Dispatch, Event};
use crate::ending::Ending;
use crate::pool::{NotTaken, ProcessId};
use crate::process::Farewell;

/// The Runtime API of one process.
pub(crate) struct RuntimeApi {
    pub(crate) dispatch: Arc<Dispatch>,
    pub(crate) id: ProcessId,
}

/// An answer to a process.
pub(crate) type Answer = Response<Full<Bytes>>;

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked<'a> {
    Next,
    Response(&'a str),
    Error(&'a str),
    InitError,
    WrongMethod,
    Nothing,
}

impl RuntimeApi {
    /// Answers one request. It is dropped mid-way when the process goes away.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        match asked(&head.method, head.uri.path()) {
            Asked::Next => self.next().await,
            Asked::Response(request) => {
                let reply = read(body, LARGEST).await;
                self.response(request, reply)
            }
            Asked::Error(request) => {
                // The function's own words may quote anything. What is needed of them stands in the function's log.
                let _unread = read(body, 0).await;
                self.error(request, &head.headers)
            }
            Asked::InitError => {
                let _unread = read(body, 0).await;
                self.init_error(&head.headers)
            }
            Asked::WrongMethod => empty(StatusCode::METHOD_NOT_ALLOWED),
            Asked::Nothing => empty(StatusCode::NOT_FOUND),
        }
    }

    async fn next(&self) -> Answer {
        let Event { id, json, trace, deadline } = self.dispatch.next(self.id).await;
        let mut answer = Response::new(Full::new(json));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline.as_millis()));
        headers.insert("lambda-runtime-invoked-function-arn", self.dispatch.arn.clone());
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            headers.insert("lambda-runtime-aws-request-id", id);
        }
        if let Some(trace) = trace {
            headers.insert("lambda-runtime-trace-id", trace);
        }
        answer
    }

    fn response(&self, request: &str, reply: Result<Bytes, Unread>) -> Answer {
        let (answer, status) = match reply {
            Ok(reply) => (dispatch::Answer::Reply(reply), StatusCode::ACCEPTED),
            Err(Unread::TooLarge) => (dispatch::Answer::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
            // Half a reply is none. Whoever broke off sends it again, or ends.
            Err(Unread::Broken) => return error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", TRUNCATED),
        };
        match self.dispatch.answer(self.id, request, answer) {
            Err(not_taken) => refused(not_taken),
            Ok(()) if status == StatusCode::ACCEPTED => accepted(),
            Ok(()) => {
                self.warn(request, "Function.ResponseSizeTooLarge");
                let message = format!("Exceeded maximum allowed payload size ({LARGEST} bytes).");
                error(status, "RequestEntityTooLarge", &message)
            }
        }
    }

    fn error(&self, request: &str, headers: &HeaderMap) -> Answer {
        let taken = self.dispatch.answer(self.id, request, dispatch::Answer::Error);
        taken.map_or_else(refused, |()| {
            self.warn(request, error_type(headers));
            accepted()
        })
    }

    fn init_error(&self, headers: &HeaderMap) -> Answer {
        if !self.dispatch.is_starting(self.id) {
            return refused(NotTaken::NotRunning);
        }
        if let Some(given_up) = self.dispatch.give_up(self.id, Ending::InitFailed) {
            let (function, process) = (self.dispatch.name(), self.id.0);
            tracing::warn!(
                function,
                process,
                error_type = error_type(headers),
                "a function could not get ready"
            );
            self.dispatch.say(self.id, Farewell::Kill);
            self.dispatch.follow(given_up);
        }
        accepted()
    }

    fn warn(&self, request_id: &str, error_type: &str) {
        let (function, process) = (self.dispatch.name(), self.id.0);
        tracing::warn!(function, process, request_id, error_type, "a function failed");
    }
}

fn asked<'a>(method: &Method, path: &'a str) -> Asked<'a> {
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else { return Asked::Nothing };
    let invocation = path.strip_prefix("invocation/").and_then(|path| path.split_once('/'));
    let (asked, takes) = match (path, invocation) {
        ("invocation/next", _) => (Asked::Next, Method::GET),
        ("init/error", _) => (Asked::InitError, Method::POST),
        (_, Some((id, "response"))) => (Asked::Response(id), Method::POST),
        (_, Some((id, "error"))) => (Asked::Error(id), Method::POST),
        _ => return Asked::Nothing,
    };
    if *method == takes { asked } else { Asked::WrongMethod }
}

/// Why a body is not there.
enum Unread {
    TooLarge,
    Broken,
}

/// Reads a body whole, and keeps no more of it than `limit`.
async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let (mut kept, mut read) = (BytesMut::with_capacity(declared.min(limit)), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_broken| Unread::Broken)?.into_data() else { continue };
        read = read.saturating_add(data.len());
        if read <= limit {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
        }
        if read > LONGEST_THROWN_AWAY {
            break;
        }
    }
    if read > limit { Err(Unread::TooLarge) } else { Ok(kept.freeze()) }
}

/// What kind of error it is, in the function's word, if that looks like one.
fn error_type(headers: &HeaderMap) -> &str {
    let word = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let is_word = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.chars().all(|character| character.is_ascii_alphanumeric() || "._:-".contains(character))
    };
    word.filter(is_word).unwrap_or("Unhandled")
}

fn refused(not_taken: NotTaken) -> Answer {
    match not_taken {
        NotTaken::OtherId => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        NotTaken::NotRunning => {
            error(StatusCode::FORBIDDEN, "InvalidStateTransition", "State transition is not allowed")
        }
    }
}

fn accepted() -> Answer {
    json(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#))
}

/// An error as Lambda words it. Neither text has anything in it that JSON would escape.
fn error(status: StatusCode, error_type: &str, message: &str) -> Answer {
    json(status, format!(r#"{{"errorMessage":"{message}","errorType":"{error_type}"}}"#).into())
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const TRUNCATED: &str = "HTTP request detected as truncated";

/// The largest event and the largest reply: 6 MiB, and room for what AWS's own services put around them.
pub(crate) const LARGEST: usize = 6 * 1024 * 1024 + 100;

/// How much of a body is read only to be thrown away.
const LONGEST_THROWN_AWAY: usize = 64 * 1024 * 1024;
