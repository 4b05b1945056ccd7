//! Step 5, admit: every limit pays for the request, or none does.
//!
//! Charged are the plan's bucket, the plan's bucket for this method and the quota, each of this key alone; the method's
//! bucket and the account's, which everybody shares. What is refused here never reaches the function.
//!
//! A store that is not ready refuses for a moment, by 503 and not by 429: nobody has used anything up. The store itself
//! says once what is wrong with it, so there is no line for each request here.

use std::sync::Arc;
use std::time::Duration;

use limits::{
    Charge, Charges, ChargesError, Decision, Kind, LimitId, Limiter, MAX_CHARGES, Spending, Subject, Wait,
};

use crate::call::{Admitted, Identified, Metered, Step};
use crate::execution_log::{Event, Throttled};
use crate::refusal::Refusal;
use crate::sparing::Sparing;
use crate::trace::Phase;

/// The limiter, and how often it could not be asked.
#[derive(Debug)]
pub(crate) struct Limits {
    limiter: Arc<dyn Limiter>,
    lost: Sparing,
}

impl Limits {
    pub(crate) fn new(limiter: Arc<dyn Limiter>) -> Self {
        Self { limiter, lost: Sparing::default() }
    }

    fn spend<'a>(&'a self, now: ambient::Timestamp, charges: &'a Charges) -> Spending<'a> {
        self.limiter.spend(now, charges)
    }
}

/// What the limits did to a request that they did not admit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Limited {
    /// This one refused it.
    Refused(Binding),
    /// This one's allowance was not at hand; none is known if the store could not be asked at all.
    Unready(Option<Binding>),
}

impl Limited {
    /// The limit that it was about.
    pub(crate) const fn binding(self) -> Option<Binding> {
        match self {
            Self::Refused(binding) => Some(binding),
            Self::Unready(binding) => binding,
        }
    }
}

/// Which limit refused a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Binding {
    Plan,
    PlanMethod,
    Method,
    Account,
    Quota,
}

impl Binding {
    pub(crate) const ALL: [Self; 5] =
        [Self::Plan, Self::PlanMethod, Self::Method, Self::Account, Self::Quota];

    /// The name in logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::PlanMethod => "plan_method",
            Self::Method => "method",
            Self::Account => "account",
            Self::Quota => "quota",
        }
    }
}

/// Spends one request's worth of every limit.
pub(crate) async fn spend(mut call: Identified, limits: &Limits) -> Step<Admitted> {
    let Ok(bill) = bill(&call) else {
        tracing::error!("a request costs more limits than one spend can charge; it is refused");
        return Err(call.refuse(Refusal::LimitsUnavailable { wait: Wait::Never }));
    };
    let now = call.authorized.routed.received.now();
    call.record().begin_step(Phase::Admit);
    let decided = limits.spend(now, &bill.charges).await;
    call.record().end_step();
    let (limited, refusal) = match decided {
        Ok(Decision::Admitted { .. }) => {
            tell_admitted(&call);
            return Ok(Admitted(call));
        }
        Ok(Decision::Refused { binding, wait, .. }) => {
            let refusal = match binding.kind {
                Kind::Bucket => Refusal::Throttled { wait },
                Kind::Quota => Refusal::QuotaExceeded { wait },
            };
            (bill.binding(binding.index).map(Limited::Refused), refusal)
        }
        Ok(Decision::Unready { binding, wait, .. }) => {
            let unready = Limited::Unready(bill.binding(binding.index));
            (Some(unready), Refusal::LimitsUnavailable { wait: Wait::After(wait) })
        }
        Err(error) => {
            if let Some(requests) = limits.lost.note(now) {
                tracing::error!(error = %chain(&error), requests, "limits cannot be asked; requests are refused");
            }
            (Some(Limited::Unready(None)), Refusal::LimitsUnavailable { wait: Wait::After(UNTIL_NEXT_TRY) })
        }
    };
    call.record().limited = limited;
    tell_limited(&call, limited);
    Err(call.refuse(refusal))
}

fn tell_admitted(call: &Identified) {
    let routed = &call.authorized.routed;
    let record = &routed.received.record;
    // A request that no plan meters has been told of already.
    if call.key.is_some() {
        record.tell(Event::Admitted { key: call.key_id.as_ref(), stage: &routed.stage });
    }
    record.tell(Event::Executes(&routed.endpoint));
}

fn tell_limited(call: &Identified, limited: Option<Limited>) {
    let routed = &call.authorized.routed;
    let endpoint = &*routed.endpoint;
    let refused_by = match limited {
        Some(Limited::Refused(binding)) => Some((binding, call.key.as_ref())),
        Some(Limited::Unready(_)) | None => None,
    };
    let of = |throttle| Throttled { endpoint, throttle };
    let event = match refused_by {
        Some((Binding::Method, _)) => Some(Event::MethodThrottled(of(endpoint.throttle))),
        Some((Binding::Account, _)) => Some(Event::AccountThrottled(&endpoint.arn)),
        Some((binding, Some(Metered { key, plan }))) => {
            let own = plan.stage(&routed.stage).and_then(|stage| stage.method_throttle(&endpoint.key));
            let throttled = |throttle| Event::KeyThrottled { key: &key.id, plan: &plan.id, of: of(throttle) };
            match binding {
                Binding::PlanMethod => own.map(throttled),
                Binding::Quota => plan.quota_settings.map(|quota| Event::QuotaExhausted {
                    key: &key.id,
                    plan: &plan.id,
                    quota,
                    method: &endpoint.arn,
                }),
                _ => plan.throttle_settings.map(throttled),
            }
        }
        _ => None,
    };
    routed.received.record.tell(event.unwrap_or(Event::LimitsNotReady));
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// When it is worth asking a store again that could not be asked.
const UNTIL_NEXT_TRY: Duration = Duration::from_secs(1);

/// What a request costs, and what each charge is called.
#[derive(Default)]
struct Bill {
    charges: Charges,
    bindings: [Option<Binding>; MAX_CHARGES],
}

/// The charges in the order in which API Gateway documents them: plan, then method, then account.
fn bill(call: &Identified) -> Result<Bill, ChargesError> {
    let routed = &call.authorized.routed;
    let mut bill = Bill::default();
    if let Some(Metered { key, plan }) = &call.key {
        let subject = Subject::new(key.id.as_number());
        let method = plan.stage(&routed.stage).and_then(|stage| stage.method(&routed.endpoint.key));
        bill.add(Binding::Plan, plan.throttle, subject)?;
        bill.add(Binding::PlanMethod, method, subject)?;
        bill.add(Binding::Quota, plan.quota, subject)?;
    }
    bill.add(Binding::Method, Some(routed.endpoint.limit), Subject::SHARED)?;
    bill.add(Binding::Account, Some(routed.received.live.account_limit), Subject::SHARED)?;
    Ok(bill)
}

impl Bill {
    /// What the charge at `index` is called.
    fn binding(&self, index: usize) -> Option<Binding> {
        self.bindings.get(index).copied().flatten()
    }

    fn add(
        &mut self,
        binding: Binding,
        limit: Option<LimitId>,
        subject: Subject,
    ) -> Result<(), ChargesError> {
        let Some(limit) = limit else { return Ok(()) };
        let place = self.charges.as_slice().len();
        self.charges.push(Charge { limit, subject })?;
        if let Some(name) = self.bindings.get_mut(place) {
            *name = Some(binding);
        }
        Ok(())
    }
}
