use std::collections::BTreeMap;

use ambient::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::state::{BucketCell, Cell};

fn slot(limit: u32, level: u64) -> Slot {
    Slot::pack(LimitId::nth(limit), Cell::Bucket(BucketCell { level, last: Timestamp::EPOCH }))
}

/// A poor hash on purpose: many subjects share one.
fn hash_of(subject: Subject) -> u32 {
    u32::try_from(subject.id() % 7).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Put { subject: u64, limit: u32, level: u64 },
    Drop { position: u32 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..90_u64, 0..6_u32, any::<u64>())
            .prop_map(|(subject, limit, level)| Step::Put { subject, limit, level }),
        2 => (0..90_u32).prop_map(|position| Step::Drop { position }),
    ]
}

proptest! {
    #[test]
    fn subjects_are_a_map_whatever_is_put_and_dropped(steps in prop::collection::vec(any_step(), 0..400)) {
        let mut subjects = Subjects::default();
        let mut map: BTreeMap<Subject, BTreeMap<u32, u64>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put { subject, limit, level } => {
                    let subject = Subject::new(subject);
                    subjects.record_of(subject, hash_of(subject)).unwrap().put(slot(limit, level));
                    map.entry(subject).or_default().insert(limit, level);
                }
                Step::Drop { position } => {
                    if (position as usize) < subjects.len() {
                        map.remove(&subjects.record(position).unwrap().subject);
                    }
                    let before = subjects.len();
                    if (position as usize) < before {
                        subjects.drop_at(position, hash_of);
                    }
                }
            }
            prop_assert_eq!(subjects.len(), map.len());
        }
        for subject in (0..90).map(Subject::new) {
            let found = subjects.find(subject, hash_of(subject)).and_then(|position| subjects.record(position));
            let found = found.map(|record| {
                (0..6).filter_map(|limit| Some((limit, record.slot(LimitId::nth(limit))?.bucket().level))).collect()
            });
            prop_assert_eq!(found, map.get(&subject).cloned());
        }
    }
}

#[test]
fn state_of_a_key_with_three_limits_is_at_most_two_hundred_bytes() {
    // A record, and its place in a table that has just grown: one byte of its own a place, and 7/16 of them taken.
    let place = (size_of::<Place>() + 1) * 16 / 7 + 1;
    assert!(size_of::<Record>() + place <= 200, "{} + {place}", size_of::<Record>());
}

#[test]
fn what_is_dropped_gives_its_memory_back() {
    let mut subjects = Subjects::default();
    for subject in (0..10_000).map(Subject::new) {
        subjects.record_of(subject, u32::try_from(subject.id()).unwrap()).unwrap().put(slot(1, 1));
    }
    while subjects.len() > 10 {
        subjects.drop_at(3, |subject| u32::try_from(subject.id()).unwrap());
    }
    assert_eq!(subjects.blocks.len(), 1);
    assert!(subjects.places.capacity() <= 4 * BLOCK, "{}", subjects.places.capacity());
}
