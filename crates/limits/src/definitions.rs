//! Which limits there are, under which names, with which numbers.
//!
//! Few and shared, while their state is per subject. Names are stable across restarts and replicas; ids are small and
//! mean something only to the store that gave them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ambient::Timestamp;

use crate::batch::Batch;
use crate::bucket::BucketSpec;
use crate::definition::{Definition, Record};
use crate::quota::QuotaSpec;

/// A limit's numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Limit {
    /// So fast.
    Bucket(BucketSpec),
    /// So many.
    Quota(QuotaSpec),
}

impl From<BucketSpec> for Limit {
    fn from(spec: BucketSpec) -> Self {
        Self::Bucket(spec)
    }
}

impl From<QuotaSpec> for Limit {
    fn from(spec: QuotaSpec) -> Self {
        Self::Quota(spec)
    }
}

/// A limit's name: the same in every process that shares it, in logs and in stores.
///
/// 1 to 255 visible ASCII characters, so that it needs no escaping in any of them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LimitName(Arc<str>);

impl LimitName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LimitName {
    type Err = LimitNameError;

    fn from_str(name: &str) -> Result<Self, LimitNameError> {
        let fits = (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(name.into())) } else { Err(LimitNameError { name: name.into() }) }
    }
}

/// A text that names no limit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is not a limit name: 1 to 255 visible ASCII characters")]
pub struct LimitNameError {
    name: String,
}

/// A defined limit, as its store knows it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LimitId(u32);

impl LimitId {
    /// No store gives this one out.
    pub(crate) const UNDEFINED: Self = Self(u32::MAX);

    #[cfg(test)]
    pub(crate) const fn nth(index: u32) -> Self {
        Self(index)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for LimitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}", self.0)
    }
}

/// Every limit of a store. Changed whole, so that whoever holds the list sees one state of it.
#[derive(Debug)]
pub(crate) struct Definitions {
    ids: HashMap<LimitName, LimitId>,
    names: Vec<LimitName>,
    list: DefinitionList,
}

/// By [`LimitId`].
pub(crate) type DefinitionList = Arc<[Arc<Definition>]>;

impl Default for Definitions {
    fn default() -> Self {
        Self { ids: HashMap::new(), names: Vec::new(), list: Arc::from([]) }
    }
}

impl Definitions {
    /// What `name` would be with the numbers of `limit` from `now` on; `None` if they are its numbers already.
    pub(crate) fn plan(
        &self,
        name: &LimitName,
        limit: Limit,
        now: Timestamp,
    ) -> Result<Option<Record>, DefineError> {
        match self.find(name) {
            None => Ok(Some(Record::new(limit, now))),
            Some(known) if known.record.limit() == limit => Ok(None),
            Some(known) => match known.record.changed(limit, now) {
                Some(changed) => Ok(Some(changed)),
                None => Err(DefineError::KindChanged { name: name.clone() }),
            },
        }
    }

    /// Takes `record` over under `name`.
    pub(crate) fn apply(
        &mut self,
        name: LimitName,
        record: Record,
        batch: Option<Batch>,
    ) -> Result<LimitId, DefineError> {
        let definition = Arc::new(Definition::new(record, batch));
        if let Some(&id) = self.ids.get(&name) {
            let replaced = |(index, known): (usize, &Arc<Definition>)| {
                Arc::clone(if index == id.index() { &definition } else { known })
            };
            if self.find(&name).is_some_and(|known| known.kind() != definition.kind()) {
                return Err(DefineError::KindChanged { name });
            }
            self.list = self.list.iter().enumerate().map(replaced).collect();
            return Ok(id);
        }
        let id = u32::try_from(self.names.len()).map(LimitId).ok().filter(|id| *id != LimitId::UNDEFINED);
        let id = id.ok_or(DefineError::TooMany)?;
        self.ids.insert(name.clone(), id);
        self.names.push(name);
        self.list = self.list.iter().cloned().chain([definition]).collect();
        Ok(id)
    }

    pub(crate) fn id(&self, name: &LimitName) -> Option<LimitId> {
        self.ids.get(name).copied()
    }

    pub(crate) fn name(&self, limit: LimitId) -> Option<&LimitName> {
        self.names.get(limit.index())
    }

    pub(crate) fn list(&self) -> &DefinitionList {
        &self.list
    }

    pub(crate) fn find(&self, name: &LimitName) -> Option<&Definition> {
        self.id(name).and_then(|id| self.list.get(id.index())).map(|definition| &**definition)
    }
}

/// Why a limit cannot be defined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DefineError {
    /// A bucket's levels mean nothing to a quota, nor the other way round.
    #[error("limit `{name}` cannot turn from a bucket into a quota or back")]
    KindChanged {
        /// The name that is taken by the other kind.
        name: LimitName,
    },
    /// The ids have run out.
    #[error("too many limits are defined")]
    TooMany,
    /// The numbers cannot be recorded; those from before stay in force.
    #[error("limit `{name}` cannot be recorded")]
    Store {
        /// The limit.
        name: LimitName,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Burst, MilliRate};
    use crate::{Period, QuotaSpec};

    fn bucket(rate: u32, burst: u32) -> Limit {
        BucketSpec { rate: MilliRate::new(rate), burst: Burst::new(burst).unwrap() }.into()
    }

    fn define(definitions: &mut Definitions, name: &LimitName, limit: Limit) -> Result<LimitId, DefineError> {
        let record = definitions.plan(name, limit, Timestamp::EPOCH)?.unwrap();
        definitions.apply(name.clone(), record, None)
    }

    #[test]
    fn the_same_numbers_again_are_nothing_to_plan() {
        let mut definitions = Definitions::default();
        let name: LimitName = "account".parse().unwrap();
        assert_eq!(define(&mut definitions, &name, bucket(1_000, 5)).unwrap(), LimitId(0));
        assert_eq!(definitions.plan(&name, bucket(1_000, 5), Timestamp::from_secs(9)).unwrap(), None);
        assert_eq!(define(&mut definitions, &name, bucket(1_000, 6)).unwrap(), LimitId(0));
        assert_eq!(
            define(&mut definitions, &"other".parse().unwrap(), bucket(1_000, 6)).unwrap(),
            LimitId(1)
        );
        assert_eq!((definitions.name(LimitId(0)), definitions.id(&name)), (Some(&name), Some(LimitId(0))));
        assert_eq!(definitions.list().len(), 2);
    }

    #[test]
    fn a_bucket_does_not_turn_into_a_quota() {
        let mut definitions = Definitions::default();
        let name: LimitName = "plan/standard".parse().unwrap();
        define(&mut definitions, &name, bucket(1_000, 5)).unwrap();
        let quota = QuotaSpec::new(5, Period::Day, 0).unwrap().into();
        let error = define(&mut definitions, &name, quota).unwrap_err();
        assert_eq!(error.to_string(), "limit `plan/standard` cannot turn from a bucket into a quota or back");
        // Nor does a record that was kept under the name do that.
        let kept = Record::new(quota, Timestamp::EPOCH);
        assert!(matches!(definitions.apply(name, kept, None), Err(DefineError::KindChanged { .. })));
    }

    #[test]
    fn names_that_would_need_escaping_are_refused() {
        for name in ["", "two words", "line\nbreak", "päckchen", &"x".repeat(256)] {
            assert!(name.parse::<LimitName>().is_err(), "{name:?}");
        }
        assert_eq!(
            "method/dev/POST/oauth2/token".parse::<LimitName>().unwrap().as_str(),
            "method/dev/POST/oauth2/token"
        );
    }
}
