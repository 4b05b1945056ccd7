//! What a reference leads to: resources, out of a child module through its variables and into one through its outputs.
//!
//! A local value is the end of the way, because the configuration does not show what it is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::address::{ModulePath, Step, steps};
use super::block::{Block, references};
use super::document::Instance;
use super::graph::Graph;

/// What a reference leads to.
pub(super) enum Target<'a> {
    /// Instances of one resource, or an attribute of them.
    Made {
        /// More than one if the reference names no single one.
        instances: Vec<&'a Instance>,
        /// The attribute, if the reference names one.
        attribute: Option<String>,
    },
    /// A data source, or an attribute of it.
    LookedUp {
        /// Its kind.
        kind: String,
        /// The attribute, if the reference names one.
        attribute: Option<String>,
        /// As it is written.
        reference: String,
        /// What is read by it, as far as the document shows it.
        instances: Vec<&'a Instance>,
    },
    /// A local value, or something else that does not show what it is made of; as it is written.
    Opaque(String),
    /// A value that no resource is behind: a variable from outside, a key, a reference that stands there once more. As it
    /// is written.
    Given(String),
}

impl Target<'_> {
    /// With the attribute that `each.value` is followed by.
    fn with_attribute(self, name: Option<&str>) -> Self {
        match self {
            Self::Made { instances, attribute: None } => {
                Self::Made { instances, attribute: name.map(str::to_owned) }
            }
            other => other,
        }
    }

    /// As people know it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Made { instances, attribute } => {
                let address = instances.first().map_or("a resource that is not there", |made| &made.address);
                attribute.as_ref().map_or_else(|| address.to_owned(), |name| format!("{address}.{name}"))
            }
            Self::LookedUp { reference: text, .. } | Self::Opaque(text) | Self::Given(text) => text.clone(),
        }
    }

    /// Whether it is the attribute `name` of something that is made here.
    pub(super) fn is_attribute(&self, name: &str) -> bool {
        matches!(self, Self::Made { attribute: Some(attribute), .. } if attribute == name)
    }
}

/// Where a reference stands.
#[derive(Clone)]
struct Scope<'a> {
    module: ModulePath,
    /// The key of the instance that refers.
    key: Option<&'a str>,
    /// What `each.value` is taken from.
    for_each: Option<&'a Value>,
}

impl<'a> Graph<'a> {
    /// What `name` of `block` is made of.
    pub(super) fn targets(&self, block: &Block<'a>, name: &str) -> Vec<Target<'a>> {
        let Instance { module, index, .. } = block.instance;
        let for_each = self.written(block.instance).and_then(|written| written.get("for_each_expression"));
        let scope = Scope { module: module.clone(), key: index.as_deref(), for_each };
        self.budget.set(BUDGET);
        self.follow(&scope, &block.references(name))
    }

    /// What an output of the root module is made of.
    pub(super) fn targets_of_output(&self, name: &str) -> Vec<Target<'a>> {
        let scope = Scope { module: ModulePath::default(), key: None, for_each: None };
        self.budget.set(BUDGET);
        self.follow_output(&scope, name, name)
    }

    fn follow(&self, scope: &Scope<'a>, references: &[&str]) -> Vec<Target<'a>> {
        self.follow_by_key(scope, references, None)
    }

    /// `key` is the one by which resources are read that the references name as a whole; without it the references tell.
    fn follow_by_key(&self, scope: &Scope<'a>, references: &[&str], key: Option<&'a str>) -> Vec<Target<'a>> {
        let Some(left) = self.budget.get().checked_sub(1) else {
            return vec![Target::Opaque("what is too far away to be followed".into())];
        };
        self.budget.set(left);
        // Terraform lists `a.b.id` and then `a.b`, too: only the longest says which attribute. A set, because a list of
        // thousands of references must not cost the square of it.
        let all: BTreeSet<&str> = references.iter().copied().collect();
        let is_longest = |reference: &&str| {
            let longer = |mark: char| {
                let longer = format!("{reference}{mark}");
                all.range(longer.as_str()..).next().is_some_and(|next| next.starts_with(&longer))
            };
            !longer('.') && !longer('[')
        };
        let longest: BTreeSet<&str> = all.iter().copied().filter(is_longest).collect();
        let own_key = key.or_else(|| key_in(scope, &all));
        let mut targets: Vec<_> =
            longest.iter().flat_map(|reference| self.follow_one(scope, own_key, reference)).collect();
        let written = references.iter().copied().filter(|reference| longest.contains(reference));
        targets.extend(repeated(written, own_key.is_some()));
        targets
    }

    fn follow_one(&self, scope: &Scope<'a>, own_key: Option<&str>, reference: &str) -> Vec<Target<'a>> {
        let steps = steps(reference);
        let name = |index: usize| steps.get(index).map(|step| step.name.as_str()).unwrap_or_default();
        match name(0) {
            "var" => self.follow_variable(scope, name(1), reference),
            "module" => match (steps.get(1), steps.get(2)) {
                (Some(step), Some(output)) => {
                    self.follow_output(&self.inside(scope, step), &output.name, reference)
                }
                _ => vec![Target::Opaque(reference.to_owned())],
            },
            "data" => vec![self.looked_up(scope, &steps, reference)],
            "each" if name(1) == "value" => {
                let made_of = scope.for_each.map(references).unwrap_or_default();
                // What goes through all instances of a resource has its keys.
                let outer = Scope { for_each: None, ..scope.clone() };
                let through: BTreeSet<_> = made_of.iter().copied().chain(["each.key"]).collect();
                let key = key_in(&outer, &through);
                let attribute = steps.get(2).map(|step| step.name.as_str());
                if made_of.is_empty() {
                    return vec![Target::Given(reference.to_owned())];
                }
                let targets = self.follow_by_key(&outer, &made_of, key).into_iter();
                targets.map(|target| target.with_attribute(attribute)).collect()
            }
            // Where a key picks an instance, it is no part of the value.
            "each" | "count" if own_key.is_some() => Vec::new(),
            "each" | "count" | "path" | "terraform" | "self" => vec![Target::Given(reference.to_owned())],
            "local" => vec![Target::Opaque(reference.to_owned())],
            // What chooses by data is itself chosen by key.
            CHOOSER => vec![self.made(scope, scope.key, &steps)],
            _ => vec![self.made(scope, own_key, &steps)],
        }
    }

    /// The expression that the module's caller gives for the variable.
    fn follow_variable(&self, scope: &Scope<'a>, variable: &str, reference: &str) -> Vec<Target<'a>> {
        let given = || Target::Given(reference.to_owned());
        let Some((parent, own)) = scope.module.parent() else {
            let is_given = self.variables.contains_key(variable);
            return vec![if is_given { given() } else { Target::Opaque(reference.to_owned()) }];
        };
        let call =
            self.modules.get(&parent.names()).and_then(|module| module.get("module_calls")?.get(&own.name));
        let Some(expression) = call.and_then(|call| call.get("expressions")?.get(variable)) else {
            return vec![given()];
        };
        let key = self.key_of(&scope.module);
        let for_each = call.and_then(|call| call.get("for_each_expression"));
        let made_of = references(expression);
        if made_of.is_empty() {
            return vec![given()];
        }
        self.follow(&Scope { module: parent, key, for_each }, &made_of)
    }

    /// The index of a module instance, as some resource in it has it.
    fn key_of(&self, module: &ModulePath) -> Option<&'a str> {
        let depth = module.0.len().checked_sub(1)?;
        let instances = self.by_kind.values().flatten();
        let inside = instances.into_iter().find(|instance| instance.module.0.starts_with(&module.0))?;
        inside.module.0.get(depth)?.index.as_deref()
    }

    fn inside(&self, scope: &Scope<'a>, step: &Step) -> Scope<'a> {
        let module = scope.module.child(step.clone());
        Scope { key: self.key_of(&module), module, for_each: None }
    }

    fn follow_output(&self, scope: &Scope<'a>, output: &str, reference: &str) -> Vec<Target<'a>> {
        let module = self.modules.get(&scope.module.names());
        let output = module.and_then(|module| module.get("outputs")?.get(output)?.get("expression"));
        match output.map(references) {
            None => vec![Target::Opaque(reference.to_owned())],
            Some(made_of) if made_of.is_empty() => vec![Target::Given(reference.to_owned())],
            Some(made_of) => self.follow(scope, &made_of),
        }
    }

    fn looked_up(&self, scope: &Scope<'a>, steps: &[Step], reference: &str) -> Target<'a> {
        let name = |index: usize| steps.get(index).map(|step| step.name.as_str()).unwrap_or_default();
        let read = self.looked_up.get(&(&scope.module, name(1), name(2)));
        Target::LookedUp {
            kind: name(1).to_owned(),
            attribute: steps.get(3).map(|step| step.name.clone()),
            reference: reference.to_owned(),
            instances: read.cloned().unwrap_or_default(),
        }
    }

    fn made(&self, scope: &Scope<'a>, own_key: Option<&str>, steps: &[Step]) -> Target<'a> {
        let [kind, resource, rest @ ..] = steps else {
            return Target::Opaque(steps.first().map(|step| step.name.clone()).unwrap_or_default());
        };
        let all = self.by_name.get(&(&scope.module, kind.name.as_str(), resource.name.as_str()));
        let all = all.map(Vec::as_slice).unwrap_or_default();
        let wanted = resource.index.as_deref().or(own_key);
        let instances = match all.iter().find(|instance| instance.index.as_deref() == wanted) {
            Some(instance) => vec![*instance],
            // One that is named and not there is none of the others.
            None if resource.index.is_some() => Vec::new(),
            None => all.to_vec(),
        };
        Target::Made { instances, attribute: rest.first().map(|step| step.name.clone()) }
    }
}

/// The key by which `x[each.key]` is read, if nothing else in the expression could be the index: Terraform lists what
/// stands inside brackets beside what stands before them.
fn key_in<'a>(scope: &Scope<'a>, references: &BTreeSet<&str>) -> Option<&'a str> {
    let is_key = |reference: &&str| ["each.key", "count.index"].contains(reference);
    let chooses = |reference: &str| {
        ["each.value", "local.", "var.", "data.", CHOOSER].iter().any(|start| reference.starts_with(start))
    };
    let is_clear = references.iter().any(is_key) && !references.iter().any(|reference| chooses(reference));
    scope.key.filter(|_| is_clear)
}

/// What stands in an expression more than once, and keys that are not the index of what is named as a whole. `written` are
/// its longest references, in their order.
fn repeated<'a, 'r>(written: impl Iterator<Item = &'r str>, has_key: bool) -> Vec<Target<'a>> {
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for reference in written {
        *times.entry(reference).or_default() += 1;
    }
    let is_key = |reference: &str| ["each.key", "count.index"].contains(&reference);
    let sum = |is_meant: &dyn Fn(&str) -> bool| -> u32 {
        times.iter().filter(|(reference, _)| is_meant(reference)).map(|(_, times)| times).sum()
    };
    let is_index = has_key && sum(&is_key) <= sum(&|reference| is_whole(&steps(reference)));
    let is_more =
        |reference: &str, times: u32| if is_key(reference) { has_key && !is_index } else { times > 1 };
    let more = times.iter().filter(|(reference, times)| is_more(reference, **times));
    more.map(|(reference, _)| Target::Given((*reference).to_owned())).collect()
}

/// Whether the steps name all instances of something: what is read by a key stands so.
fn is_whole(steps: &[Step]) -> bool {
    let [first, .., last] = steps else { return false };
    match first.name.as_str() {
        "var" | "local" | "each" | "count" | "path" | "terraform" | "self" => false,
        "data" => steps.len() == 3 && last.index.is_none(),
        _ => steps.len() == 2 && last.index.is_none(),
    }
}

/// The resource that only keeps a value, which a plan shows.
pub(super) const CHOOSER: &str = "terraform_data";

/// How many variables and outputs are looked through for one question.
const BUDGET: u32 = 300;
