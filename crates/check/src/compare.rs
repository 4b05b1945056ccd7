//! Is what Terraform makes what the definition says.
//!
//! Last step of the check: the definition is compiled to the account that it would be on AWS, with the ids and keys that
//! were found, and the two accounts are held against each other member by member. They are compared in the form in
//! which they serialize, so that a new member of the objects is compared without being named here. What is left out is
//! named in `shape`, with the reason.
//!
//! It covers what the objects are, not how fast they answer, and says nothing about what the reader could not see: that
//! is a finding already.

mod beside;
mod shape;
mod shown;

use std::collections::BTreeSet;

use config::{AwsKey, AwsPlace, Definition};
use restapi::{Account, ApiKey, FunctionName, IntegrationUri, Permission};
use serde_json::{Map, Value};

use crate::Finding;
use crate::rule::SAME_AS_DEFINED;
use crate::terraform::{Reading, at};

/// Every member in which the account that was read differs from what `definition` says, and where function and user pool are
/// not what it needs. None if AWS is no home of the definition, or there is no API.
pub fn differences(definition: &Definition, reading: &Reading) -> Vec<Finding> {
    let Some(found) = &reading.account else { return Vec::new() };
    let Some(expected) = expected(definition, reading, found) else { return Vec::new() };
    let name = found.rest_apis.first().map(|api| api.name.as_str()).unwrap_or_default();
    let (expected_shape, found_shape) = (shape::of(&expected, name), shape::of(found, name));
    let mut differences = Differences { reading, found: Vec::new() };
    differences.compare("", &expected_shape, &found_shape);
    differences.keys(definition, found);
    differences.found.extend(beside::differences(definition, reading));
    differences.found
}

/// What the definition is on AWS, with what only exists there taken from what was found.
fn expected(definition: &Definition, reading: &Reading, found: &Account) -> Option<Account> {
    let mut definition = definition.clone();
    // Where it cannot be seen, something stands for it in every ARN.
    if let Some(home) = definition.aws.as_mut().filter(|_| reading.origins.is_unseen("region")) {
        home.region = found.region.clone();
    }
    let place = AwsPlace {
        account_id: found.account_id.clone(),
        function: function(found).or_else(|| FunctionName::parse("token-broker").ok())?,
        api_id: found.rest_apis.first().map(|api| api.id.clone()),
    };
    let keys = found.api_keys.iter().filter_map(|key| {
        let client = key.customer_id.as_deref()?.parse().ok()?;
        Some(AwsKey { id: key.id.clone(), name: key.name.clone(), client, enabled: key.enabled })
    });
    let mut expected = config::compile_aws(&definition, &place, &keys.collect::<Vec<_>>())?;
    for permission in &mut expected.permissions {
        if let Some(same) = counterpart(permission, &found.permissions) {
            permission.statement_id.clone_from(&same.statement_id);
        }
    }
    Some(expected)
}

/// The statement that is there for the same call, or the only one there is: what a statement is called is no matter of
/// the definition.
fn counterpart<'a>(expected: &Permission, found: &'a [Permission]) -> Option<&'a Permission> {
    let same = found.iter().find(|permission| permission.source_arn == expected.source_arn);
    same.or(match found {
        [only] => Some(only),
        _ => None,
    })
}

/// The function that the API calls: its name is no matter of the definition.
fn function(account: &Account) -> Option<FunctionName> {
    let resources = account.rest_apis.iter().flat_map(|api| &api.resources);
    let mut integrations =
        resources.flat_map(|resource| resource.methods.values()).filter_map(|m| m.integration.as_ref());
    integrations.find_map(|integration| match &integration.uri {
        IntegrationUri::Function { name, .. } => Some(name.clone()),
        IntegrationUri::Other(_) => None,
    })
}

struct Differences<'a> {
    reading: &'a Reading,
    found: Vec<Finding>,
}

impl Differences<'_> {
    fn compare(&mut self, place: &str, expected: &Value, found: &Value) {
        if self.reading.origins.is_unseen(place) {
            return;
        }
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => self.compare_members(place, expected, found),
            (expected, found) if shape::is_same(expected, found) => {}
            (expected, found) => {
                self.add(
                    place,
                    &format!(
                        "here {}, in the definition {}",
                        self.shown(place, found),
                        self.shown(place, expected)
                    ),
                );
            }
        }
    }

    fn compare_members(&mut self, place: &str, expected: &Map<String, Value>, found: &Map<String, Value>) {
        let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        for name in names {
            let place = if place.is_empty() { at(&[name]) } else { format!("{place}/{}", at(&[name])) };
            match (expected.get(name), found.get(name)) {
                (Some(expected), Some(found)) => self.compare(&place, expected, found),
                (Some(expected), None) => {
                    self.add(
                        &place,
                        &format!("missing here, in the definition {}", self.shown(&place, expected)),
                    );
                }
                (None, Some(found)) => {
                    self.add(
                        &place,
                        &format!("here {}, and not in the definition", self.shown(&place, found)),
                    );
                }
                (None, None) => {}
            }
        }
    }

    /// Every client has a key that admits it. That every key is a client's shows in the objects.
    fn keys(&mut self, definition: &Definition, found: &Account) {
        let is_unseen = |key: &ApiKey| self.reading.origins.is_unseen(&at(&["apiKeys", key.id.as_str()]));
        if found.api_keys.iter().any(is_unseen) {
            return;
        }
        // One that is switched off is on its way out: the client needs another.
        let enabled = found.api_keys.iter().filter(|key| key.enabled);
        let owners: BTreeSet<_> = enabled.filter_map(|key| key.customer_id.as_deref()).collect();
        for client in definition.clients.keys().filter(|client| !owners.contains(client.as_str())) {
            let place = at(&["apiKeys", client.as_str()]);
            self.add(
                &place,
                &format!("missing here, the client {client} of the definition has no key that is enabled"),
            );
        }
    }

    fn add(&mut self, place: &str, what: &str) {
        if self.reading.origins.is_unseen(place) {
            return;
        }
        let origin = self.reading.origins.origin(place);
        let place = self.reading.secrets.without_secrets(place);
        // One resource makes many members, and people must see which of them differs.
        let detail = format!("{place}: {what}");
        self.found.push(Finding { rule: SAME_AS_DEFINED, origin, detail });
    }

    fn shown(&self, place: &str, value: &Value) -> String {
        shown::value(place, value, &self.reading.secrets)
    }
}

#[cfg(test)]
mod tests;
