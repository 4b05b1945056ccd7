//! Usage plans of the API, its keys, and which key is on which plan.

use std::collections::{BTreeMap, BTreeSet};

use restapi::{
    ApiKey, ApiKeyId, ApiKeyValue, ApiStage, QuotaPeriod, QuotaSettings, RestApi, UsagePlan, UsagePlanId,
    UsagePlanKey,
};

use super::block::{Block, Seen};
use super::document::Instance;
use super::findings::at;
use super::front::Reader;
use super::graph::Link;
use super::stage::method_key;
use crate::rule::NOTHING_UNSEEN;

/// The keys of the API's plans.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) keys: Vec<ApiKey>,
    pub(super) on_plans: Vec<UsagePlanKey>,
}

impl<'a> Reader<'a> {
    /// The plans that open a stage of the API, or none at all.
    pub(super) fn plans(&mut self, api: &RestApi) -> Vec<(&'a Instance, UsagePlan)> {
        let all: Vec<_> =
            self.graph.of_kind(PLAN).iter().map(|instance| self.graph.block(instance)).collect();
        let mut plans = Vec::new();
        for block in all {
            let stages = block.blocks("api_stages");
            let own: Vec<_> = stages.iter().filter(|stage| self.is_own(stage, "api_id")).cloned().collect();
            if own.is_empty() && !stages.is_empty() {
                continue;
            }
            let name = block.text_or_placeholder("name").unwrap_or_default();
            let (id, place) = (plan_id(&block), at(&["usagePlans", &name]));
            self.notes.origins.add(place.clone(), &block.instance.address);
            self.notes.origins.add(at(&["usagePlans", id.as_str()]), &block.instance.address);
            if block.hides_blocks("api_stages") {
                self.notes.unseen(
                    block.instance,
                    &format!("{place}/apiStages"),
                    "which stages the plan opens",
                );
            }
            let plan = UsagePlan {
                id,
                name,
                description: block.text_or_placeholder("description"),
                api_stages: own.iter().filter_map(|stage| self.opened(stage, api, &place)).collect(),
                throttle: self.plan_throttle(&block, &place),
                quota: self.quota(&block, &place),
            };
            plans.push((block.instance, plan));
        }
        plans
    }

    fn opened(&mut self, block: &Block<'a>, api: &RestApi, place: &str) -> Option<ApiStage> {
        let place = format!("{place}/apiStages");
        let Some(stage) = self.stage_of(block, "stage") else {
            self.notes.unseen(block.instance, &place, "which stage the plan opens");
            return None;
        };
        let mut throttle = BTreeMap::new();
        for own in block.blocks("throttle") {
            match own.text("path").known().and_then(method_key) {
                Some(key) => {
                    let settings = self.throttle(&own, ["rate_limit", "burst_limit"], &place);
                    if throttle.insert(key, settings).is_some() {
                        let detail = "two buckets of the plan are for one method, spelled in two ways";
                        self.notes.hidden(block.instance, &place, detail);
                    }
                }
                None => self.notes.unseen(block.instance, &place, "which method a bucket of the plan is for"),
            }
        }
        Some(ApiStage { api_id: api.id.clone(), stage, throttle })
    }

    fn plan_throttle(&mut self, block: &Block<'a>, place: &str) -> Option<restapi::ThrottleSettings> {
        let place = format!("{place}/throttle");
        if block.hides_blocks("throttle_settings") {
            self.notes.unseen(block.instance, &place, "the plan's rate and burst");
        }
        let settings = block.blocks("throttle_settings");
        Some(self.throttle(settings.first()?, ["rate_limit", "burst_limit"], &place))
    }

    fn quota(&mut self, block: &Block<'a>, place: &str) -> Option<QuotaSettings> {
        let place = format!("{place}/quota");
        let settings = block.blocks("quota_settings");
        let read = |settings: &Block<'a>| {
            let limit = u64::try_from(settings.whole_number("limit").known()?).ok()?;
            let period = match settings.text("period").known()? {
                "DAY" => QuotaPeriod::Day,
                "WEEK" => QuotaPeriod::Week,
                "MONTH" => QuotaPeriod::Month,
                _ => return None,
            };
            let offset = u8::try_from(settings.whole_number("offset").known().unwrap_or(0)).ok()?;
            QuotaSettings::new(limit, period, offset).ok()
        };
        let quota = settings.first().map(read);
        if quota == Some(None) || block.hides_blocks("quota_settings") {
            self.notes.unseen(block.instance, &place, "the plan's quota");
        }
        quota.flatten()
    }

    /// The keys that are on one of `plans`, or on none at all, and which is on which.
    pub(super) fn keys(&mut self, plans: &[(&'a Instance, UsagePlan)]) -> Keys {
        let mut keys = Keys::default();
        let (mut own, mut others) = (BTreeSet::new(), BTreeSet::new());
        let all: Vec<_> =
            self.graph.of_kind(PLAN_KEY).iter().map(|instance| self.graph.block(instance)).collect();
        for block in all {
            let key = self.graph.link(&block, "key_id", KEY);
            let plan = match self.graph.link(&block, "usage_plan_id", PLAN) {
                Link::To(plan) => plans.iter().find(|(own, _)| std::ptr::eq(*own, plan)),
                Link::Outside => None,
                Link::Unseen => {
                    self.unseen_plan(&block, &key, plans);
                    own.extend(key.found().map(|key| &key.address));
                    continue;
                }
            };
            let Some((_, plan)) = plan else {
                others.extend(key.found().map(|key| &key.address));
                continue;
            };
            let key_id = match key {
                Link::To(key) => {
                    own.insert(&key.address);
                    key_id(&self.graph.block(key))
                }
                Link::Outside | Link::Unseen => {
                    let place = at(&["usagePlans", &plan.name, "keys"]);
                    let detail = format!(
                        "which key is on the plan, and whose it is (`key_id`), cannot be seen; {THE_WAY} `for_each`"
                    );
                    self.notes.add(NOTHING_UNSEEN, &block.instance.address, &place, detail);
                    continue;
                }
            };
            keys.on_plans.push(UsagePlanKey { usage_plan_id: plan.id.clone(), key_id });
        }
        let all: Vec<_> = self.graph.of_kind(KEY).iter().map(|instance| self.graph.block(instance)).collect();
        let is_own = |block: &&Block<'_>| {
            let address = &block.instance.address;
            own.contains(address) || !others.contains(address)
        };
        keys.keys = all.iter().filter(is_own).map(|block| self.key(block)).collect();
        keys
    }

    /// A key is on a plan, and nobody can tell on which: neither its limits nor those of its plans can be compared.
    fn unseen_plan(&mut self, block: &Block<'a>, key: &Link<'a>, plans: &[(&'a Instance, UsagePlan)]) {
        let id = match key {
            Link::To(key) => key_id(&self.graph.block(key)).to_string(),
            Link::Outside | Link::Unseen => block.instance.address.clone(),
        };
        for (_, plan) in plans {
            self.notes.origins.hide(at(&["usagePlans", &plan.name, "keys"]));
        }
        let place = format!("{}/usagePlan", at(&["apiKeys", &id]));
        let detail = format!(
            "which usage plan the key is on (`usage_plan_id`) cannot be seen; {THE_WAY} `for_each`, or by the `output` \
             of a `terraform_data` whose `input` is the plan's key"
        );
        self.notes.hidden(block.instance, &place, detail);
    }

    fn key(&mut self, block: &Block<'a>) -> ApiKey {
        let id = key_id(block);
        let place = at(&["apiKeys", id.as_str()]);
        self.notes.origins.add(place.clone(), &block.instance.address);
        if block.written("value").is_some() {
            let detail = "the key's value stands in the configuration";
            self.notes.add_guardrail("TB001", &block.instance.address, &format!("{place}/value"), detail);
        }
        if block.text("customer_id") == Seen::Unknown {
            self.notes.unseen(block.instance, &place, "whose key it is (`customer_id`)");
        }
        ApiKey {
            id,
            name: block.text_or_placeholder("name").unwrap_or_default(),
            value: block.text("value").known().and_then(|value| ApiKeyValue::new(value.to_owned()).ok()),
            // The provider's default.
            enabled: block.flag("enabled").known().unwrap_or(true),
            customer_id: block.text_or_placeholder("customer_id"),
        }
    }
}

fn plan_id(block: &Block<'_>) -> UsagePlanId {
    let known = block.text("id").known();
    let parsed = known.and_then(|id| UsagePlanId::parse(id).ok());
    parsed.unwrap_or_else(|| UsagePlanId::derived(&[known.unwrap_or(&block.instance.address)]))
}

fn key_id(block: &Block<'_>) -> ApiKeyId {
    let known = block.text("id").known().and_then(|id| ApiKeyId::parse(id).ok());
    known.unwrap_or_else(|| ApiKeyId::derived(&[&block.instance.address]))
}

/// How to write a link so that it can be seen.
const THE_WAY: &str = "name one instance, or pick it by nothing but `each.key` of this resource's";
const PLAN: &str = "aws_api_gateway_usage_plan";
const PLAN_KEY: &str = "aws_api_gateway_usage_plan_key";
const KEY: &str = "aws_api_gateway_api_key";
