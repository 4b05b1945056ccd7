//! What two definitions say differently, in the words of the file.
//!
//! Meanings are compared, not texts: what is left out counts as what then holds, and neither order nor comments count.
//! A change that a running server cannot take over is marked, so that a reload can be refused as a whole beforehand.
//!
//! A meaning can be written as JSON and read again, so that a definition in one process can be compared with that in
//! force in another.

mod meaning;

use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::Definition;

/// All that a definition says, with what it leaves out filled in: a tree in the shape of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Meaning(Map<String, Value>);

impl From<&Definition> for Meaning {
    fn from(definition: &Definition) -> Self {
        Self(meaning::of(definition))
    }
}

/// One thing that two definitions say differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it stands in the file, such as `plans.standard.throttle.rate`.
    pub path: String,
    /// What is different about it.
    pub difference: Difference,
    /// Whether a server takes it over only by being started again.
    pub needs_restart: bool,
}

/// What is different.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Only the later one has it.
    Added(Value),
    /// Only the earlier one has it.
    Removed(Value),
    /// It has another value.
    Replaced {
        /// In the earlier one.
        from: Value,
        /// In the later one.
        to: Value,
    },
}

/// What is to be done to `from` so that it says what `to` says, in the order of paths.
pub fn diff(from: &Meaning, to: &Meaning) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", &from.0, &to.0, &mut changes);
    let deployed = [from, to].into_iter().any(is_deployed);
    for change in &mut changes {
        change.needs_restart = needs_restart(&change.path, deployed);
    }
    changes
}

fn compare(path: &str, from: &Map<String, Value>, to: &Map<String, Value>, changes: &mut Vec<Change>) {
    let only_in_to = to.keys().filter(|name| !from.contains_key(*name));
    let mut names: Vec<&String> = from.keys().chain(only_in_to).collect();
    names.sort_unstable();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let difference = match (from.get(name), to.get(name)) {
            (Some(Value::Object(from)), Some(Value::Object(to))) => {
                compare(&path, from, to, changes);
                continue;
            }
            (Some(from), Some(to)) if from == to => continue,
            (Some(from), Some(to)) => Difference::Replaced { from: from.clone(), to: to.clone() },
            (Some(from), None) => Difference::Removed(from.clone()),
            (None, Some(to)) => Difference::Added(to.clone()),
            (None, None) => continue,
        };
        changes.push(Change { path, difference, needs_restart: false });
    }
}

/// Whether a running server cannot take over a change of what stands at `path`.
///
/// Sockets, files and the way to the user pool are opened once. Names make up URLs and the names that limits are kept
/// under: under another one every bucket would be full.
fn needs_restart(path: &str, deployed: bool) -> bool {
    let is_at_or_below =
        |place: &&str| path.strip_prefix(*place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    // Another certificate is taken over. Whether there is one at all is not.
    path == "homes.local.tls"
        || FIXED.iter().any(is_at_or_below) && (deployed || !EXCEPT.iter().any(is_at_or_below))
}

fn is_deployed(meaning: &Meaning) -> bool {
    let homes = Value::Object(meaning.0.clone());
    homes.pointer("/homes/local/function/aws").is_some()
}

const FIXED: [&str; 14] = [
    "api.name",
    "homes.local.account_id",
    "homes.local.admin",
    "homes.local.client_address",
    "homes.local.front_door",
    "homes.local.function",
    "homes.local.limits",
    "homes.local.proxy_protocol",
    "homes.local.region",
    "homes.local.stage",
    "homes.local.traces",
    "homes.local.trusted_proxies",
    "homes.local.user_pool",
    "homes.local.user_pool_listen",
];

/// Parts of those that can be taken over all the same: what an existing pool knows the app clients by, and how processes
/// are run. Processes end with the definition that they have read; a function on AWS is found once.
const EXCEPT: [&str; 5] = [
    "homes.local.function.command",
    "homes.local.function.concurrency",
    "homes.local.function.memory",
    "homes.local.function.timeout",
    "homes.local.user_pool.app_clients",
];

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.difference {
            // Of a group its name says enough.
            Difference::Added(Value::Object(_)) => write!(f, "+ {path}")?,
            Difference::Removed(Value::Object(_)) => write!(f, "- {path}")?,
            Difference::Added(value) => write!(f, "+ {path}: {}", Shown(value))?,
            Difference::Removed(value) => write!(f, "- {path}: {}", Shown(value))?,
            Difference::Replaced { from, to } => write!(f, "{path}: {} → {}", Shown(from), Shown(to))?,
        }
        if self.needs_restart { f.write_str("  (needs a restart)") } else { Ok(()) }
    }
}

/// `path`, `from` and `to` where there are such, and `needs_restart`.
impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, to) = match &self.difference {
            Difference::Added(to) => (None, Some(to)),
            Difference::Removed(from) => (Some(from), None),
            Difference::Replaced { from, to } => (Some(from), Some(to)),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("path", &self.path)?;
        if let Some(from) = from {
            map.serialize_entry("from", from)?;
        }
        if let Some(to) = to {
            map.serialize_entry("to", to)?;
        }
        map.serialize_entry("needs_restart", &self.needs_restart)?;
        map.end()
    }
}

/// A value as one would write it into the file. Control characters do nothing to a terminal.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) if text.chars().any(char::is_control) => write!(f, "{text:?}"),
            Value::String(text) => f.write_str(text),
            Value::Array(items) => {
                f.write_str("[")?;
                for (number, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if number == 0 { "" } else { ", " }, Shown(item))?;
                }
                f.write_str("]")
            }
            Value::Object(fields) => {
                f.write_str("{")?;
                for (number, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{} {name}: {}", if number == 0 { "" } else { "," }, Shown(value))?;
                }
                f.write_str(" }")
            }
            other => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
