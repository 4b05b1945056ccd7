//! The host of one function: takes invocations, gives back replies.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, Uuid};
use http::HeaderValue;
use lambda::{Function, Invocation, InvokeError, Invoking, ProxyEvent, ProxyReply};
use tokio::sync::oneshot;

use crate::api::LARGEST;
use crate::dispatch::Dispatch;
use crate::job::Job;
use crate::log::FunctionLog;
use crate::spec::{FunctionSpec, SpecError};
use crate::stats::Stats;

/// Runs a function as processes of this machine.
///
/// It must be used within a tokio runtime. Dropped, it kills its processes; [`Host::shutdown`] lets them finish first.
/// Should the host itself be killed, its processes notice that their Runtime API is gone, as runtimes do, and exit.
#[derive(Debug)]
pub struct Host {
    dispatch: Arc<Dispatch>,
}

/// What a host takes from the world around it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives ids of invocations and names of log streams.
    pub entropy: Arc<dyn Entropy>,
    /// Takes the output of the processes.
    pub log: Arc<dyn FunctionLog>,
}

impl Host {
    /// A host of the function `spec`. No process is started yet.
    pub fn new(spec: FunctionSpec, surroundings: Surroundings) -> Result<Self, SpecError> {
        spec.check()?;
        // INVARIANT: regions, accounts and function names are all made of what may stand in a header.
        let arn = HeaderValue::from_str(&spec.arn()).unwrap_or(HeaderValue::from_static(""));
        let Surroundings { clock, entropy, log } = surroundings;
        Ok(Self { dispatch: Arc::new(Dispatch::new(spec, arn, clock, entropy, log)) })
    }

    /// Sees to it that at least `processes` of them are there from now on, or as many as there may be, and waits until
    /// none is starting any more. Returns how many have got ready.
    pub async fn warm(&self, processes: usize) -> usize {
        let mut readied = self.dispatch.readied.subscribe();
        self.dispatch.keep(processes);
        loop {
            let (starting, ready) = self.dispatch.readiness();
            if starting == 0 || readied.changed().await.is_err() {
                return ready;
            }
        }
    }

    /// Takes no more invocations, gives those that run `grace` to finish, and ends all processes. When it returns, no
    /// process is left.
    pub async fn shutdown(&self, grace: Duration) {
        self.dispatch.close();
        let mut watched = self.dispatch.watched.subscribe();
        if tokio::time::timeout(grace, watched.wait_for(|watched| *watched == 0)).await.is_err() {
            self.dispatch.kill_all();
            let _closed = watched.wait_for(|watched| *watched == 0).await;
        }
    }

    /// What has been counted so far.
    pub fn stats(&self) -> Stats {
        self.dispatch.stats()
    }

    async fn run(&self, invocation: Invocation<'_>) -> Result<ProxyReply, InvokeError> {
        let event = invocation.event.to_json();
        if event.len() > LARGEST {
            // Lambda does not take it.
            return Err(InvokeError::Unavailable);
        }
        if !self.dispatch.log.is_open() {
            return Err(InvokeError::Unavailable);
        }
        let (outcome, awaited) = oneshot::channel();
        self.dispatch.submit(Job {
            id: Uuid::v4(&*self.dispatch.entropy),
            event: event.into(),
            trace: trace(invocation.event),
            deadline: invocation.deadline,
            outcome,
        })?;
        let reply = awaited.await.unwrap_or(Err(InvokeError::Failed))?;
        ProxyReply::from_json(&reply).map_err(|malformed| {
            self.dispatch.count_malformed();
            InvokeError::Malformed(malformed)
        })
    }
}

impl Function for Host {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        Box::pin(self.run(invocation))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.dispatch.close();
        self.dispatch.kill_all();
    }
}

/// The trace that the front door put the request under.
fn trace(event: &ProxyEvent<'_>) -> Option<HeaderValue> {
    event.headers.last("x-amzn-trace-id").and_then(|trace| HeaderValue::from_str(trace).ok())
}
