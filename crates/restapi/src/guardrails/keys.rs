//! An API key stands for one client, on one plan for each stage; a plan is there for its keys.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::{at, plan_place};
use super::{Findings, Guardrail, Severity};
use crate::{Account, ApiKeyId, RestApiId, StageName, UsagePlanId, UsagePlanKey};

pub(super) static ONE_PLAN_PER_STAGE: Guardrail = Guardrail {
    id: "TB019",
    title: "no key on two plans for one stage",
    severity: Severity::Error,
    reason: "Which plan's limits and quota would hold is not defined; API Gateway refuses it too.",
    mend: "Take the key off all plans of the stage but one.",
    check: two_plans,
};

pub(super) static VALUES_DIFFER: Guardrail = Guardrail {
    id: "TB020",
    title: "no two keys with one value",
    severity: Severity::Error,
    reason: "A request with it could be either key's, so that limits, policy and audit would name the wrong client.",
    mend: "Revoke both and generate a value for each.",
    check: shared_values,
};

pub(super) static KEY_HAS_AN_OWNER: Guardrail = Guardrail {
    id: "TB021",
    title: "no key without an owner",
    severity: Severity::Error,
    reason: "Policy, token budget and audit go by client; a key that is nobody's cannot be decided on or called back.",
    mend: "Set the key's customer id to the client's name, or delete the key.",
    check: ownerless,
};

pub(super) static PLAN_HAS_KEYS: Guardrail = Guardrail {
    id: "TB023",
    title: "no usage plan without keys",
    severity: Severity::Warning,
    reason: "A plan that no key is on limits nobody: whoever was meant has no key, or goes by another plan's limits.",
    mend: "Put the key of a client on the plan, or delete the plan.",
    check: keyless,
};

fn two_plans(account: &Account, findings: &mut Findings) {
    for ((key, api, stage), plans) in plans_by_stage(account) {
        if plans.len() > 1 {
            let names = plans.into_values().collect::<Vec<_>>().join(", ");
            let detail = format!("for the stage {stage} of {api} the key is on the plans {names}");
            findings.add(at(&["apiKeys", key.as_str()]), detail);
        }
    }
}

type KeyAndStage<'a> = (&'a ApiKeyId, &'a RestApiId, &'a StageName);

fn plans_by_stage(account: &Account) -> BTreeMap<KeyAndStage<'_>, BTreeMap<&UsagePlanId, &str>> {
    let plan_by_id: BTreeMap<_, _> = account.usage_plans.iter().map(|plan| (&plan.id, plan)).collect();
    let mut plans: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for UsagePlanKey { usage_plan_id, key_id } in &account.usage_plan_keys {
        let Some(plan) = plan_by_id.get(usage_plan_id) else { continue };
        for opened in &plan.api_stages {
            let on = plans.entry((key_id, &opened.api_id, &opened.stage)).or_default();
            on.insert(&plan.id, plan.name.as_str());
        }
    }
    plans
}

fn shared_values(account: &Account, findings: &mut Findings) {
    let mut first_by_value: BTreeMap<&str, &ApiKeyId> = BTreeMap::new();
    for key in &account.api_keys {
        let Some(value) = &key.value else { continue };
        match first_by_value.get(value.expose()) {
            None => {
                first_by_value.insert(value.expose(), &key.id);
            }
            Some(first) => {
                findings.add(at(&["apiKeys", key.id.as_str()]), format!("the value is also that of {first}"));
            }
        }
    }
}

fn ownerless(account: &Account, findings: &mut Findings) {
    for key in &account.api_keys {
        if key.customer_id.as_deref().unwrap_or_default().is_empty() {
            findings.add(at(&["apiKeys", key.id.as_str(), "customerId"]), "the key names no client");
        }
    }
}

fn keyless(account: &Account, findings: &mut Findings) {
    let used: BTreeSet<_> = account.usage_plan_keys.iter().map(|entry| &entry.usage_plan_id).collect();
    for plan in account.usage_plans.iter().filter(|plan| !used.contains(&plan.id)) {
        findings.add(plan_place(plan), "no key is on the plan");
    }
}
