//! What a reference leads to: resources, out of a child module through its variables and into one through its outputs.
//!
//! A local value is the end of the way, because the configuration does not show what it is made of.

use std::collections::BTreeSet;

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
    },
    /// A local value, or something else that does not show what it is made of.
    Opaque,
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
        self.follow_output(&scope, name)
    }

    fn follow(&self, scope: &Scope<'a>, references: &[&str]) -> Vec<Target<'a>> {
        let Some(left) = self.budget.get().checked_sub(1) else { return vec![Target::Opaque] };
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
        let own_key = own_key(scope, &all);
        let longest = all.iter().filter(|reference| is_longest(reference));
        longest.flat_map(|reference| self.follow_one(scope, own_key, reference)).collect()
    }

    fn follow_one(&self, scope: &Scope<'a>, own_key: Option<&str>, reference: &str) -> Vec<Target<'a>> {
        let steps = steps(reference);
        let name = |index: usize| steps.get(index).map(|step| step.name.as_str()).unwrap_or_default();
        match name(0) {
            "var" => self.follow_variable(scope, name(1)),
            "module" => match (steps.get(1), steps.get(2)) {
                (Some(step), Some(output)) => self.follow_output(&self.inside(scope, step), &output.name),
                _ => vec![Target::Opaque],
            },
            "data" => vec![Target::LookedUp {
                kind: name(1).to_owned(),
                attribute: steps.get(3).map(|step| step.name.clone()),
            }],
            "each" if name(1) == "value" => {
                let made_of = scope.for_each.map(references).unwrap_or_default();
                // What goes through all instances of a resource has its keys.
                let outer = Scope { for_each: None, ..scope.clone() };
                let through: Vec<_> = made_of.iter().copied().chain(["each.key"]).collect();
                let attribute = steps.get(2).map(|step| step.name.as_str());
                let targets = self.follow(&outer, &through).into_iter();
                targets.map(|target| target.with_attribute(attribute)).collect()
            }
            "each" | "count" | "path" | "terraform" | "self" => Vec::new(),
            "local" => vec![Target::Opaque],
            // What chooses by data is itself chosen by key.
            CHOOSER => vec![self.made(scope, scope.key, &steps)],
            _ => vec![self.made(scope, own_key, &steps)],
        }
    }

    /// The expression that the module's caller gives for the variable.
    fn follow_variable(&self, scope: &Scope<'a>, variable: &str) -> Vec<Target<'a>> {
        let Some((parent, own)) = scope.module.parent() else {
            // A value from outside: no resource is behind it.
            return if self.variables.contains_key(variable) { Vec::new() } else { vec![Target::Opaque] };
        };
        let call =
            self.modules.get(&parent.names()).and_then(|module| module.get("module_calls")?.get(&own.name));
        let Some(expression) = call.and_then(|call| call.get("expressions")?.get(variable)) else {
            return Vec::new();
        };
        let key = self.key_of(&scope.module);
        let for_each = call.and_then(|call| call.get("for_each_expression"));
        self.follow(&Scope { module: parent, key, for_each }, &references(expression))
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

    fn follow_output(&self, scope: &Scope<'a>, output: &str) -> Vec<Target<'a>> {
        let module = self.modules.get(&scope.module.names());
        let output = module.and_then(|module| module.get("outputs")?.get(output)?.get("expression"));
        output.map_or_else(|| vec![Target::Opaque], |expression| self.follow(scope, &references(expression)))
    }

    fn made(&self, scope: &Scope<'a>, own_key: Option<&str>, steps: &[Step]) -> Target<'a> {
        let [kind, resource, rest @ ..] = steps else { return Target::Opaque };
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
fn own_key<'a>(scope: &Scope<'a>, references: &BTreeSet<&str>) -> Option<&'a str> {
    let is_key = |reference: &&str| ["each.key", "count.index"].contains(reference);
    let chooses = |reference: &str| {
        ["each.value", "local.", "var.", "data.", CHOOSER].iter().any(|start| reference.starts_with(start))
    };
    let is_clear = references.iter().any(is_key) && !references.iter().any(|reference| chooses(reference));
    scope.key.filter(|_| is_clear)
}

/// The resource that only keeps a value, which a plan shows.
pub(super) const CHOOSER: &str = "terraform_data";

/// How many variables and outputs are looked through for one question.
const BUDGET: u32 = 300;
