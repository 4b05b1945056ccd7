//! Usage plans: each opens the one stage, with its own bucket for the token endpoint.

use std::collections::BTreeMap;

use restapi::{ApiStage, RestApiId, UsagePlan, UsagePlanId};

use super::{CompileError, Place, rest_api};
use crate::{Definition, PlanName};

/// The id of each plan. They are short, so that two names could get one.
pub(super) fn ids(
    definition: &Definition,
    api: &RestApiId,
) -> Result<BTreeMap<PlanName, UsagePlanId>, CompileError> {
    let mut ids: BTreeMap<PlanName, UsagePlanId> = BTreeMap::new();
    for name in definition.plans.keys() {
        let id = UsagePlanId::derived(&[api.as_str(), name.as_str()]);
        if let Some((twin, _)) = ids.iter().find(|(_, taken)| **taken == id) {
            return Err(CompileError::RepeatedPlanId { first: twin.clone(), second: name.clone() });
        }
        ids.insert(name.clone(), id);
    }
    Ok(ids)
}

/// The same where nothing depends on which ids they are: no two get one.
pub(super) fn any_ids(definition: &Definition, api: &RestApiId) -> BTreeMap<PlanName, UsagePlanId> {
    let mut ids: BTreeMap<PlanName, UsagePlanId> = BTreeMap::new();
    for name in definition.plans.keys() {
        let mut id = UsagePlanId::derived(&[api.as_str(), name.as_str()]);
        while ids.values().any(|taken| *taken == id) {
            id = UsagePlanId::derived(&[id.as_str(), name.as_str()]);
        }
        ids.insert(name.clone(), id);
    }
    ids
}

pub(super) fn plans(
    definition: &Definition,
    place: &Place<'_>,
    ids: &BTreeMap<PlanName, UsagePlanId>,
) -> Vec<UsagePlan> {
    let plans = definition.plans.iter().filter_map(|(name, plan)| ids.get(name).map(|id| (name, plan, id)));
    plans
        .map(|(name, plan, id)| UsagePlan {
            id: id.clone(),
            name: name.to_string(),
            description: None,
            api_stages: vec![ApiStage {
                api_id: place.api_id.clone(),
                stage: place.stage.clone(),
                throttle: plan.token_endpoint.map(|own| (rest_api::post_token(), own)).into_iter().collect(),
            }],
            throttle: plan.throttle,
            quota: plan.quota,
        })
        .collect()
}
