//! The attributes of a resource or of a block in it: set, not set, or not known before apply.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::document::Instance;

/// What is known of an attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Seen<T> {
    /// Nothing was written, so that the default holds.
    Unset,
    /// This is its value.
    Known(T),
    /// It has a value that only apply will show, or one of another kind than it must be.
    Unknown,
}

impl<T> Seen<T> {
    pub(super) fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unset | Self::Unknown => None,
        }
    }

    fn and_then<U>(self, read: impl FnOnce(T) -> Option<U>) -> Seen<U> {
        match self {
            Self::Unset => Seen::Unset,
            Self::Unknown => Seen::Unknown,
            Self::Known(value) => read(value).map_or(Seen::Unknown, Seen::Known),
        }
    }
}

/// A resource or a block in it: its values, and the expressions that they come from.
#[derive(Clone)]
pub(super) struct Block<'a> {
    pub(super) instance: &'a Instance,
    values: &'a Map<String, Value>,
    /// Which values are known only after apply.
    unknown: &'a Value,
    /// The expressions. Of a nested block there may be several: the plan sorts what the configuration does not.
    /// None where the configuration shows none, as for what a `dynamic` block makes.
    expressions: Vec<&'a Map<String, Value>>,
}

impl<'a> Block<'a> {
    /// The whole resource; `configuration` is how it is written.
    pub(super) fn whole(instance: &'a Instance, configuration: Option<&'a Value>) -> Self {
        let expressions = configuration.and_then(|resource| resource.get("expressions"));
        let expressions = expressions.and_then(Value::as_object).into_iter().collect();
        Self { instance, values: &instance.values, unknown: &instance.unknown, expressions }
    }

    /// The blocks called `name` in it.
    pub(super) fn blocks(&self, name: &str) -> Vec<Self> {
        let values = self.values.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let expressions: Vec<_> = self
            .expressions(name)
            .flat_map(|blocks| blocks.as_array().map(Vec::as_slice).unwrap_or_default())
            .filter_map(Value::as_object)
            .collect();
        let unknown = self.unknown.get(name);
        let block = |(index, values)| Self {
            instance: self.instance,
            values,
            unknown: unknown.and_then(|unknown| unknown.get(index)).unwrap_or(&Value::Null),
            expressions: expressions.clone(),
        };
        values.iter().enumerate().filter_map(|(i, value)| Some((i, value.as_object()?))).map(block).collect()
    }

    /// Whether blocks called `name` may be there that cannot be seen.
    pub(super) fn hides_blocks(&self, name: &str) -> bool {
        let is_unknown = self.unknown.get(name) == Some(&Value::Bool(true));
        let is_written = self.expressions(name).next().is_some();
        self.instance.is_planned && !self.values.contains_key(name) && (is_written || is_unknown)
    }

    fn expressions<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a Value> + 's {
        self.expressions.iter().filter_map(move |expressions| expressions.get(name))
    }

    /// The value called `name`. One that is neither there nor written is not set.
    pub(super) fn value(&self, name: &str) -> Seen<&'a Value> {
        match self.values.get(name) {
            Some(Value::Null) => Seen::Unset,
            Some(value) => Seen::Known(value),
            None if !self.instance.is_planned => Seen::Unset,
            None if self.expressions.is_empty() => Seen::Unknown,
            None if self.expressions(name).next().is_some() => Seen::Unknown,
            None => Seen::Unset,
        }
    }

    /// A text. An empty one counts as none: so the provider writes what is not set.
    pub(super) fn text(&self, name: &str) -> Seen<&'a str> {
        match self.value(name).and_then(Value::as_str) {
            Seen::Known("") => Seen::Unset,
            text => text,
        }
    }

    /// A text as it is stored; what is not known stands there as such.
    pub(super) fn text_or_placeholder(&self, name: &str) -> Option<String> {
        match self.text(name) {
            Seen::Unset => None,
            Seen::Known(text) => Some(text.to_owned()),
            Seen::Unknown => Some(AFTER_APPLY.to_owned()),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Seen<bool> {
        self.value(name).and_then(Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Seen<f64> {
        self.value(name).and_then(Value::as_f64)
    }

    pub(super) fn whole_number(&self, name: &str) -> Seen<i64> {
        self.value(name).and_then(Value::as_i64)
    }

    /// A list of texts; elements that are not known stand there as such.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Seen::Unset => Vec::new(),
            Seen::Known(Value::Array(list)) => list.iter().map(|text| shown(text).into_owned()).collect(),
            Seen::Known(_) | Seen::Unknown => vec![AFTER_APPLY.to_owned()],
        }
    }

    /// A map of texts. Entries that are not known stand there as such: that there is one may be what matters.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        match self.value(name) {
            Seen::Unset => {}
            Seen::Known(Value::Object(entries)) => {
                map.extend(entries.iter().map(|(key, text)| (key.clone(), shown(text).into_owned())));
                let unknown = self.unknown.get(name).and_then(Value::as_object);
                for (key, _) in unknown.into_iter().flatten().filter(|(_, is)| **is == Value::Bool(true)) {
                    map.entry(key.clone()).or_insert_with(|| AFTER_APPLY.to_owned());
                }
            }
            Seen::Known(_) | Seen::Unknown => {
                map.insert(AFTER_APPLY.to_owned(), AFTER_APPLY.to_owned());
            }
        }
        map
    }

    /// The references in the expressions of `name`, also those of blocks called so.
    pub(super) fn references(&self, name: &str) -> Vec<&'a str> {
        self.expressions(name).flat_map(references).collect()
    }

    /// The text that is written for `name`, if it is written as such.
    pub(super) fn written(&self, name: &str) -> Option<&'a str> {
        self.expressions(name).find_map(|expression| expression.get("constant_value")?.as_str())
    }
}

fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(AFTER_APPLY),
        other => Cow::Owned(other.to_string()),
    }
}

/// All references below an expression.
pub(super) fn references(expression: &Value) -> Vec<&str> {
    match expression {
        Value::Array(list) => list.iter().flat_map(references).collect(),
        Value::Object(object) => match object.get("references").and_then(Value::as_array) {
            Some(list) => list.iter().filter_map(Value::as_str).collect(),
            None => object.values().flat_map(references).collect(),
        },
        _ => Vec::new(),
    }
}

/// What stands for a value that only apply will show.
pub(super) const AFTER_APPLY: &str = "(known after apply)";
