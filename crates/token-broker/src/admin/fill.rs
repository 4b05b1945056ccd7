//! How full limits are: what is shared one by one, what each key has of its own as a distribution over keys.
//!
//! No key has a series: there may be a million of them. A key of which nothing is known has everything, so the
//! distribution has no bound at which such keys would have to be counted. Looking costs a walk over the keys that have state,
//! a part at a time, when somebody asks for it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Error;
use std::sync::Arc;

use ambient::{Clock, Timestamp};
use gateway::{ClientQuota, Door, InForce, Whose};
use limits::{Charge, Level, LimitId, Memory, Subject};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::limit_store::LimitStore;

/// Looks at every limit in force.
#[derive(Debug)]
pub(crate) struct FillCollector {
    pub(crate) door: Arc<Door>,
    pub(crate) store: Arc<dyn LimitStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Collector for FillCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Some(memory) = self.store.memory() else { return Ok(()) };
        let now = self.clock.now();
        let fill = Fill::of(&self.door.limits_in_force(), memory, now);
        let mut page = Page(&mut encoder);
        fill.write(&mut page)?;
        let left = left_of(&self.door.client_quotas(), |quota| memory.level(quota, now).map(Level::ratio));
        if left.is_empty() {
            return Ok(());
        }
        let help = "The least part of its quota that any key of the client has left";
        page.levels(("client_quota_left_ratio", help), left)
    }
}

/// The least that any key of each client has left of its quota.
fn left_of(
    quotas: &[ClientQuota],
    level: impl Fn(Charge) -> Option<f64>,
) -> Vec<([(&'static str, String); 1], f64)> {
    let mut least: BTreeMap<&Arc<str>, f64> = BTreeMap::new();
    for ClientQuota { client, quota } in quotas {
        if let Some(left) = level(*quota) {
            least.entry(client).and_modify(|least| *least = least.min(left)).or_insert(left);
        }
    }
    least.into_iter().map(|(client, left)| ([("client", client.to_string())], left)).collect()
}

/// How full limits are at one moment.
#[derive(Debug, Default)]
struct Fill {
    account: Option<f64>,
    methods: Vec<([(&'static str, String); 4], f64)>,
    buckets: Vec<([(&'static str, String); 2], Distribution)>,
    quotas: Vec<([(&'static str, String); 1], Distribution)>,
}

/// How much keys have left of one limit.
#[derive(Clone, Copy, Debug)]
struct Distribution {
    /// How many have no more than the part at the same place in [`PARTS`].
    at_most: [u32; PARTS.len()],
    /// The least that any has.
    least: f64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { at_most: [0; PARTS.len()], least: 1.0 }
    }
}

impl Distribution {
    fn add(&mut self, level: Level) {
        let left = level.ratio();
        self.least = self.least.min(left);
        for (count, (part, _)) in self.at_most.iter_mut().zip(PARTS) {
            *count = count.saturating_add(u32::from(left <= part));
        }
    }
}

impl Fill {
    fn of(in_force: &[InForce], memory: &Memory, now: Timestamp) -> Self {
        let mut of_keys: HashMap<LimitId, Distribution> = HashMap::new();
        memory.survey(now, &mut |limit, subject, level| {
            if subject != Subject::SHARED {
                of_keys.entry(limit).or_default().add(level);
            }
        });
        let shared = |limit| memory.level(Charge { limit, subject: Subject::SHARED }, now).map(Level::ratio);
        let mut fill = Self::default();
        for InForce { id, whose } in in_force {
            let of_each = || of_keys.get(id).copied().unwrap_or_default();
            match whose.clone() {
                Whose::Account => fill.account = shared(*id),
                Whose::Method { api_name, stage, method, resource } => {
                    let labels = [
                        ("api_name", api_name.to_string()),
                        ("stage", stage.to_string()),
                        ("method", method.to_owned()),
                        ("resource", resource.to_string()),
                    ];
                    fill.methods.extend(shared(*id).map(|left| (labels, left)));
                }
                Whose::Plan { plan } => {
                    fill.buckets.push(([("plan", plan), ("limit", "plan".to_owned())], of_each()));
                }
                Whose::PlanMethod { plan } => {
                    fill.buckets.push(([("plan", plan), ("limit", "plan_method".to_owned())], of_each()));
                }
                Whose::Quota { plan } => fill.quotas.push(([("plan", plan)], of_each())),
            }
        }
        // A plan may limit several methods: what is shown of it is the limit that binds the most keys.
        fill.buckets.sort_by(|a, b| (&a.0, b.1.at_most).cmp(&(&b.0, a.1.at_most)));
        fill.buckets.dedup_by(|next, first| next.0 == first.0);
        fill
    }

    fn write(self, page: &mut Page<'_, '_>) -> Result<(), Error> {
        let help = "What the account's bucket has left, as a part of its burst";
        page.ratio("account_bucket_left_ratio", help, self.account)?;
        let help = "What a method's bucket has left, as a part of its burst";
        page.levels(("method_bucket_left_ratio", help), self.methods)?;
        let help = "Keys of a plan whose bucket has at most that part of its burst left";
        page.levels(
            ("plan_bucket_keys", help),
            self.buckets.iter().flat_map(|([plan, limit], keys)| {
                keys.counts().map(move |(le, count)| ([plan.clone(), limit.clone(), le], count))
            }),
        )?;
        let help = "Keys of a plan that have at most that part of their quota left";
        page.levels(
            ("plan_quota_keys", help),
            self.quotas
                .iter()
                .flat_map(|([plan], keys)| keys.counts().map(move |(le, count)| ([plan.clone(), le], count))),
        )?;
        let help = "The least part of its quota that any key of a plan has left";
        let least = self.quotas.iter().map(|(labels, keys)| (labels.clone(), keys.least));
        page.levels(("plan_quota_left_ratio", help), least)
    }
}

impl Distribution {
    fn counts(self) -> impl Iterator<Item = ((&'static str, String), f64)> {
        PARTS.into_iter().zip(self.at_most).map(|((_, le), count)| (("le", le.to_owned()), f64::from(count)))
    }
}

/// Parts of a limit, and how they are written. Not the whole: that is what keys without state have.
const PARTS: [(f64, &str); 7] =
    [(0.0, "0"), (0.05, "0.05"), (0.1, "0.1"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (0.9, "0.9")];

#[cfg(test)]
mod tests {
    use limits::{BucketSpec, Burst, Charges, Limit, MilliRate, Period, QuotaSpec};
    use prometheus_client::registry::Registry;

    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);

    #[derive(Debug)]
    struct Shown(Vec<InForce>, Memory);

    impl Collector for Shown {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
            Fill::of(&self.0, &self.1, NOON).write(&mut Page(&mut encoder))
        }
    }

    fn bucket(burst: u32) -> Limit {
        BucketSpec { rate: MilliRate::new(1), burst: Burst::new(burst).unwrap() }.into()
    }

    #[test]
    fn keys_are_counted_by_what_they_have_left_and_have_no_series() {
        let memory = Memory::new();
        let define = |name: &str, limit| memory.define(name.parse().unwrap(), limit, NOON).unwrap();
        let (account, quota) =
            (define("account", bucket(4)), define("q", QuotaSpec::new(4, Period::Day, 0).unwrap().into()));
        let throttle = define("plan", bucket(10));
        for (key, requests) in [(1, 4), (2, 3), (3, 1)] {
            let subject = Subject::new(key);
            let charges = [quota, throttle].map(|limit| Charge { limit, subject });
            for _ in 0..requests {
                let charges = Charges::try_from(charges.as_slice()).unwrap();
                assert!(memory.spend_now(NOON, &charges).is_admitted());
            }
        }
        let everybody = [Charge { limit: account, subject: Subject::SHARED }];
        let paid = memory.spend_now(NOON, &Charges::try_from(everybody.as_slice()).unwrap());
        assert!(paid.is_admitted());
        let plan = || "standard".to_owned();
        let in_force = vec![
            InForce { id: account, whose: Whose::Account },
            InForce { id: quota, whose: Whose::Quota { plan: plan() } },
            InForce { id: throttle, whose: Whose::Plan { plan: plan() } },
        ];
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Shown(in_force, memory)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let text: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        account_bucket_left_ratio 0.75
        plan_bucket_keys{plan="standard",limit="plan",le="0"} 0.0
        plan_bucket_keys{plan="standard",limit="plan",le="0.05"} 0.0
        plan_bucket_keys{plan="standard",limit="plan",le="0.1"} 0.0
        plan_bucket_keys{plan="standard",limit="plan",le="0.25"} 0.0
        plan_bucket_keys{plan="standard",limit="plan",le="0.5"} 0.0
        plan_bucket_keys{plan="standard",limit="plan",le="0.75"} 2.0
        plan_bucket_keys{plan="standard",limit="plan",le="0.9"} 3.0
        plan_quota_keys{plan="standard",le="0"} 1.0
        plan_quota_keys{plan="standard",le="0.05"} 1.0
        plan_quota_keys{plan="standard",le="0.1"} 1.0
        plan_quota_keys{plan="standard",le="0.25"} 2.0
        plan_quota_keys{plan="standard",le="0.5"} 2.0
        plan_quota_keys{plan="standard",le="0.75"} 3.0
        plan_quota_keys{plan="standard",le="0.9"} 3.0
        plan_quota_left_ratio{plan="standard"} 0.0
        "#);
    }
}
