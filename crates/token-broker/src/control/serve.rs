//! The control socket's way in: who asks, how much of a body is read, on which thread the answer is found, and who answers:
//! quotas are `Control`'s, the definition is the reloader's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use listen::{Answer, BodyError, Bounds, Handler, Inbound, LocalPeer};
use rustix::process::{Uid, geteuid};
use serde::Serialize;

use super::fault::Fault;
use super::wire::Reloaded;
use super::{Control, DEFINITION, Question, RELOAD, Reply};
use crate::reload::{Reloads, TakenOver};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Answers whoever reaches the socket, if it is the server's own user or root.
///
/// The mode of the socket and of the directory around it keep others out already; the kernel says once more who it is.
#[derive(Debug)]
pub(crate) struct Desk {
    control: Arc<Control>,
    reloads: Reloads,
    user: u32,
}

impl Desk {
    /// Answers for `control` and `reloads`.
    pub(crate) fn new(control: Arc<Control>, reloads: Reloads) -> Self {
        Self { control, reloads, user: geteuid().as_raw() }
    }

    /// What one listener allows: a few people and their scripts.
    pub(crate) fn bounds() -> Bounds {
        Bounds { connections: 16, per_address: 0, ..Bounds::default() }
    }

    async fn reply(&self, inbound: Inbound<LocalPeer>) -> Result<Reply, Fault> {
        let uid = inbound.peer.uid;
        if !answers(uid, self.user) {
            return Err(Fault::foreign(uid));
        }
        let (head, body) = inbound.request.into_parts();
        let body = listen::read_body(body, BODY_BYTES, BODY_TIME).await.map_err(unread)?;
        match (head.uri.path(), &head.method) {
            (RELOAD, &Method::POST) => return self.reload().await,
            (RELOAD, _) => return Err(Fault::wrong_method("POST")),
            (DEFINITION, &Method::GET) => return json(&self.reloads.status()),
            (DEFINITION, _) => return Err(Fault::wrong_method("GET")),
            _ => {}
        }
        let control = Arc::clone(&self.control);
        let answering = tokio::task::spawn_blocking(move || {
            let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
            control.answer(Question { method: &head.method, path, query, body: &body })
        });
        // It failed by panicking, and the log has said so.
        answering.await.map_err(|_panicked| Fault::internal())
    }

    async fn reload(&self) -> Result<Reply, Fault> {
        let outcome = self.reloads.reload().await.ok_or_else(Fault::stopping)?;
        let TakenOver { generation, changes } = outcome.map_err(Fault::refused)?;
        json(&Reloaded { generation: generation.0, changes })
    }
}

fn answers(uid: u32, user: u32) -> bool {
    uid == user || uid == Uid::ROOT.as_raw()
}

fn json(value: &impl Serialize) -> Result<Reply, Fault> {
    super::json(value).map(|json| Reply { status: StatusCode::OK, error_type: None, json })
}

impl Handler<LocalPeer> for Desk {
    async fn handle(&self, inbound: Inbound<LocalPeer>) -> Answer {
        let Reply { status, error_type, json } = self.reply(inbound).await.unwrap_or_else(Reply::from);
        let mut answer = Response::new(Full::new(Bytes::from(json)));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(error_type) = error_type {
            headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
        }
        answer
    }
}

fn unread(error: BodyError) -> Fault {
    match error {
        BodyError::TooLarge => Fault {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            error_type: "RequestEntityTooLargeException",
            message: error.to_string(),
            causes: Vec::new(),
        },
        BodyError::TooSlow | BodyError::Broken => Fault::bad(error.to_string()),
    }
}

/// An update is some hundred bytes.
const BODY_BYTES: usize = 8 * 1024;
const BODY_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_user_and_root_are_answered() {
        assert_eq!([0, 1_000, 1_001, u32::MAX].map(|uid| answers(uid, 1_000)), [true, true, false, false]);
    }
}
