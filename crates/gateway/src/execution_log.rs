//! The execution log: what the front door itself has to say of a request, as much of it as the method's settings ask for.
//!
//! Words are API Gateway's where they are known. One line for each event: when, `(request id)`, what. The log begins when a
//! method was found; what leads to none has no method and no level. Keys stand in it by their ids, not by their last
//! characters; no header, query, body, token or message of a client's is ever in it, so data tracing has nothing to switch
//! on here. Lines are cut as API Gateway cuts them, and a line that cannot be taken is counted by its journal.

use std::fmt;

use ambient::Timestamp;
use lambda::InvokeError;
use restapi::{
    ApiKeyId, LoggingLevel, MethodArn, QuotaPeriod, QuotaSettings, ResponseType, ThrottleSettings,
    UsagePlanId,
};

use crate::ids::Ids;
use crate::live::{Endpoint, StageView};
use crate::log_line::write_text;

/// Something that is said of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A method was found.
    Begins,
    /// The key is looked at.
    Verifies { key: Option<&'a ApiKeyId>, stage: &'a StageView },
    /// The method asks for no key, and none on a plan came.
    NeedsNoKey { key: Option<&'a ApiKeyId>, method: &'a MethodArn },
    /// The key does not admit.
    NotAdmitted { key: Option<&'a ApiKeyId>, is_disabled: bool, method: &'a MethodArn },
    /// A bucket of the key is empty.
    KeyThrottled { key: &'a ApiKeyId, plan: &'a UsagePlanId, of: Throttled<'a> },
    /// The quota of the key is used up.
    QuotaExhausted { key: &'a ApiKeyId, plan: &'a UsagePlanId, quota: QuotaSettings, method: &'a MethodArn },
    /// The method's own bucket is empty.
    MethodThrottled(Throttled<'a>),
    /// The account's bucket is empty.
    AccountThrottled(&'a MethodArn),
    /// The store of limits could not say.
    LimitsNotReady,
    /// Every limit was paid.
    Admitted { key: Option<&'a ApiKeyId>, stage: &'a StageView },
    /// The function is asked.
    Executes(&'a Endpoint),
    /// It replied, well or badly.
    Received { status: u16, latency_ms: u128 },
    /// There is no such function, or no use is made of the method's integration.
    NoFunction,
    /// It could not be invoked, or failed.
    Failed(InvokeError),
    /// It took too long.
    TimedOut,
    /// Its reply cannot be passed on.
    Unsendable,
    /// The front door answers by itself.
    Refused { response_type: ResponseType, status: u16 },
    /// The function's reply is passed on.
    Succeeded,
    /// The request is answered.
    Completed { status: u16 },
    /// The client went away before it was.
    Abandoned,
}

/// A bucket that is empty, and whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttled<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) throttle: ThrottleSettings,
}

impl Event<'_> {
    /// Whether a method at this level says it: `ERROR` has what was refused or failed, `INFO` everything.
    pub(crate) const fn is_said_at(&self, level: LoggingLevel) -> bool {
        match level {
            LoggingLevel::Off => false,
            LoggingLevel::Error => self.is_error(),
            LoggingLevel::Info => true,
        }
    }

    const fn is_error(&self) -> bool {
        match self {
            Self::Begins
            | Self::Verifies { .. }
            | Self::NeedsNoKey { .. }
            | Self::Admitted { .. }
            | Self::Executes(_)
            | Self::Received { .. }
            | Self::Succeeded
            | Self::Completed { .. }
            | Self::Abandoned => false,
            Self::NotAdmitted { .. }
            | Self::KeyThrottled { .. }
            | Self::QuotaExhausted { .. }
            | Self::MethodThrottled(_)
            | Self::AccountThrottled(_)
            | Self::LimitsNotReady
            | Self::NoFunction
            | Self::Failed(_)
            | Self::TimedOut
            | Self::Unsendable
            | Self::Refused { .. } => true,
        }
    }

    /// Writes the lines of the event of the request with these `ids`.
    pub(crate) fn lines(&self, now: Timestamp, ids: &Ids) -> Vec<u8> {
        let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
        let request = ids.request.as_str();
        let mut lines = Vec::with_capacity(256);
        for text in self.texts(ids) {
            lines.extend_from_slice(format!("{time:.3} ").as_bytes());
            let mut line = format!("({request}) ").into_bytes();
            write_text(&text, &mut line);
            line.truncate(LONGEST);
            lines.append(&mut line);
            lines.push(b'\n');
        }
        lines
    }

    fn texts(&self, ids: &Ids) -> Vec<String> {
        let request = ids.request.as_str();
        match self {
            Self::Begins => vec![format!("Extended Request Id: {}", ids.extended.as_str())],
            Self::Verifies { key, stage } => vec![format!(
                "Verifying Usage Plan for request: {request}. API Key: {} API Stage: {}",
                Key(*key),
                OfStage(stage)
            )],
            Self::Executes(endpoint) => vec![
                format!("Starting execution for request: {request}"),
                format!("HTTP Method: {}, Resource Path: {}", endpoint.arn.method, endpoint.resource_path),
            ],
            _ => vec![self.to_string()],
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // These have the request's ids in them.
            Self::Begins | Self::Verifies { .. } | Self::Executes(_) => Ok(()),
            Self::NeedsNoKey { key, method } => write!(
                f,
                "API Key {} authorized because method '{}' does not require API Key. Request will not contribute to \
                 throttle or quota limits",
                Key(*key),
                OfMethod(method)
            ),
            Self::NotAdmitted { key, is_disabled: true, method } => write!(
                f,
                "API Key {} not authorized because method '{}' requires API Key and API Key is not enabled",
                Key(*key),
                OfMethod(method)
            ),
            Self::NotAdmitted { key, is_disabled: false, method } => write!(
                f,
                "API Key {} not authorized because method '{}' requires API Key and API Key is not associated with a \
                 Usage Plan for API Stage {}/{}: No Usage Plan found for key and API Stage",
                Key(*key),
                OfMethod(method),
                method.api_id,
                method.stage
            ),
            Self::KeyThrottled { key, plan, of } => write!(
                f,
                "API Key {key} exceeded throttle limit for API Stage {api}/{stage}: Key throttle limit exceeded for \
                 Usage Plan ID {plan}, {of}",
                api = of.endpoint.arn.api_id,
                stage = of.endpoint.arn.stage
            ),
            Self::QuotaExhausted { key, plan, quota, method } => write!(
                f,
                "API Key {key} exceeded quota limit for API Stage {}/{}: Key quota exhausted for Usage Plan ID {plan}. \
                 Limit: {} Period: {}",
                method.api_id,
                method.stage,
                quota.limit(),
                period(quota.period())
            ),
            Self::MethodThrottled(of) => write!(f, "Method throttle limit exceeded for {of}"),
            Self::AccountThrottled(method) => {
                write!(
                    f,
                    "Account throttle limit exceeded for account {} in {}",
                    method.account_id, method.region
                )
            }
            Self::LimitsNotReady => f.write_str("Execution failed: the store of limits is not ready"),
            Self::Admitted { key, stage } => write!(
                f,
                "Usage Plan check succeeded for API Key {} and API Stage {}",
                Key(*key),
                OfStage(stage)
            ),
            Self::Received { status, latency_ms } => {
                write!(f, "Received response. Status: {status}, Integration latency: {latency_ms} ms")
            }
            Self::NoFunction => {
                f.write_str("Execution failed due to configuration error: there is no such function")
            }
            Self::Failed(error) => {
                write!(f, "Execution failed due to configuration error: {error}")?;
                std::error::Error::source(error).map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
            Self::TimedOut => f.write_str("Execution failed due to a timeout error"),
            Self::Unsendable => {
                f.write_str("Execution failed due to configuration error: Malformed Lambda proxy response")
            }
            Self::Refused { response_type, status } => {
                write!(f, "Gateway response type: {} with status code: {status}", response_type.as_str())
            }
            Self::Succeeded => f.write_str("Successfully completed execution"),
            Self::Completed { status } => write!(f, "Method completed with status: {status}"),
            Self::Abandoned => f.write_str("The client left before the answer"),
        }
    }
}

impl fmt::Display for Throttled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { arn, resource_id, .. } = self.endpoint;
        let ThrottleSettings { rate_limit, burst_limit } = self.throttle;
        let milli = rate_limit.as_milli();
        write!(
            f,
            "RestApi {}, Stage {}, Resource {resource_id}, HttpMethod {}. Limit: {}.{:02} Burst: {burst_limit}",
            arn.api_id,
            arn.stage,
            arn.method,
            milli / 1_000,
            milli % 1_000 / 10
        )
    }
}

/// A key's id; nothing where there is no key, as API Gateway has it.
struct Key<'a>(Option<&'a ApiKeyId>);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |key| write!(f, "{key}"))
    }
}

/// `{api}/{stage}`.
struct OfStage<'a>(&'a StageView);

impl fmt::Display for OfStage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.api_id, self.0.name)
    }
}

/// `POST /oauth2/token`.
struct OfMethod<'a>(&'a MethodArn);

impl fmt::Display for OfMethod<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method, self.0.path)
    }
}

const fn period(period: QuotaPeriod) -> &'static str {
    match period {
        QuotaPeriod::Day => "DAY",
        QuotaPeriod::Week => "WEEK",
        QuotaPeriod::Month => "MONTH",
    }
}

/// API Gateway cuts events of the execution log at so many bytes.
const LONGEST: usize = 1024;
