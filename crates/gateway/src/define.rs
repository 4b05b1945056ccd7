//! Declared numbers become limits of the limiter, each under a name that says whose it is.
//!
//! Names are the same after every start, so that a store that outlives the program knows a limit again.

use ambient::Timestamp;
use limits::{
    BucketSpec, Burst, Limit, LimitId, LimitName, LimitNameError, Limiter, MilliRate, Period, QuotaSpec,
};
use restapi::{QuotaPeriod, QuotaSettings, Stage, ThrottleSettings, UsagePlanId};

use crate::live::BuildError;

/// What the quota of a usage plan is called at the limiter; its subjects are the numbers of the plan's keys.
///
/// ```
/// let plan = restapi::UsagePlanId::parse("abc123")?;
/// assert_eq!(gateway::quota_name(&plan)?.as_str(), "plan/abc123/quota");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn quota_name(plan: &UsagePlanId) -> Result<LimitName, LimitNameError> {
    format!("plan/{plan}/quota").parse()
}

/// Turns declared numbers into limits of the limiter.
pub(crate) struct Definer<'a> {
    limiter: &'a dyn Limiter,
    now: Timestamp,
}

/// The same for the methods of one stage.
pub(crate) struct StageDefiner<'a> {
    pub(crate) definer: &'a Definer<'a>,
    pub(crate) stage: &'a Stage,
}

impl<'a> Definer<'a> {
    /// Defines limits at `limiter`, from `now` on.
    pub(crate) fn new(limiter: &'a dyn Limiter, now: Timestamp) -> Self {
        Self { limiter, now }
    }

    pub(crate) fn of_stage(&'a self, stage: &'a Stage) -> StageDefiner<'a> {
        StageDefiner { definer: self, stage }
    }

    pub(crate) fn bucket(&self, name: &str, throttle: ThrottleSettings) -> Result<LimitId, BuildError> {
        let rate = u32::try_from(throttle.rate_limit.as_milli()).map_err(|error| failed(name, error))?;
        let burst = Burst::new(throttle.burst_limit).map_err(|error| failed(name, error))?;
        let parsed = name.parse().map_err(|error: LimitNameError| failed(name, error))?;
        self.define(&parsed, Limit::Bucket(BucketSpec { rate: MilliRate::new(rate), burst }))
    }

    pub(crate) fn quota(&self, plan: &UsagePlanId, quota: QuotaSettings) -> Result<LimitId, BuildError> {
        let name = quota_name(plan).map_err(|error| failed(plan.as_str(), error))?;
        let period = match quota.period() {
            QuotaPeriod::Day => Period::Day,
            QuotaPeriod::Week => Period::Week,
            QuotaPeriod::Month => Period::Month,
        };
        let spec = QuotaSpec::new(quota.limit(), period, quota.offset())
            .map_err(|error| failed(name.as_str(), error))?;
        self.define(&name, Limit::Quota(spec))
    }

    fn define(&self, name: &LimitName, limit: Limit) -> Result<LimitId, BuildError> {
        self.limiter.define(name.clone(), limit, self.now).map_err(|error| failed(name.as_str(), error))
    }
}

fn failed(name: &str, source: impl std::error::Error + Send + Sync + 'static) -> BuildError {
    BuildError::Limit { name: name.to_owned(), source: source.into() }
}
