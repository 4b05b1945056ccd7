//! The control socket's way in: who asks, how much of a body is read, and on which thread the answer is found.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use listen::{Answer, BodyError, Bounds, Handler, Inbound, LocalPeer};
use rustix::process::{Uid, geteuid};

use super::fault::Fault;
use super::{Control, Question, Reply};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Answers whoever reaches the socket, if it is the server's own user or root.
///
/// The mode of the socket and of the directory around it keep others out already; the kernel says once more who it is.
#[derive(Debug)]
pub(crate) struct Desk {
    control: Arc<Control>,
    user: u32,
}

impl Desk {
    /// Answers for `control`.
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self { control, user: geteuid().as_raw() }
    }

    /// What one listener allows: a few people and their scripts.
    pub(crate) fn bounds() -> Bounds {
        Bounds { connections: 16, per_address: 0, ..Bounds::default() }
    }

    fn answers(&self, uid: u32) -> bool {
        uid == self.user || uid == Uid::ROOT.as_raw()
    }

    async fn reply(&self, inbound: Inbound<LocalPeer>) -> Result<Reply, Fault> {
        let uid = inbound.peer.uid;
        if !self.answers(uid) {
            return Err(Fault::foreign(uid));
        }
        let (head, body) = inbound.request.into_parts();
        let body = listen::read_body(body, BODY_BYTES, BODY_TIME).await.map_err(unread)?;
        let control = Arc::clone(&self.control);
        let answering = tokio::task::spawn_blocking(move || {
            let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
            control.answer(Question { method: &head.method, path, query, body: &body })
        });
        // It failed by panicking, and the log has said so.
        answering.await.map_err(|_panicked| Fault::internal())
    }
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
        },
        BodyError::TooSlow | BodyError::Broken => Fault::bad(error.to_string()),
    }
}

/// An update is some hundred bytes.
const BODY_BYTES: usize = 8 * 1024;
const BODY_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use limits::Memory;
    use testkit::ManualClock;

    use super::*;
    use crate::control::Roster;

    #[test]
    fn only_the_servers_user_and_root_are_answered() {
        let (meter, clock) = (Arc::new(Memory::new()), Arc::new(ManualClock::default()));
        let control = Arc::new(Control::new(Roster::default(), meter, clock));
        let desk = Desk { control: Arc::clone(&control), user: 1_000 };
        assert_eq!([0, 1_000, 1_001, u32::MAX].map(|uid| desk.answers(uid)), [true, true, false, false]);
        assert!(Desk::new(control).answers(geteuid().as_raw()));
    }
}
