//! What stands in for the parts around the data plane: a function, an authorizer, a limit store that is gone.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ambient::Timestamp;
use lambda::{Function, Invocation, InvokeError, Invoking, ProxyReply};
use limits::{
    Binding, Charges, Decision, DefineError, Kind, Limit, LimitId, LimitName, Limiter, Memory, Spending,
    StoreError,
};
use serde_json::Value;
use tokio::sync::Notify;

use crate::{Authorizer, Authorizing, Routed, Verdict};

/// A function that counts its calls, keeps its events and does as it is told.
pub(super) struct Told {
    calls: AtomicUsize,
    events: Mutex<Vec<Vec<u8>>>,
    deadline: Mutex<Option<Timestamp>>,
    answer: Mutex<Option<Result<ProxyReply, InvokeError>>>,
    panics: AtomicBool,
    /// Lets a call that hangs come back, with a token after all.
    pub(super) go_on: Notify,
    /// A call has begun.
    pub(super) entered: Notify,
    /// A call that hung has ended, or was dropped.
    pub(super) abandoned: Notify,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            calls: AtomicUsize::new(0),
            events: Mutex::default(),
            deadline: Mutex::default(),
            answer: Mutex::new(Some(Ok(reply(200, r#"{"access_token":"t"}"#)))),
            panics: AtomicBool::new(false),
            go_on: Notify::new(),
            entered: Notify::new(),
            abandoned: Notify::new(),
        }
    }

    /// Gives this reply from now on.
    pub(super) fn replies(&self, reply: ProxyReply) {
        *self.answer.lock().unwrap() = Some(Ok(reply));
    }

    /// Fails like this from now on.
    pub(super) fn fails(&self, error: InvokeError) {
        *self.answer.lock().unwrap() = Some(Err(error));
    }

    /// Does not come back from now on, until it is told to go on.
    pub(super) fn hangs(&self) {
        *self.answer.lock().unwrap() = None;
    }

    /// Panics from now on.
    pub(super) fn panics(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// How often it has run.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The last event, as it would stand on the wire.
    pub(super) fn last_event_json(&self) -> String {
        String::from_utf8(self.events.lock().unwrap().last().unwrap().clone()).unwrap()
    }

    /// The last event.
    pub(super) fn last_event(&self) -> Value {
        serde_json::from_str(&self.last_event_json()).unwrap()
    }

    /// When the last call was to end.
    pub(super) fn last_deadline(&self) -> Timestamp {
        self.deadline.lock().unwrap().unwrap()
    }
}

impl Function for Told {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.events.lock().unwrap().push(invocation.event.to_json());
        *self.deadline.lock().unwrap() = Some(invocation.deadline);
        self.entered.notify_one();
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move {
            assert!(!self.panics.load(Ordering::SeqCst), "it was told to");
            let Some(answer) = answer else {
                let _abandoned = NotifyOnDrop(&self.abandoned);
                self.go_on.notified().await;
                return Ok(reply(200, r#"{"access_token":"late"}"#));
            };
            answer
        })
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

struct NotifyOnDrop<'a>(&'a Notify);

impl Drop for NotifyOnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A JSON reply.
pub(super) fn reply(status: u16, body: &'static str) -> ProxyReply {
    ProxyReply { status, body: body.into(), ..ProxyReply::default() }
}

/// An authorizer that does not come back.
#[derive(Debug)]
pub(super) struct Hangs;

impl Authorizer for Hangs {
    fn authorize<'a>(&'a self, _call: &'a Routed) -> Authorizing<'a> {
        Box::pin(std::future::pending())
    }
}

/// An authorizer that always says the same, and counts how often it is asked.
#[derive(Debug)]
pub(super) struct Says {
    verdict: Verdict,
    asked: AtomicUsize,
}

impl Says {
    pub(super) fn new(verdict: Verdict) -> Self {
        Self { verdict, asked: AtomicUsize::new(0) }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Authorizer for Says {
    fn authorize<'a>(&'a self, _call: &'a Routed) -> Authorizing<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(self.verdict.clone()))
    }
}

/// A limit store that takes definitions and then cannot be reached.
#[derive(Debug, Default)]
pub(super) struct Lost(Memory);

impl Limiter for Lost {
    fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        self.0.define(name, limit, now)
    }

    fn spend<'a>(&'a self, _now: Timestamp, _charges: &'a Charges) -> Spending<'a> {
        Spending::ready(Err(StoreError::Unavailable("connection reset".into())))
    }
}

/// A limit store that has set aside nothing of any quota, and will have in a second and a bit.
#[derive(Debug, Default)]
pub(super) struct Unready {
    memory: Memory,
    quotas: Mutex<Vec<LimitId>>,
}

impl Limiter for Unready {
    fn define(&self, name: LimitName, limit: Limit, now: Timestamp) -> Result<LimitId, DefineError> {
        let id = self.memory.define(name, limit, now)?;
        if matches!(limit, Limit::Quota(_)) {
            self.quotas.lock().unwrap().push(id);
        }
        Ok(id)
    }

    fn spend<'a>(&'a self, now: Timestamp, charges: &'a Charges) -> Spending<'a> {
        let decision = self.memory.spend_now(now, charges);
        let quotas = self.quotas.lock().unwrap();
        let quota = charges.as_slice().iter().position(|charge| quotas.contains(&charge.limit));
        Spending::ready(Ok(quota.map_or(decision, |index| Decision::Unready {
            at: decision.at(),
            binding: Binding { index, limit: charges.as_slice()[index].limit, kind: Kind::Quota },
            wait: Duration::from_millis(1_001),
            left: *decision.left(),
        })))
    }
}
