//! Names with values, of which a name may have several: headers and query parameters.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names with values in the order they came in. An event shows them twice: once with the last value of each name, once
/// with all of them.
///
/// Its `Debug` shows names only: values can be credentials.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    /// No pairs, with room for some.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds a pair at the end.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push((name.into(), value.into()));
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The last value of `name`, whatever the case of its letters.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the names in order, keeping the order of values under one name.
    pub fn sort(&mut self) {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .enumerate()
            .filter(|(at, (name, _))| !self.0.iter().take(*at).any(|(own, _)| own == name))
            .map(|(_, (name, _))| name.as_ref())
    }

    fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_ref())
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Serializes as `{"name": "last value"}`, or null when there are none.
pub(crate) struct Single<'p, 'a>(pub(crate) &'p Pairs<'a>);

impl Serialize for Single<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.names() {
            map.serialize_entry(name, &self.0.values(name).last())?;
        }
        map.end()
    }
}

/// Serializes as `{"name": ["value", …]}`, or null when there are none.
pub(crate) struct Multi<'p, 'a>(pub(crate) &'p Pairs<'a>);

impl Serialize for Multi<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        let mut map = serializer.serialize_map(None)?;
        for name in self.0.names() {
            map.serialize_entry(name, &self.0.values(name).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

/// One value or a list of them, as the two maps of an event have them.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl<'de> Deserialize<'de> for Pairs<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs<'static>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of names to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Pairs::default();
                while let Some((name, values)) = map.next_entry::<String, OneOrMore>()? {
                    match values {
                        OneOrMore::One(value) => pairs.push(name, value),
                        OneOrMore::More(values) => {
                            for value in values {
                                pairs.push(name.clone(), value);
                            }
                        }
                    }
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
