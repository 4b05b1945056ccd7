//! Step 5, admit: every limit pays for the request, or none does.
//!
//! Charged are the plan's bucket, the plan's bucket for this method and the quota, each of this key alone; the method's
//! bucket and the account's, which everybody shares. What is refused here never reaches the function.

use limits::{Charge, Charges, ChargesError, Decision, Kind, LimitId, Limiter, MAX_CHARGES, Subject};

use crate::call::{Admitted, Identified, Metered, Step};
use crate::refusal::Refusal;

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
pub(crate) async fn spend(mut call: Identified, limiter: &dyn Limiter) -> Step<Admitted> {
    let Ok(Bill { charges, bindings, .. }) = bill(&call) else {
        tracing::error!("a request costs more limits than one spend can charge; it is refused");
        return Err(call.refuse(Refusal::LimitsUnavailable));
    };
    let now = call.authorized.routed.received.now();
    let (binding, wait) = match limiter.spend(now, &charges).await {
        Ok(Decision::Admitted { .. }) => return Ok(Admitted(call)),
        Ok(Decision::Refused { binding, wait, .. }) => (binding, wait),
        Ok(Decision::Unready { .. }) => return Err(call.refuse(Refusal::LimitsUnavailable)),
        Err(error) => {
            tracing::error!(%error, "limits cannot be asked; the request is refused");
            return Err(call.refuse(Refusal::LimitsUnavailable));
        }
    };
    call.record().binding = bindings.get(binding.index).copied().flatten();
    Err(call.refuse(match binding.kind {
        Kind::Bucket => Refusal::Throttled { wait },
        Kind::Quota => Refusal::QuotaExceeded { wait },
    }))
}

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
