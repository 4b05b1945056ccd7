//! The admin listener: is it alive, is it ready, what has it counted. On loopback only, and without a secret to give.
//!
//! What is counted elsewhere is read by a collector for each part when somebody asks. `docs/metrics.md` lists every metric; a
//! test holds the list against what a running program shows.

mod broker_counts;
mod connection_counts;
mod fill;
mod function_counts;
mod journal_counts;
mod limit_counts;
mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use journal::Journal;
use listen::{Answer, Handler, Inbound};
use prometheus_client::registry::Registry;

use crate::limit_store::{Keeping, LimitStore};

pub(crate) use broker_counts::BrokerCollector;
pub(crate) use connection_counts::ConnectionCollector;
pub(crate) use fill::FillCollector;
pub(crate) use function_counts::FunctionCollector;
pub(crate) use journal_counts::JournalCollector;
pub(crate) use limit_counts::LimitCollector;
pub(crate) use page::Page;

/// Answers `/healthz`, `/readyz` and `/metrics`.
#[derive(Debug)]
pub(crate) struct Admin {
    registry: Registry,
    readiness: Readiness,
}

/// What must be so for requests to be sent here.
#[derive(Debug)]
pub(crate) struct Readiness {
    /// The front door is open.
    pub(crate) serving: Arc<AtomicBool>,
    /// The keys in force are those of the register.
    pub(crate) keys_in_step: Arc<AtomicBool>,
    /// Without an audit log no token is handed out.
    pub(crate) audit: Journal,
    /// Without the store of limits no request is admitted for long, unless the definition lets them all through.
    pub(crate) limits: Arc<dyn LimitStore>,
}

impl Readiness {
    /// Why requests should not be sent here.
    fn obstacle(&self) -> Option<&'static str> {
        if !self.serving.load(Ordering::Acquire) {
            Some("not ready: starting or stopping\n")
        } else if !self.keys_in_step.load(Ordering::Acquire) {
            Some("not ready: changed API keys could not be taken over; see the log\n")
        } else if !self.audit.is_open() {
            Some("not ready: the audit log cannot be written\n")
        } else if self.limits.keeping() == Keeping::Closed {
            Some("not ready: the limits store cannot be written\n")
        } else {
            None
        }
    }

    /// What is said of a server to which requests may be sent.
    fn ready(&self) -> &'static str {
        match self.limits.keeping() {
            Keeping::Suspended => "ready, but limits are not guaranteed: their store cannot be written\n",
            Keeping::Kept | Keeping::Closed => "ready\n",
        }
    }
}

impl Admin {
    /// Answers from these counters and this readiness.
    pub(crate) fn new(registry: Registry, readiness: Readiness) -> Self {
        Self { registry, readiness }
    }

    fn metrics(&self) -> Answer {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => {
                let mut answer = answer(StatusCode::OK, text);
                let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(open_metrics));
                answer
            }
            Err(_unwritable) => {
                answer(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written\n".to_owned())
            }
        }
    }
}

impl Handler for Admin {
    async fn handle(&self, inbound: Inbound) -> Answer {
        let (method, path) = (inbound.request.method(), inbound.request.uri().path());
        match (method, path) {
            (&Method::GET, "/healthz") => answer(StatusCode::OK, "alive\n".to_owned()),
            (&Method::GET, "/readyz") => match self.readiness.obstacle() {
                Some(obstacle) => answer(StatusCode::SERVICE_UNAVAILABLE, obstacle.to_owned()),
                None => answer(StatusCode::OK, self.readiness.ready().to_owned()),
            },
            (&Method::GET, "/metrics") => self.metrics(),
            (_, "/healthz" | "/readyz" | "/metrics") => {
                answer(StatusCode::METHOD_NOT_ALLOWED, "use GET\n".to_owned())
            }
            _ => answer(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n".to_owned()),
        }
    }
}

fn answer(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use ambient::Timestamp;

    use super::*;
    use crate::limit_store::Sample;

    /// A store that can be written, or cannot.
    #[derive(Debug)]
    struct Store {
        keeping: Keeping,
    }

    impl LimitStore for Store {
        fn keeping(&self) -> Keeping {
            self.keeping
        }

        fn samples(&self) -> Vec<Sample> {
            Vec::new()
        }

        fn tidy(&self, _now: Timestamp) {}

        fn close(&self, _now: Timestamp) -> anyhow::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn store_of_limits_that_cannot_be_written_is_an_obstacle_unless_requests_are_admitted_without_it() {
        let yes = || Arc::new(AtomicBool::new(true));
        let suspended = "ready, but limits are not guaranteed: their store cannot be written\n";
        for (keeping, said) in [
            (Keeping::Kept, Ok("ready\n")),
            (Keeping::Suspended, Ok(suspended)),
            (Keeping::Closed, Err("not ready: the limits store cannot be written\n")),
        ] {
            let (audit, writing) = Journal::start("audit", std::io::sink(), 1_024).unwrap();
            let limits = Arc::new(Store { keeping });
            let readiness = Readiness { serving: yes(), keys_in_step: yes(), audit, limits };
            assert_eq!(readiness.obstacle().map_or_else(|| Ok(readiness.ready()), Err), said);
            writing.finish(std::time::Duration::from_mins(1));
        }
    }
}
