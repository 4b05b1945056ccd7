//! Which keys there are, whose they are, and which quota each is counted by. Values of keys are not here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::Bound;

use limits::{LimitName, LimitNameError, Subject};
use restapi::{Account, ApiKeyId, UsagePlanId};

/// The keys in force, with their plans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    plans: BTreeMap<UsagePlanId, Plan>,
    /// A key on two plans is there twice; in the order of key ids, by which pages are cut.
    holders: BTreeMap<Place, Holder>,
}

/// A usage plan.
#[derive(Clone, Debug)]
struct Plan {
    name: String,
    quota: Option<LimitName>,
}

/// Whose a key is.
#[derive(Clone, Debug)]
struct Holder {
    client: String,
    key: String,
}

/// One key on one plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'r> {
    pub(crate) client: &'r str,
    /// The key's name.
    pub(crate) key: &'r str,
    pub(crate) key_id: &'r ApiKeyId,
    pub(crate) plan: &'r str,
    pub(crate) plan_id: &'r UsagePlanId,
    pub(crate) quota: Option<&'r LimitName>,
}

impl Member<'_> {
    /// Whose allowance is spent by this key.
    pub(crate) fn subject(&self) -> Subject {
        Subject::new(self.key_id.as_number())
    }
}

impl Roster {
    /// The keys of `account`.
    pub(crate) fn of(account: &Account) -> Result<Self, LimitNameError> {
        let plans = account.usage_plans.iter().map(|plan| {
            let quota = plan.quota.map(|_| gateway::quota_name(&plan.id)).transpose()?;
            Ok((plan.id.clone(), Plan { name: plan.name.clone(), quota }))
        });
        let plans = plans.collect::<Result<_, LimitNameError>>()?;
        let keys: HashMap<_, _> = account.api_keys.iter().map(|key| (&key.id, key)).collect();
        let holders = account.usage_plan_keys.iter().filter_map(|membership| {
            let key = keys.get(&membership.key_id)?;
            let client = key.customer_id.clone().unwrap_or_default();
            let holder = Holder { client, key: key.name.clone() };
            Some(((key.id.clone(), membership.usage_plan_id.clone()), holder))
        });
        Ok(Self { plans, holders: holders.collect() })
    }

    /// The same with only those keys.
    pub(crate) fn with_only(&self, ids: &HashSet<&str>) -> Self {
        let mut kept = self.clone();
        kept.holders.retain(|(key, _plan), _holder| ids.contains(key.as_str()));
        kept
    }

    /// The plan of this id, as its name and whether it has a quota.
    pub(crate) fn plan(&self, id: &str) -> Option<(&UsagePlanId, bool)> {
        let (id, plan) = self.plans.iter().find(|(known, _)| known.as_str() == id)?;
        Some((id, plan.quota.is_some()))
    }

    /// The keys after `position`, or all of them.
    pub(crate) fn members(&self, position: Option<&Position>) -> impl Iterator<Item = Member<'_>> {
        let after = position.map_or(Bound::Unbounded, |Position(place)| Bound::Excluded(place));
        self.holders.range::<Place, _>((after, Bound::Unbounded)).filter_map(|((key_id, plan_id), holder)| {
            let plan = self.plans.get(plan_id)?;
            Some(Member {
                client: &holder.client,
                key: &holder.key,
                key_id,
                plan: &plan.name,
                plan_id,
                quota: plan.quota.as_ref(),
            })
        })
    }
}

type Place = (ApiKeyId, UsagePlanId);

/// The end of a page: the next one begins behind it, whatever has become of this key meanwhile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Position(Place);

impl Position {
    /// A page that ends with `member`.
    pub(crate) fn behind(member: &Member<'_>) -> Self {
        Self((member.key_id.clone(), member.plan_id.clone()))
    }

    /// Reads what [`Position`] displays.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (key, plan) = text.split_once('-')?;
        Some(Self((ApiKeyId::parse(key).ok()?, UsagePlanId::parse(plan).ok()?)))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self((key, plan)) = self;
        write!(f, "{key}-{plan}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_read_as_it_is_written() {
        let position = Position::parse("abcdefghij-abc123").unwrap();
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        for text in ["", "abcdefghij", "abcdefghij-", "-abc123", "abcdefghij-abc123-"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
