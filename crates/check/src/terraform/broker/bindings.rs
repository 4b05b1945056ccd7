//! What the function is bound to: the document that its environment names, read as the broker reads it.
//!
//! It is looked at when it is known, which is after the first apply. A function whose environment names none is somebody's
//! own, which knows what it needs by itself.

use std::collections::BTreeSet;

use bindings::{Bindings, Reference, Upstream};
use restapi::ApiKeyId;

use super::super::block::Block;
use super::super::document::Instance;
use super::super::front::Reader;
use super::super::plans::Keys;
use super::named::Named;
use super::parameter::PARAMETER;
use crate::rule::broker::BINDINGS_ARE_READ;

/// The bindings of a function: whether they have what the definition names, the comparison says, and whether they send to the
/// user pool, the pool does.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) address: String,
    pub(crate) place: String,
    pub(crate) app_clients: BTreeSet<String>,
    pub(crate) upstream: Upstream,
    pub(crate) named: Named,
}

impl<'a> Reader<'a> {
    /// Reads the bindings of a function, if the document makes them and they are known, and holds them against the keys.
    pub(super) fn check_bindings(&mut self, function: &Block<'a>, place: &str, keys: &Keys) -> Option<Bound> {
        let place = format!("{place}/bindings");
        let mut variables = function.blocks("environment").into_iter().map(|block| block.map("variables"));
        let reference = variables.find_map(|mut variables| variables.remove(NAME))?.parse().ok()?;
        let (address, text) = self.bound_to(&reference)?;
        let bindings = match Bindings::parse(text) {
            Ok(bindings) => bindings,
            Err(error) => {
                self.notes.add(BINDINGS_ARE_READ, address, &place, error.to_string());
                return None;
            }
        };
        self.check_bound_keys(&bindings, keys, address, &place);
        let named = Named::of(&bindings, &reference);
        let Bindings { upstream, app_clients, .. } = bindings;
        let app_clients = app_clients.into_keys().collect();
        Some(Bound { address: address.to_owned(), place, app_clients, upstream, named })
    }

    /// A key that its plan admits and the broker does not know is of no use, and one that is bound to another client asks in
    /// that client's name.
    fn check_bound_keys(&mut self, bindings: &Bindings, keys: &Keys, address: &str, place: &str) {
        let admitted: BTreeSet<&ApiKeyId> = keys.on_plans.iter().map(|on| &on.key_id).collect();
        for key in keys.keys.iter().filter(|key| admitted.contains(&key.id)) {
            let detail = match (bindings.keys.get(&key.id), &key.customer_id) {
                (None, _) => format!("the key `{}` is not in the bindings", key.name),
                (Some(bound), Some(owner)) if bound.as_str() != owner => {
                    format!("the key `{}` is {owner}'s, and {bound}'s in the bindings", key.name)
                }
                _ => continue,
            };
            self.notes.add(BINDINGS_ARE_READ, address, place, detail);
        }
    }

    /// The resource that holds what the reference names, and the text in it.
    fn bound_to(&self, reference: &Reference) -> Option<(&'a str, &'a str)> {
        let (holder, attributes): (_, &[&str]) = match reference {
            Reference::Parameter(name) => {
                (self.made(PARAMETER, &["name", "arn"], name)?, &["insecure_value", "value"])
            }
            Reference::Secret(name) => {
                let secret = self.made("aws_secretsmanager_secret", &["arn", "id", "name"], name)?;
                let id = secret.values.get("id")?.as_str()?;
                (self.made("aws_secretsmanager_secret_version", &["secret_id"], id)?, &["secret_string"])
            }
            Reference::File(_) => return None,
        };
        let text = |name: &&str| holder.values.get(*name)?.as_str().filter(|text| !text.is_empty());
        Some((&holder.address, attributes.iter().find_map(text)?))
    }

    fn made(&self, kind: &str, attributes: &[&str], value: &str) -> Option<&'a Instance> {
        let is_it = |made: &Instance, name: &str| {
            made.values.get(name).is_some_and(|known| known.as_str() == Some(value))
        };
        let mut all = self.graph.of_kind(kind).iter().copied();
        all.find(|made| attributes.iter().any(|name| is_it(made, name)))
    }
}

/// The variable of the environment that says where they lie.
const NAME: &str = "TOKEN_BROKER_BINDINGS";
