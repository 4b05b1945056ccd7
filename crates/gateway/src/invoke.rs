//! Step 6, invoke: the function gets the event and has until its deadline to reply.
//!
//! The function's own side checks whether this API, stage, method and path may invoke it. What went wrong is said in the
//! execution log, in API Gateway's words and with the way to mend it; the client is told nothing of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ambient::{Clock, Entropy};
use futures_util::FutureExt as _;
use http::header::ACCEPT;
use lambda::{Invocation, InvokeError, ProxyReply};

use crate::access_log::{Failure, Integration, Record};
use crate::call::{Admitted, Replied, Step};
use crate::event;
use crate::execution_log::Event;
use crate::refusal::Refusal;
use crate::trace::{Phase, Trace};

/// Runs the function behind the method.
pub(crate) async fn call(
    Admitted(mut call): Admitted,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Step<Replied> {
    let endpoint = Arc::clone(&call.authorized.routed.endpoint);
    let request_id = call.record().ids.request;
    let Some(function) = &endpoint.function else {
        tracing::error!(
            request_id = request_id.as_str(),
            method = %endpoint.arn,
            mend = "give the method an AWS_PROXY integration (POST) of a function that exists here",
            "Execution failed due to configuration error: there is no such function",
        );
        call.record().tell(Event::NoFunction);
        return Err(call.refuse(Refusal::NotInvoked));
    };
    let watched = call.record().watched.take();
    let request = &call.authorized.routed.received;
    let trace = watched.unwrap_or_else(|| Trace::of(&request.parts.headers, request.now(), entropy));
    let source_ip = request.source_ip().to_string();
    call.record().trace = Some(trace.id);
    call.record().begin_step(Phase::Invoke);
    let started = clock.now();
    let outcome = {
        let event = event::of(&call, &trace.inbound, &source_ip);
        let deadline = started.plus(endpoint.timeout);
        let invocation = Invocation { event: &event, source: &endpoint.arn, deadline };
        // A function that panics has failed like any other; the connection is not its to take down.
        let guarded = AssertUnwindSafe(function.invoke(invocation)).catch_unwind();
        let replied = tokio::time::timeout(endpoint.timeout, guarded).await;
        replied.map(|replied| replied.unwrap_or(Err(InvokeError::Failed)))
    };
    call.record().end_step();
    call.record().integration = Some(Integration {
        latency: clock.now().since(started),
        status: outcome.as_ref().ok().map(lambda_status),
        reply_status: outcome.as_ref().ok().and_then(|reply| reply.as_ref().ok()).map(|reply| reply.status),
        failure: match &outcome {
            Ok(replied) => replied.as_ref().err().copied().map(Failure::Invoked),
            Err(_elapsed) => Some(Failure::TimedOut),
        },
    });
    tell(call.record());
    match outcome {
        Ok(Ok(reply)) => {
            let accept = call.authorized.routed.received.header(&ACCEPT).map(ToOwned::to_owned);
            let routed = call.authorized.routed;
            let record = routed.received.record;
            Ok(Replied { record, stage: routed.stage, reply, trace: trace.outbound, accept })
        }
        Ok(Err(error)) => {
            log(request_id.as_str(), error, &endpoint.arn);
            Err(call.refuse(refusal(error)))
        }
        Err(_elapsed) => {
            let deadline_ms = u64::try_from(endpoint.timeout.as_millis()).unwrap_or(u64::MAX);
            tracing::error!(
                request_id = request_id.as_str(),
                deadline_ms,
                "Execution failed due to a timeout error"
            );
            Err(call.refuse(Refusal::TimedOut))
        }
    }
}

fn tell(record: &Record) {
    let Some(Integration { latency, status, failure, .. }) = record.integration else { return };
    if let Some(status) = status {
        record.tell(Event::Received { status, latency_ms: latency.as_millis() });
    }
    match failure {
        Some(Failure::Invoked(error)) => record.tell(Event::Failed(error)),
        Some(Failure::TimedOut) => record.tell(Event::TimedOut),
        None => {}
    }
}

/// What Lambda answers to whoever invokes a function: that the function failed is not an error of Lambda.
fn lambda_status(outcome: &Result<ProxyReply, InvokeError>) -> u16 {
    match outcome {
        Ok(_) | Err(InvokeError::Failed | InvokeError::Malformed(_)) => 200,
        Err(InvokeError::Forbidden) => 403,
        Err(InvokeError::Throttled) => 429,
        Err(InvokeError::Unavailable) => 500,
    }
}

fn refusal(error: InvokeError) -> Refusal {
    match error {
        InvokeError::Forbidden | InvokeError::Throttled | InvokeError::Unavailable => Refusal::NotInvoked,
        InvokeError::Failed | InvokeError::Malformed(_) => Refusal::BadReply,
    }
}

fn log(request_id: &str, error: InvokeError, method: &restapi::MethodArn) {
    let mend = match error {
        InvokeError::Forbidden => {
            "add a Lambda permission for apigateway.amazonaws.com whose source ARN is this method's"
        }
        InvokeError::Throttled => "raise the function's concurrency, or lower the stage's throttle",
        InvokeError::Unavailable => "see why the function cannot be started or reached",
        InvokeError::Failed => "see the function's own log",
        InvokeError::Malformed(_) => {
            "reply with statusCode, headers, multiValueHeaders, body and isBase64Encoded only"
        }
    };
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(request_id, %method, cause, mend, "Execution failed due to configuration error: {error}");
}
