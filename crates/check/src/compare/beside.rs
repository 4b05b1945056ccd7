//! The broker's function and its user pool, held against the definition: they are no objects of the account that the API is,
//! and Terraform alone makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use config::Definition;

use crate::rule::SAME_AS_DEFINED;
use crate::rule::broker::{BINDINGS_ARE_READ, TIME_FITS};
use crate::terraform::{AppClient, Reading, at};
use crate::{Finding, Origin, Rule};

/// Where function and user pool are not what `definition` needs.
pub(super) fn differences(definition: &Definition, reading: &Reading) -> Vec<Finding> {
    let mut beside = Beside { reading, found: Vec::new() };
    beside.timeouts(definition.broker.upstream.total_timeout);
    beside.bindings(definition);
    if let Some(found) = &reading.found.app_clients {
        beside.app_clients(definition, found);
    }
    beside.found
}

struct Beside<'a> {
    reading: &'a Reading,
    found: Vec<Finding>,
}

impl Beside<'_> {
    fn timeouts(&mut self, total: Duration) {
        for timeout in self.reading.found.timeouts.iter().filter(|timeout| timeout.length <= total) {
            let detail = format!(
                "the function may take {} s, and broker.upstream.total_timeout is {} s",
                timeout.length.as_secs_f64(),
                total.as_secs_f64()
            );
            self.add(TIME_FITS, &timeout.address, &timeout.place, detail);
        }
    }

    fn bindings(&mut self, definition: &Definition) {
        for bound in &self.reading.found.bound {
            for name in
                definition.app_clients.keys().filter(|name| !bound.app_clients.contains(name.as_str()))
            {
                let detail = format!("the app client {name} of the definition is not in the bindings");
                self.add(BINDINGS_ARE_READ, &bound.address, &bound.place, detail);
            }
        }
    }

    fn app_clients(&mut self, definition: &Definition, found: &[AppClient]) {
        let mut missing: BTreeMap<&str, _> =
            definition.app_clients.iter().map(|(name, defined)| (name.as_str(), defined)).collect();
        let names: BTreeSet<&str> = missing.keys().copied().collect();
        for client in found {
            let Some((name, defined)) = meant(client, &names).and_then(|name| missing.remove_entry(name))
            else {
                let detail = "here, and not in the definition".to_owned();
                self.add(SAME_AS_DEFINED, &client.address, &place(&client.name), detail);
                continue;
            };
            let scopes: BTreeSet<&str> = defined.scopes.iter().collect();
            if let Some(found) = client
                .scopes
                .as_ref()
                .filter(|found| !found.iter().map(String::as_str).eq(scopes.iter().copied()))
            {
                let detail = format!(
                    "here `{}`, in the definition `{}`",
                    joined(found.iter().map(String::as_str)),
                    defined.scopes.as_str()
                );
                self.add_difference(client, name, "scopes", &detail);
            }
            if let Some(found) = client.token_validity.filter(|found| *found != defined.token_validity) {
                let seconds = defined.token_validity.as_secs_f64();
                let detail = format!("here {} s, in the definition {seconds} s", found.as_secs_f64());
                self.add_difference(client, name, "token_validity", &detail);
            }
        }
        for name in missing.into_keys() {
            self.add(SAME_AS_DEFINED, "", &place(name), "missing here, and in the definition".to_owned());
        }
    }

    fn add_difference(&mut self, client: &AppClient, name: &str, member: &str, detail: &str) {
        let place = format!("{}/{member}", place(name));
        self.add(SAME_AS_DEFINED, &client.address, &place, detail.to_owned());
    }

    fn add(&mut self, rule: Rule, address: &str, place: &str, detail: String) {
        let is_difference = rule.id == SAME_AS_DEFINED.id;
        let file = self.reading.origins.file().to_owned();
        let shown = self.reading.secrets.without_secrets(place);
        let detail = if is_difference { format!("{shown}: {detail}") } else { detail };
        let origin = Origin { file, line: None, address: address.to_owned(), place: place.to_owned() };
        self.found.push(Finding { rule, origin, detail });
    }
}

/// The app client of the definition that `client` is: by its key, or by its name or the end of it.
fn meant<'a>(client: &AppClient, names: &BTreeSet<&'a str>) -> Option<&'a str> {
    if let Some(name) = client.key.as_deref().and_then(|key| names.get(key)) {
        return Some(name);
    }
    let is_end = |name: &&&str| {
        client.name.strip_suffix(**name).is_some_and(|start| start.is_empty() || start.ends_with('-'))
    };
    names.iter().filter(is_end).max_by_key(|name| name.len()).copied()
}

fn place(name: &str) -> String {
    at(&["appClients", name])
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}
