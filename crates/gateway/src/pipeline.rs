//! The way of a request, top to bottom. This is the only place where order exists.
//!
//! Each step consumes the type that the step before it returned, so none can be left out or moved: `Received`, `Routed`,
//! `Authorized`, `Identified`, `Admitted`, `Replied`. A refusal leaves at any step with what is known so far and is
//! answered, and logged, like a reply.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Body as _;
use listen::{Answer, Inbound};

use crate::accept::Arrived;
use crate::access_log::Record;
use crate::call::{Replied, Step};
use crate::door::Door;
use crate::ids::Ids;
use crate::live::Live;
use crate::peer::Peer;
use crate::{accept, admit, authorize, identify, invoke, respond, route};

/// Answers one request.
pub(crate) async fn run(door: &Door, inbound: Inbound<Peer>) -> Answer {
    let live = door.live.load_full();
    let record = Record::begin(Arc::clone(&door.log), Ids::draw(&*door.entropy));
    let arrived = accept::arrive(inbound, record, &door.source);

    let outcome = pass(door, Arc::clone(&live), arrived).await;

    let (answer, record) = respond::finish(outcome, live.fallback.as_ref());
    record.finish(answer.status().as_u16(), length(answer.body()));
    answer
}

/// Answers what came in place of a request, in the same words as any refusal.
pub(crate) fn refuse(door: &Door, refused: listen::Refused<Peer>) -> Answer {
    let live = door.live.load_full();
    let record = Record::begin(Arc::clone(&door.log), Ids::draw(&*door.entropy));
    let (answer, record) = respond::finish(Err(accept::refuse(refused, record)), live.fallback.as_ref());
    record.finish(answer.status().as_u16(), length(answer.body()));
    answer
}

/// From the wire to the function and back.
async fn pass(door: &Door, live: Arc<Live>, arrived: Arrived) -> Step<Replied> {
    let call = accept::read(arrived, &door.bounds, live).await?; // Received    whole, within bounds
    let call = route::find(call)?; //                               Routed      stage, resource, method
    let call = authorize::run(call, &*door.clock).await?; //        Authorized  principal, if the method asks for one
    let call = identify::key(call)?; //                             Identified  API key -> usage plan
    let call = admit::spend(call, &door.limits).await?; //          Admitted    every limit or none; 429
    invoke::call(call, &*door.clock, &*door.entropy).await //       Replied     the function, wherever it runs
}

fn length(body: &Full<bytes::Bytes>) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}
