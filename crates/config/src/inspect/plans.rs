//! `plans`: what API keys may use.

use std::collections::BTreeMap;

use restapi::{QuotaPeriod, QuotaSettings};

use super::{Inspector, values};
use crate::PlanName;
use crate::definition::Plan;
use crate::document::{PlanDocument, QuotaDocument};
use crate::error::Shown;
use crate::written::{Optional, Written};

/// Plans by the name that is written; none for a plan that is wrong, so that it is not said to be missing as well.
pub(super) type Inspected = BTreeMap<String, Option<(PlanName, Plan)>>;

pub(super) fn inspect(
    written: Optional<BTreeMap<Written<String>, Written<PlanDocument>>>,
    inspector: &mut Inspector,
) -> Inspected {
    let mut plans = BTreeMap::new();
    for (name, Written { value, .. }) in written.0.unwrap_or_default() {
        let path = format!("plans.{}", name.value);
        inspector.note(&path, name.at);
        let before = inspector.errors.len();
        let plan = plan(value, &path, inspector);
        let parsed = inspector.value(&name, &path, values::NAME, |name| values::parsed::<PlanName>(name));
        let is_right = inspector.errors.len() == before;
        plans.insert(name.value, parsed.filter(|_| is_right).map(|name| (name, plan)));
    }
    plans
}

fn plan(document: PlanDocument, path: &str, inspector: &mut Inspector) -> Plan {
    let PlanDocument { throttle, token_endpoint, quota } = document;
    Plan {
        throttle: values::throttle(throttle, &format!("{path}.throttle"), inspector),
        token_endpoint: values::throttle(token_endpoint, &format!("{path}.token_endpoint"), inspector),
        quota: quota.0.and_then(|quota| self::quota(&quota, &format!("{path}.quota"), inspector)),
    }
}

fn quota(written: &Written<QuotaDocument>, path: &str, inspector: &mut Inspector) -> Option<QuotaSettings> {
    let Written { value: QuotaDocument { limit, period, offset }, at } = written;
    inspector.note(path, *at);
    let mend = "write how many requests; to let nobody in, set `enabled: false` on clients";
    let requests = inspector.value(limit, &format!("{path}.limit"), mend, |limit| match *limit {
        0 => Err("a quota of 0 lets nobody in"),
        limit => Ok(limit),
    });
    let mend = "write `day`, `week` or `month`";
    let period = inspector.value(period, &format!("{path}.period"), mend, |word| self::period(word));
    let first_day = offset.0.as_ref().map_or(Some(0), |offset| u8::try_from(offset.value).ok());
    let settings = QuotaSettings::new(requests?, period?, first_day.unwrap_or(u8::MAX));
    let place = offset.0.as_ref().map_or(*at, |offset| offset.at);
    let mend = "write 0 for `day`, 0 to 6 for `week`, 0 to 27 for `month`";
    settings.map_err(|error| inspector.report(place, &format!("{path}.offset"), error.to_string(), mend)).ok()
}

fn period(word: &str) -> Result<QuotaPeriod, String> {
    match word {
        "day" => Ok(QuotaPeriod::Day),
        "week" => Ok(QuotaPeriod::Week),
        "month" => Ok(QuotaPeriod::Month),
        _ => Err(format!("{} is not a period", Shown(word))),
    }
}
