//! The states of a request on its way. Each step takes the state before it by value: no step can be skipped.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ambient::Timestamp;
use bytes::Bytes;
use http::header::HeaderName;
use http::request::Parts;
use restapi::ApiKeyId;
use serde_json::{Map, Value};

use crate::access_log::Record;
use crate::live::{Endpoint, KnownKey, Live, Plan, StageView};
use crate::peer::Peer;
use crate::refusal::Refusal;

/// A request that did not get through, with what is known of it.
///
/// Boxed, so that the good path does not carry its size.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) refusal: Refusal,
    /// What is logged of it.
    pub(crate) record: Record,
    /// The stage that answers it, once known.
    pub(crate) stage: Option<Arc<StageView>>,
}

/// What a step returns.
pub(crate) type Step<T> = Result<T, Box<Refused>>;

/// Read whole, within bounds.
pub struct Received {
    pub(crate) record: Record,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) peer: Peer,
    pub(crate) source_ip: IpAddr,
    pub(crate) live: Arc<Live>,
}

/// On a method of a stage.
#[derive(Debug)]
pub struct Routed {
    pub(crate) received: Received,
    pub(crate) stage: Arc<StageView>,
    pub(crate) endpoint: Arc<Endpoint>,
    /// The path without the stage, as it was sent.
    pub(crate) path: String,
    /// What stood for `{name}`.
    pub(crate) path_parameters: Vec<(Arc<str>, String)>,
}

/// By an authorizer, or without one.
#[derive(Debug)]
pub struct Authorized {
    pub(crate) routed: Routed,
    pub(crate) principal: Option<Principal>,
}

/// Whom an authorizer found.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// `requestContext.authorizer`: `principalId` and what the authorizer added, as strings.
    pub context: Map<String, Value>,
    /// The API key value the authorizer chose for metering. A secret.
    pub usage_key: Option<UsageKey>,
}

/// `usageIdentifierKey`: an API key's value, named by an authorizer. It cannot be printed.
#[derive(Clone, Eq, PartialEq)]
pub struct UsageKey(String);

/// With the API key that meters it, if any.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) authorized: Authorized,
    pub(crate) key: Option<Metered>,
    /// Whether the event shows the presented key.
    pub(crate) shows_key: bool,
    pub(crate) key_id: Option<ApiKeyId>,
}

/// A known key on a plan of this stage.
#[derive(Debug)]
pub(crate) struct Metered {
    pub(crate) key: Arc<KnownKey>,
    pub(crate) plan: Arc<Plan>,
}

/// Paid for, at every limit.
#[derive(Debug)]
pub(crate) struct Admitted(pub(crate) Identified);

/// Answered by its function.
#[derive(Debug)]
pub(crate) struct Replied {
    pub(crate) record: Record,
    pub(crate) stage: Arc<StageView>,
    pub(crate) reply: lambda::ProxyReply,
    pub(crate) trace: String,
    pub(crate) accept: Option<String>,
}

impl Received {
    /// The one value of a header, if it is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the request comes from: the other end of the connection, or whom a trusted proxy speaks for.
    pub fn source_ip(&self) -> IpAddr {
        self.source_ip
    }

    /// When the request arrived: the one time that every step goes by.
    pub fn now(&self) -> Timestamp {
        self.record.arrived
    }

    pub(crate) fn refuse(self, refusal: Refusal) -> Box<Refused> {
        Box::new(Refused { refusal, record: self.record, stage: None })
    }
}

/// Neither headers nor query nor body: credentials are in there, and an authorizer is shown this.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("record", &self.record)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Routed {
    /// The request as it was read.
    pub fn received(&self) -> &Received {
        &self.received
    }

    pub(crate) fn refuse(self, refusal: Refusal) -> Box<Refused> {
        Box::new(Refused { refusal, record: self.received.record, stage: Some(self.stage) })
    }
}

impl Identified {
    pub(crate) fn refuse(self, refusal: Refusal) -> Box<Refused> {
        self.authorized.routed.refuse(refusal)
    }

    pub(crate) fn record(&mut self) -> &mut Record {
        &mut self.authorized.routed.received.record
    }
}

impl UsageKey {
    /// The key's value as an authorizer gave it.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UsageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UsageKey(***)")
    }
}
