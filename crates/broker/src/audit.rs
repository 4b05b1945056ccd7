//! Step 5: the audit line, accepted before the answer.
//!
//! Every request that reaches the broker leaves exactly one: granted, denied, failed, and also when the caller goes away
//! while it waits or the broker itself breaks. If the sink cannot take it, there is no answer but 503: a token that nobody can account for is not
//! handed out.
//!
//! A record has no member that could hold a key, secret, token or body. What a client wrote itself is not in it either:
//! scopes appear only once policy has allowed them, because a misplaced secret may stand where a scope should.

use std::fmt;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use lambda::ProxyEvent;
use oauth::ScopeSet;
use policy::{ClientId, RuleId, Rules};
use restapi::ApiKeyId;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::fetch::Fetched;
use crate::reply::Refusal;
use crate::stats::BrokerStats;
use crate::traced::Traced;
use crate::{AppClientName, Client};

/// Takes audit records.
pub trait AuditSink: fmt::Debug + Send + Sync {
    /// Takes responsibility for `record`: it will be written, in the order in which records came, or the process dies.
    /// Must not wait: the answer waits for this.
    fn accept(&self, record: &AuditRecord<'_>) -> Result<(), AuditLost>;
}

/// A record that could not be taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the audit log takes no more records")]
pub struct AuditLost;

/// What is recorded of one request.
#[derive(Clone, Debug)]
pub struct AuditRecord<'a> {
    /// When it arrived.
    pub time: Timestamp,
    /// The front door's id for it.
    pub request_id: &'a str,
    /// The trace that the request stands under, in X-Ray's spelling.
    pub trace: Option<&'a str>,
    /// Who asked.
    pub client: Option<ClientId>,
    /// The id of the API key that was used.
    pub key_id: Option<&'a str>,
    /// The grant that was asked for; `other` if it is none that is known.
    pub grant: Option<&'static str>,
    /// The scopes that policy allowed.
    pub scopes: Option<ScopeSet>,
    /// What was decided.
    pub decision: Verdict,
    /// Why it was denied, or why an allowed request got no token.
    pub reason: Option<&'static str>,
    /// The rules that decided, in the order in which they were asked.
    pub rules: Option<Rules>,
    /// Where the token came from.
    pub cache: CacheOutcome,
    /// How many requests upstream were made for this one before its answer.
    pub upstream_attempts: u32,
    /// How long this request waited for the upstream.
    pub upstream_time: Duration,
    /// The app client whose token it is.
    pub app_client: Option<AppClientName>,
    /// The status of the answer; none if the caller was gone before there was one.
    pub status: Option<u16>,
}

impl<'a> AuditRecord<'a> {
    /// The id in the event's `X-Amzn-Trace-Id`. On AWS the header may be the client's, so that nothing else may pass for
    /// one.
    pub fn trace_of(event: &'a ProxyEvent<'_>) -> Option<&'a str> {
        let header = event.headers.last("x-amzn-trace-id")?;
        let id = header.split(';').find_map(|field| field.strip_prefix("Root="))?;
        let mut parts = id.splitn(3, '-');
        let mut is_hex = |length: usize| {
            let digits = parts.next().unwrap_or_default();
            digits.len() == length && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        };
        (is_hex(1) && is_hex(8) && is_hex(24)).then_some(id)
    }

    /// The record as a line of JSON, with its line feed.
    pub fn to_json_line(&self) -> String {
        // A record has nothing that serde_json could fail on: no map keys but names, no numbers but integers.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

/// The members in this order, always all of them: people and programs read old lines.
impl Serialize for AuditRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("AuditRecord", 15)?;
        line.serialize_field("time", &Rfc3339(self.time))?;
        line.serialize_field("request_id", self.request_id)?;
        line.serialize_field("client", &self.client.as_ref().map(ClientId::as_str))?;
        line.serialize_field("key_id", &self.key_id)?;
        line.serialize_field("grant", &self.grant)?;
        line.serialize_field("scopes", &self.scopes.as_ref().map(ScopeSet::as_str))?;
        line.serialize_field("decision", &self.decision)?;
        line.serialize_field("reason", &self.reason)?;
        line.serialize_field("rules", &RuleIds(self.rules))?;
        line.serialize_field("cache", &self.cache)?;
        line.serialize_field("upstream_attempts", &self.upstream_attempts)?;
        line.serialize_field("upstream_ms", &self.upstream_time.as_millis())?;
        line.serialize_field("app_client", &self.app_client.as_ref().map(AppClientName::as_str))?;
        line.serialize_field("status", &self.status)?;
        line.serialize_field("trace", &self.trace)?;
        line.end()
    }
}

struct Rfc3339(Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
        serializer.collect_str(&format_args!("{time:.6}"))
    }
}

struct RuleIds(Option<Rules>);

impl Serialize for RuleIds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.into_iter().flat_map(Rules::iter).map(RuleId::as_str))
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The client may have the token.
    Allow,
    /// It may not.
    Deny,
}

/// Where a token came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheOutcome {
    /// From nowhere: the request was denied, or there was no room to fetch another token.
    None,
    /// From the cache.
    Hit,
    /// From the cache, and this request started its renewal.
    Refresh,
    /// From the cache, although its last renewal failed.
    Stale,
    /// From the upstream, on this request's account.
    Miss,
    /// From the upstream, on the account of a request that asked before.
    Joined,
}

/// The record of a request while the request runs. Dropping it before it is closed writes it, too.
pub(crate) struct Trail<'a> {
    sink: &'a dyn AuditSink,
    stats: &'a BrokerStats,
    record: AuditRecord<'a>,
    /// The request's spans if it has some, and the clock that says when they end.
    pub(crate) traced: Option<(Traced, &'a dyn Clock)>,
    closed: bool,
}

impl<'a> Trail<'a> {
    pub(crate) fn begin(
        sink: &'a dyn AuditSink,
        stats: &'a BrokerStats,
        event: &'a ProxyEvent<'_>,
        time: Timestamp,
    ) -> Self {
        let context = &event.request_context;
        let record = AuditRecord {
            time,
            request_id: &context.request_id,
            trace: AuditRecord::trace_of(event),
            client: None,
            // What does not look like an id is perhaps a key in the wrong place.
            key_id: context.identity.api_key_id.as_deref().filter(|id| ApiKeyId::parse(id).is_ok()),
            grant: None,
            scopes: None,
            decision: Verdict::Deny,
            reason: None,
            rules: None,
            cache: CacheOutcome::None,
            upstream_attempts: 0,
            upstream_time: Duration::ZERO,
            app_client: None,
            status: None,
        };
        Self { sink, stats, record, traced: None, closed: false }
    }

    pub(crate) fn traced(&self) -> Option<&Traced> {
        self.traced.as_ref().map(|(traced, _clock)| traced)
    }

    pub(crate) fn identified(&mut self, client: &Client) {
        self.record.client = Some(client.id().clone());
    }

    pub(crate) fn asked(&mut self, grant: &'static str) {
        self.record.grant = Some(grant);
    }

    pub(crate) fn allowed(&mut self, scopes: &ScopeSet, rules: Rules, app_client: &AppClientName) {
        self.record.decision = Verdict::Allow;
        self.record.scopes = Some(scopes.clone());
        self.record.rules = Some(rules);
        self.record.app_client = Some(app_client.clone());
        self.stats.allowed();
    }

    pub(crate) fn fetched(&mut self, fetched: &Fetched) {
        self.record.cache = fetched.cache;
        self.record.upstream_attempts = fetched.attempts;
        self.record.upstream_time = fetched.waited;
        self.stats.fetched(fetched.cache);
    }

    /// Ends the record with what the client is about to be answered.
    pub(crate) fn close(mut self, refusal: Option<&Refusal>, status: u16) -> Result<(), AuditLost> {
        if let Some(refusal) = refusal {
            self.record.reason = Some(refusal.name());
            self.record.rules = refusal.rules().or(self.record.rules);
        }
        self.record.status = Some(status);
        self.write()
    }

    fn write(&mut self) -> Result<(), AuditLost> {
        self.closed = true;
        if let Some((traced, clock)) = &self.traced {
            traced.answered(&self.record, clock.now());
        }
        if let Some(reason) = self.record.reason {
            self.stats.refused(reason);
        }
        self.sink.accept(&self.record).inspect_err(|AuditLost| self.stats.audit_lost())
    }
}

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        if !self.closed {
            self.record.reason = Some(if std::thread::panicking() { "panicked" } else { "abandoned" });
            // There is nobody left to refuse; the loss is counted.
            let _lost = self.write();
        }
    }
}

#[cfg(test)]
mod tests;
