//! Every request passes limits that were chosen for it, and no single key can use up what all share.
//!
//! A rate or burst of zero counts as a limit: it admits nothing, which is how API Gateway shuts a method. The account's
//! own throttle counts as none: all APIs of the account share it.

use super::walk::{plan_place, settings_place, stages, views};
use super::{Findings, Guardrail, Severity};
use crate::{Account, MethodKey, ThrottleSettings, UsagePlan};

pub(super) static STAGE_IS_THROTTLED: Guardrail = Guardrail {
    id: "TB015",
    title: "no stage or method without a throttle of its own",
    severity: Severity::Error,
    reason: "What is not set is the account's limit, so one flood uses up the allowance of every API in the account.",
    mend: "Set a rate and a burst on the stage default (*/*) and on each method that has settings, below the account's.",
    check: unthrottled,
};

pub(super) static STAGE_DEFAULT_IS_A_NET: Guardrail = Guardrail {
    id: "TB016",
    title: "no method looser than its stage's default",
    severity: Severity::Error,
    reason: "A method's own settings replace the stage default, so that a looser one takes the net away.",
    mend: "Lower the method's rate and burst to the stage default's or below, or raise the stage default.",
    check: looser_than_stage,
};

pub(super) static PLAN_IS_THROTTLED: Guardrail = Guardrail {
    id: "TB017",
    title: "no usage plan without a throttle per key",
    severity: Severity::Error,
    reason: "Without it a single key may take everything that the stage admits, and all others get 429.",
    mend: "Set the plan's rate and burst.",
    check: plan_unthrottled,
};

pub(super) static KEY_LEAVES_ROOM: Guardrail = Guardrail {
    id: "TB018",
    title: "no key may use up a method's allowance alone",
    severity: Severity::Error,
    reason: "When a key's own limit is as loose as the method's, one client's traffic takes every other client's turn.",
    mend: "Make the plan's rate and burst (or the plan's own for this method) smaller than the method's, by a factor of \
           the number of keys if they must never touch each other.",
    check: key_takes_all,
};

fn unthrottled(account: &Account, findings: &mut Findings) {
    let of_account = account.throttle_settings;
    for (api, stage) in stages(account) {
        if !stage.method_settings.contains_key(&MethodKey::Every) {
            findings.add(settings_place(api, stage, &MethodKey::Every), "the stage default has no throttle");
        }
        for (key, setting) in &stage.method_settings {
            let throttle = setting.throttle();
            if !of_account.is_looser_than(&throttle) {
                let detail =
                    format!("{} is no less than the account's {}", shown(throttle), shown(of_account));
                findings.add(settings_place(api, stage, key), detail);
            }
        }
    }
}

fn looser_than_stage(account: &Account, findings: &mut Findings) {
    for (api, stage) in stages(account) {
        let Some(default) = stage.method_settings.get(&MethodKey::Every) else { continue };
        for (key, setting) in &stage.method_settings {
            let (own, default) = (setting.throttle(), default.throttle());
            if own.is_looser_than(&default) {
                let detail = format!("{} is more than the stage default's {}", shown(own), shown(default));
                findings.add(settings_place(api, stage, key), detail);
            }
        }
    }
}

fn plan_unthrottled(account: &Account, findings: &mut Findings) {
    for plan in account.usage_plans.iter().filter(|plan| plan.throttle.is_none()) {
        findings.add(format!("{}/throttle", plan_place(plan)), "the plan has no rate and burst per key");
    }
}

fn key_takes_all(account: &Account, findings: &mut Findings) {
    for plan in &account.usage_plans {
        for (name, shared, own) in shares(account, plan) {
            let is_shut = shared.burst_limit == 0 || shared.rate_limit.as_milli() == 0;
            let leaves_room = own.burst_limit < shared.burst_limit && own.rate_limit < shared.rate_limit;
            if !is_shut && !leaves_room {
                let detail = format!(
                    "a key's {} is not less, in rate and in burst, than the {} of {name}",
                    shown(own),
                    shown(shared)
                );
                findings.add(format!("{}/throttle", plan_place(plan)), detail);
            }
        }
    }
}

/// For each deployed method that the plan opens: its name, its bucket, and what one key of the plan can take from it.
fn shares<'a>(
    account: &'a Account,
    plan: &'a UsagePlan,
) -> impl Iterator<Item = (String, ThrottleSettings, ThrottleSettings)> + 'a {
    views(account).flat_map(move |view| {
        let mut of_plan = Vec::new();
        for stage in view.stages() {
            let Some(opened) = plan.api_stage(&view.api.id, &stage.stage_name) else { continue };
            for (_, resource, method) in view.methods() {
                let key = MethodKey::One { path: resource.path.clone(), method: method.http_method };
                let own = stricter(plan.throttle, opened.throttle.get(&key).copied());
                let shared = stage.setting(&resource.path, method.http_method).throttle();
                let name = format!("{} {} on {}", method.http_method, resource.path, stage.stage_name);
                of_plan.extend(own.map(|own| (name, shared, own)));
            }
        }
        of_plan
    })
}

/// Both limits at once; none where there is none, which is for another guardrail to say.
fn stricter(a: Option<ThrottleSettings>, b: Option<ThrottleSettings>) -> Option<ThrottleSettings> {
    match (a, b) {
        (Some(a), Some(b)) => Some(ThrottleSettings {
            rate_limit: a.rate_limit.min(b.rate_limit),
            burst_limit: a.burst_limit.min(b.burst_limit),
        }),
        (one, other) => one.or(other),
    }
}

fn shown(throttle: ThrottleSettings) -> String {
    format!("rate {} and burst {}", throttle.rate_limit, throttle.burst_limit)
}
