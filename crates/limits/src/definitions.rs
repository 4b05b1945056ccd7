//! Which limits there are, under which names, with which numbers.
//!
//! Few and shared, while their state is per subject. Names are stable across restarts and replicas; ids are small and
//! mean something only to the store that gave them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ambient::Timestamp;

use crate::bucket::{Bucket, BucketSpec};
use crate::decision::Kind;
use crate::quota::QuotaSpec;
use crate::spend::{Cell, Verdict};

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

/// Every limit of a store.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    ids: HashMap<LimitName, LimitId>,
    all: Vec<(LimitName, Arc<Definition>)>,
}

impl Definitions {
    /// Gives `name` the numbers of `limit` from `now` on. Says what the store has to take over, if anything.
    pub(crate) fn define(
        &mut self,
        name: LimitName,
        limit: Limit,
        now: Timestamp,
    ) -> Result<Defined, DefineError> {
        let Some(&id) = self.ids.get(&name) else { return self.add(name, Definition::new(limit, now)) };
        let Some((_, known)) = self.all.get_mut(id.index()) else { return Ok(Defined::AsBefore(id)) };
        if known.limit() == limit {
            return Ok(Defined::AsBefore(id));
        }
        let Some(changed) = known.changed(limit, now) else { return Err(DefineError::KindChanged { name }) };
        *known = Arc::new(changed);
        Ok(Defined::Changed(id, Arc::clone(known)))
    }

    pub(crate) fn name(&self, limit: LimitId) -> Option<&LimitName> {
        self.all.get(limit.index()).map(|(name, _)| name)
    }

    fn add(&mut self, name: LimitName, definition: Definition) -> Result<Defined, DefineError> {
        let id = u32::try_from(self.all.len()).map(LimitId).ok().filter(|id| *id != LimitId::UNDEFINED);
        let id = id.ok_or(DefineError::TooMany)?;
        let definition = Arc::new(definition);
        self.ids.insert(name.clone(), id);
        self.all.push((name, Arc::clone(&definition)));
        Ok(Defined::Added(id, definition))
    }
}

/// What defining a limit came to.
#[derive(Debug)]
pub(crate) enum Defined {
    /// The name had these numbers already.
    AsBefore(LimitId),
    /// The name is new. Ids count up from zero.
    Added(LimitId, Arc<Definition>),
    /// The name has other numbers now.
    Changed(LimitId, Arc<Definition>),
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

/// A limit with what its past numbers still mean for levels written under them.
#[derive(Clone, Debug)]
pub(crate) enum Definition {
    Bucket(Bucket),
    Quota(QuotaSpec),
}

impl Definition {
    fn new(limit: Limit, now: Timestamp) -> Self {
        match limit {
            Limit::Bucket(spec) => Self::Bucket(Bucket::new(spec, now)),
            Limit::Quota(spec) => Self::Quota(spec),
        }
    }

    fn changed(&self, limit: Limit, now: Timestamp) -> Option<Self> {
        match (self, limit) {
            (Self::Bucket(bucket), Limit::Bucket(spec)) => Some(Self::Bucket(bucket.changed(spec, now))),
            (Self::Quota(_), Limit::Quota(spec)) => Some(Self::Quota(spec)),
            _ => None,
        }
    }

    fn limit(&self) -> Limit {
        match self {
            Self::Bucket(bucket) => bucket.spec().into(),
            Self::Quota(spec) => (*spec).into(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Bucket(_) => Kind::Bucket,
            Self::Quota(_) => Kind::Quota,
        }
    }

    /// The earliest effective time of a spend that touches this limit.
    pub(crate) fn floor(&self, cell: Option<Cell>) -> Timestamp {
        match self {
            Self::Bucket(bucket) => bucket.floor(cell),
            Self::Quota(_) => QuotaSpec::floor(cell),
        }
    }

    /// What a spend at `at`, not before the floor, finds.
    pub(crate) fn judge(&self, cell: Option<Cell>, at: Timestamp) -> Verdict {
        match self {
            Self::Bucket(bucket) => bucket.judge(cell, at),
            Self::Quota(spec) => spec.judge(cell, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Burst, MilliRate};
    use crate::{Period, QuotaSpec};

    fn bucket(rate: u32, burst: u32) -> Limit {
        BucketSpec { rate: MilliRate::new(rate), burst: Burst::new(burst).unwrap() }.into()
    }

    #[test]
    fn defining_the_same_numbers_again_changes_nothing() {
        let mut definitions = Definitions::default();
        let name: LimitName = "account".parse().unwrap();
        let first = definitions.define(name.clone(), bucket(1_000, 5), Timestamp::EPOCH);
        assert!(matches!(first, Ok(Defined::Added(LimitId(0), _))));
        let again = definitions.define(name.clone(), bucket(1_000, 5), Timestamp::from_secs(9));
        assert!(matches!(again, Ok(Defined::AsBefore(LimitId(0)))));
        assert_eq!(definitions.name(LimitId(0)), Some(&name));
    }

    #[test]
    fn a_bucket_does_not_turn_into_a_quota() {
        let mut definitions = Definitions::default();
        let name: LimitName = "plan/standard".parse().unwrap();
        definitions.define(name.clone(), bucket(1_000, 5), Timestamp::EPOCH).unwrap();
        let quota = QuotaSpec::new(5, Period::Day, 0).unwrap();
        let error = definitions.define(name, quota.into(), Timestamp::EPOCH).unwrap_err();
        assert_eq!(error.to_string(), "limit `plan/standard` cannot turn from a bucket into a quota or back");
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
