//! How full buckets and quotas are, for whoever watches. Nothing here is on the way of a request, and nothing changes.

use ambient::Timestamp;

use super::Memory;
use crate::charge::{Charge, Subject};
use crate::definitions::LimitId;

/// How much of a limit one subject has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Level {
    /// What is left: of a bucket in nano-tokens, of a quota in requests.
    pub left: u64,
    /// What there is at most, in the same unit: the burst, or the quota with what was given on top of it.
    pub most: u64,
}

impl Level {
    /// The part that is left, between 0 and 1. Of nothing, nothing is left.
    #[expect(clippy::cast_precision_loss, reason = "to be shown, not to be counted with")]
    pub fn ratio(self) -> f64 {
        if self.most == 0 { 0.0 } else { (self.left as f64 / self.most as f64).min(1.0) }
    }
}

impl Memory {
    /// What `charge` finds at `now`; `None` if there is no such limit here.
    pub fn level(&self, charge: Charge, now: Timestamp) -> Option<Level> {
        let shard = self.shards.get(self.mix.shard(charge.subject))?.lock();
        let position = shard.subjects.find(charge.subject, self.mix.low_half(charge.subject));
        let standing = shard.standing(charge, position);
        let at = if standing.slot.is_none() { now.max(standing.forgotten) } else { now };
        Some(standing.definition?.level(standing.slot, at, standing.extra))
    }

    /// Shows `see` what everybody finds at `now` who has state: whoever has none has everything, as a rule. It is called
    /// under a lock and must not ask this limiter anything; each lock is held for one part of the subjects.
    pub fn survey(&self, now: Timestamp, see: &mut dyn FnMut(LimitId, Subject, Level)) {
        for shard in &self.shards {
            let shard = shard.lock();
            for position in 0..u32::try_from(shard.subjects.len()).unwrap_or(u32::MAX) {
                let Some(record) = shard.subjects.record(position) else { break };
                for slot in record.slots() {
                    let charge = Charge { limit: slot.limit, subject: record.subject };
                    if let Some(definition) = shard.definition(slot.limit) {
                        let level = definition.level(Some(slot), now, shard.extra(charge));
                        see(charge.limit, charge.subject, level);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::time::Duration;

    use super::super::tests::{bucket, quota, store};
    use super::*;
    use crate::meter::Meter as _;
    use crate::{Charges, Period};

    const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);
    const KEY: Subject = Subject::new(7);
    const OTHER: Subject = Subject::new(8);

    fn spend(memory: &Memory, limits: &[LimitId], subject: Subject, now: Timestamp) {
        let all: Vec<_> = limits.iter().map(|limit| Charge { limit: *limit, subject }).collect();
        assert!(memory.spend_now(now, &Charges::try_from(all.as_slice()).unwrap()).is_admitted());
    }

    /// In thousandths, to be compared.
    fn thousandths(level: Level) -> u64 {
        format!("{:.3}", level.ratio()).replace('.', "").parse().unwrap()
    }

    #[test]
    fn level_is_what_a_spend_would_find() {
        let (memory, ids) = store(&[bucket(1_000, 4), quota(10, Period::Day, 0)], NOON);
        let level =
            |at, index: usize, subject| memory.level(Charge { limit: ids[index], subject }, at).unwrap();
        for _ in 0..3 {
            spend(&memory, &ids, KEY, NOON);
        }
        assert_eq!(thousandths(level(NOON, 0, KEY)), 250);
        assert_eq!(level(NOON, 1, KEY), Level { left: 7, most: 10 });
        let later = NOON.plus(Duration::from_secs(1));
        assert_eq!(thousandths(level(later, 0, KEY)), 500);
        assert_eq!(thousandths(level(NOON, 0, OTHER)), 1_000, "without state");
        assert_eq!(level(NOON, 1, OTHER), Level { left: 10, most: 10 });
        memory.extend(&"limit/1".parse().unwrap(), KEY, 4, NOON).unwrap();
        assert_eq!(level(NOON, 1, KEY), Level { left: 11, most: 14 });
        let tomorrow = NOON.plus(Duration::from_hours(24));
        assert_eq!(level(tomorrow, 1, KEY), Level { left: 10, most: 10 });
        assert_eq!(memory.level(Charge { limit: LimitId::UNDEFINED, subject: KEY }, NOON), None);
    }

    #[test]
    fn survey_shows_everybody_who_has_state_and_changes_nothing() {
        let (memory, ids) = store(&[bucket(1_000, 4), quota(10, Period::Day, 0)], NOON);
        spend(&memory, &ids, KEY, NOON);
        spend(&memory, &ids[..1], OTHER, NOON);
        spend(&memory, &ids[..1], Subject::SHARED, NOON);
        let before = memory.snapshot();
        let mut seen = Vec::new();
        memory.survey(NOON, &mut |limit, subject, level| {
            seen.push((limit.index(), subject, thousandths(level)));
        });
        seen.sort_by_key(|(limit, subject, _)| (*limit, *subject));
        assert_eq!(seen, [(0, KEY, 750), (0, OTHER, 750), (0, Subject::SHARED, 750), (1, KEY, 900)]);
        assert_eq!(memory.snapshot(), before);
    }

    #[test]
    fn of_nothing_nothing_is_left() {
        assert_eq!(thousandths(Level { left: 0, most: 0 }), 0);
        assert_eq!(thousandths(Level { left: 9, most: 3 }), 1_000, "more is left than there is now");
    }
}
