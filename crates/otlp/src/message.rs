//! `ExportTraceServiceRequest`: spans as a collector reads them.
//!
//! <https://github.com/open-telemetry/opentelemetry-proto>, version 1: field numbers never change their meaning.

use spans::{Kind, Span, Value};

use crate::wire::{Message, find_number};

/// Who makes the spans.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The program: `service.name`.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Which of several that run: `service.instance.id`.
    pub instance: String,
}

/// The message that hands over `spans`.
pub(crate) fn export(origin: &Origin, spans: &[Span]) -> Vec<u8> {
    let Origin { service, version, instance } = origin;
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            attribute(resource, 1, "service.name", &Value::Word(service));
            attribute(resource, 1, "service.version", &Value::Word(version));
            attribute(resource, 1, "service.instance.id", &instance.as_str().into());
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.bytes(1, service.as_bytes());
                scope.bytes(2, version.as_bytes());
            });
            for one in spans {
                scope_spans.message(2, |message| span(message, one));
            }
        });
    });
    request.into_bytes()
}

/// How many spans the collector says that it has not taken, by the body of an answer that is otherwise good.
pub(crate) fn rejected(answer: &[u8]) -> u64 {
    find_number(answer, &[PARTIAL_SUCCESS, REJECTED_SPANS]).unwrap_or(0)
}

fn span(message: &mut Message, span: &Span) {
    let Span { trace, id, parent, is_parent_remote, state, name, kind, started, ended, attributes, failed } =
        span;
    message.bytes(1, trace.bytes());
    message.bytes(2, id.bytes());
    message.bytes(3, state.as_deref().unwrap_or_default().as_bytes());
    message.bytes(4, parent.as_ref().map_or(&[][..], |parent| parent.bytes()));
    message.bytes(5, name.as_bytes());
    message.number(6, self::kind(*kind));
    message.fixed64(7, started.as_micros().saturating_mul(1_000));
    // A clock that was set back must not make a span end before it began.
    message.fixed64(8, (*ended).max(*started).as_micros().saturating_mul(1_000));
    for (name, value) in attributes {
        attribute(message, 9, name, value);
    }
    message.message(15, |status| status.number(3, if *failed { STATUS_ERROR } else { 0 }));
    message.fixed32(16, SAMPLED | PARENT_IS_KNOWN | if *is_parent_remote { PARENT_IS_REMOTE } else { 0 });
}

fn attribute(message: &mut Message, field: u32, name: &str, value: &Value) {
    message.message(field, |pair| {
        pair.bytes(1, name.as_bytes());
        pair.message(2, |any| match value {
            Value::Text(text) => any.one_of_text(1, text),
            Value::Word(word) => any.one_of_text(1, word),
            Value::Number(number) => any.one_of_number(3, *number),
        });
    });
}

const fn kind(kind: Kind) -> u64 {
    match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    }
}

const STATUS_ERROR: u64 = 2;
/// W3C's flag.
const SAMPLED: u32 = 1;
const PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;
/// Of `ExportTraceServiceResponse`.
const PARTIAL_SUCCESS: u32 = 1;
const REJECTED_SPANS: u32 = 1;
