//! How resources hang together: by ids where they are known, else by what the configuration refers to.
//!
//! What a link's references lead to is found in [`super::follow`]; here it is decided what that says about the link.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::address::ModulePath;
use super::block::{Block, Seen};
use super::document::{Document, Instance};
use super::follow::{CHOOSER, Target};

/// Resources by kind, and the configuration by module.
pub(super) struct Graph<'a> {
    pub(super) by_kind: BTreeMap<&'a str, Vec<&'a Instance>>,
    by_id: HashMap<(&'a str, &'a str), &'a Instance>,
    /// All instances of one resource: module, kind, name.
    pub(super) by_name: HashMap<(&'a ModulePath, &'a str, &'a str), Vec<&'a Instance>>,
    /// What is looked up, as `by_name`.
    pub(super) looked_up: HashMap<(&'a ModulePath, &'a str, &'a str), Vec<&'a Instance>>,
    /// Modules as they are written, by their names from the root.
    pub(super) modules: BTreeMap<String, &'a Value>,
    /// Resources as they are written, by module and address in it.
    resources: BTreeMap<(String, &'a str), &'a Value>,
    pub(super) variables: &'a serde_json::Map<String, Value>,
    /// How many references may still be followed for the question at hand: references can lead in circles.
    pub(super) budget: Cell<u32>,
}

/// Where a link leads.
pub(super) enum Link<'a> {
    /// To a resource of the document.
    To(&'a Instance),
    /// To something that is not made here.
    Outside,
    /// Nobody can tell.
    Unseen,
}

impl<'a> Link<'a> {
    pub(super) fn found(self) -> Option<&'a Instance> {
        match self {
            Self::To(instance) => Some(instance),
            Self::Outside | Self::Unseen => None,
        }
    }

    pub(super) fn is_to(&self, instance: &Instance) -> bool {
        matches!(self, Self::To(found) if std::ptr::eq(*found, instance))
    }
}

impl<'a> Graph<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for instance in &document.instances {
            let Instance { module, kind, name, values, .. } = instance;
            by_kind.entry(kind).or_default().push(instance);
            by_name.entry((module, kind.as_str(), name.as_str())).or_default().push(instance);
            if let Some(id) = values.get("id").and_then(Value::as_str) {
                by_id.entry((kind.as_str(), id)).or_insert(instance);
            }
        }
        let mut looked_up: HashMap<_, Vec<_>> = HashMap::new();
        for instance in &document.looked_up {
            let Instance { module, kind, name, .. } = instance;
            looked_up.entry((module, kind.as_str(), name.as_str())).or_default().push(instance);
        }
        let (mut modules, mut resources) = (BTreeMap::new(), BTreeMap::new());
        index(&document.configuration, String::new(), &mut modules, &mut resources);
        Self {
            by_kind,
            by_id,
            by_name,
            looked_up,
            modules,
            resources,
            variables: &document.variables,
            budget: Cell::new(0),
        }
    }

    /// The resources of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> &[&'a Instance] {
        self.by_kind.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// The attributes of a resource.
    pub(super) fn block(&self, instance: &'a Instance) -> Block<'a> {
        Block::whole(instance, self.written(instance))
    }

    /// The resource as it is written.
    pub(super) fn written(&self, instance: &Instance) -> Option<&'a Value> {
        let address = format!("{}.{}", instance.kind, instance.name);
        self.resources.get(&(instance.module.names(), address.as_str())).copied()
    }

    /// The resource of the kind `kind` that `name` of `block` is the id of.
    pub(super) fn link(&self, block: &Block<'a>, name: &str, kind: &str) -> Link<'a> {
        self.link_by(block, name, kind, "id")
    }

    /// The resource of the kind `kind` whose attribute `attribute` is what `name` of `block` says.
    pub(super) fn link_by(&self, block: &Block<'a>, name: &str, kind: &str, attribute: &str) -> Link<'a> {
        self.link_within(block, name, (kind, attribute), MAX_FORWARDS)
    }

    fn link_within(&self, block: &Block<'a>, name: &str, of: (&str, &str), forwards: u8) -> Link<'a> {
        let (kind, attribute) = of;
        let Seen::Known(value) = block.text(name) else {
            return self.link_by_references(block, name, of, forwards);
        };
        let has_value =
            |instance: &&&Instance| instance.values.get(attribute).and_then(Value::as_str) == Some(value);
        let found = match attribute {
            "id" => self.by_id.get(&(kind, value)),
            _ => self.of_kind(kind).iter().find(has_value),
        };
        found.map_or(Link::Outside, |instance| Link::To(instance))
    }

    fn link_by_references(&self, block: &Block<'a>, name: &str, of: (&str, &str), forwards: u8) -> Link<'a> {
        let (kind, _) = of;
        let targets = self.targets(block, name);
        let mut candidates: Vec<&Instance> = Vec::new();
        // What is given from outside has no resource behind it.
        let mut is_opaque = targets.iter().all(|target| matches!(target, Target::Given(_)));
        let mut is_looked_up = false;
        for target in &targets {
            match target {
                Target::Made { instances, attribute } => {
                    candidates.extend(instances.iter().filter(|instance| instance.kind == kind));
                    candidates.extend(self.forwarded(instances, attribute.as_deref(), of, forwards));
                }
                Target::LookedUp { kind: of, .. } => is_looked_up |= of == kind,
                Target::Opaque(_) => is_opaque = true,
                Target::Given(_) => {}
            }
        }
        candidates.dedup_by(|a, b| std::ptr::eq(*a, *b));
        match candidates.as_slice() {
            [instance] => Link::To(instance),
            [] if is_looked_up => Link::Outside,
            [] if is_opaque => self.only_one(block.instance, kind),
            [] => Link::Unseen,
            several => chosen(several, &targets).map_or(Link::Unseen, Link::To),
        }
    }

    /// What another resource's link leads to: `aws_api_gateway_method.post.rest_api_id` is as good as the API's own id.
    fn forwarded(
        &self,
        instances: &[&'a Instance],
        attribute: Option<&str>,
        of: (&str, &str),
        forwards: u8,
    ) -> Option<&'a Instance> {
        let ([one], Some(attribute)) = (instances, attribute) else { return None };
        let block = self.block(one);
        let is_written = block.text(attribute).known().is_some() || !block.references(attribute).is_empty();
        if one.kind == of.0 || !is_written {
            return None;
        }
        self.link_within(&block, attribute, of, forwards.checked_sub(1)?).found()
    }

    /// The only resource of a kind, in the module of `near` if there is one.
    fn only_one(&self, near: &Instance, kind: &str) -> Link<'a> {
        let all = self.of_kind(kind);
        let mut here = all.iter().filter(|instance| instance.module == near.module);
        match (here.next(), here.next(), all) {
            (Some(instance), None, _) | (None, None, [instance]) => Link::To(instance),
            _ => Link::Unseen,
        }
    }
}

/// The one of `candidates` whose key a `terraform_data` on the way names by its input, which a plan shows.
fn chosen<'a>(candidates: &[&'a Instance], targets: &[Target<'a>]) -> Option<&'a Instance> {
    let inputs = targets.iter().filter_map(|target| match target {
        Target::Made { instances, .. } => match instances.as_slice() {
            [one] if one.kind == CHOOSER => one.values.get("input")?.as_str(),
            _ => None,
        },
        Target::LookedUp { .. } | Target::Opaque(_) | Target::Given(_) => None,
    });
    let inputs: Vec<_> = inputs.collect();
    let [input] = inputs.as_slice() else { return None };
    let mut named = candidates.iter().filter(|instance| instance.index.as_deref() == Some(input));
    match (named.next(), named.next()) {
        (Some(instance), None) => Some(instance),
        _ => None,
    }
}

/// Every module and resource below `module`, as they are written.
fn index<'a>(
    module: &'a Value,
    names: String,
    modules: &mut BTreeMap<String, &'a Value>,
    resources: &mut BTreeMap<(String, &'a str), &'a Value>,
) {
    for resource in module.get("resources").and_then(Value::as_array).into_iter().flatten() {
        if let Some(address) = resource.get("address").and_then(Value::as_str) {
            resources.insert((names.clone(), address), resource);
        }
    }
    for (name, call) in module.get("module_calls").and_then(Value::as_object).into_iter().flatten() {
        if let Some(child) = call.get("module") {
            index(child, format!("{names}{name}/"), modules, resources);
        }
    }
    modules.insert(names, module);
}

/// How many resources may hand on a link.
const MAX_FORWARDS: u8 = 3;
