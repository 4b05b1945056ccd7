//! Step 4, identify: from the API key that was presented to the plan that it is on for this stage.
//!
//! A key admits if it is enabled and on a plan that opens the stage; missing, unknown, disabled and on no plan are one
//! and the same answer, so that it cannot be found out which. Where the method asks for no key, a key that is on a plan
//! is metered all the same, as recorded.

use std::sync::Arc;

use restapi::ApiKeySource;

use crate::accept::X_API_KEY;
use crate::call::{Authorized, Identified, Metered, Step, UsageKey};
use crate::execution_log::Event;
use crate::live::{KnownKey, StageView};
use crate::refusal::Refusal;

/// Finds the key and its plan.
pub(crate) fn key(call: Authorized) -> Step<Identified> {
    let live = Arc::clone(&call.routed.received.live);
    let source = call.routed.stage.key_source;
    let presented = match source {
        ApiKeySource::Header => call.routed.received.header(&X_API_KEY),
        // A header neither helps nor hurts then.
        ApiKeySource::Authorizer => {
            call.principal.as_ref().and_then(|principal| principal.usage_key.as_ref()).map(UsageKey::expose)
        }
    };
    let known =
        presented.filter(|presented| !presented.is_empty()).and_then(|presented| live.keys.find(presented));
    let metered = known.and_then(|key| metered(key, &call.routed.stage));
    let admits = metered.as_ref().is_some_and(|metered| metered.key.enabled);
    let required = call.routed.endpoint.api_key_required;
    let shows_key = source == ApiKeySource::Header && presented.is_some();
    let client = known.and_then(|key| key.client.clone());
    let mut call =
        Identified { key_id: known.map(|key| key.id.clone()), key: metered, shows_key, authorized: call };
    let (key_id, plan) = (call.key_id.clone(), call.key.as_ref().map(|metered| Arc::clone(&metered.plan)));
    let record = call.record();
    record.key_id = key_id;
    record.plan = plan;
    record.client = client;
    tell(&call, required, admits);
    if required && !admits { Err(call.refuse(Refusal::KeyNotAdmitted)) } else { Ok(call) }
}

fn tell(call: &Identified, required: bool, admits: bool) {
    let routed = &call.authorized.routed;
    let (record, key, method) = (&routed.received.record, call.key_id.as_ref(), &routed.endpoint.arn);
    record.tell(Event::Verifies { key, stage: &routed.stage });
    if required && !admits {
        record.tell(Event::NotAdmitted { key, is_disabled: call.key.is_some(), method });
    } else if call.key.is_none() {
        record.tell(Event::NeedsNoKey { key, method });
    }
}

fn metered(key: &Arc<KnownKey>, stage: &StageView) -> Option<Metered> {
    let plan = key.plans.iter().find(|plan| plan.stage(stage).is_some())?;
    Some(Metered { key: Arc::clone(key), plan: Arc::clone(plan) })
}
