//! The text, taken apart: resources, outputs, variables and configuration, whether of a plan or of a state.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::address::ModulePath;
use super::secrets::Secrets;

/// A plan or a state. Its values may be secrets: it does not show them.
pub struct Document {
    /// Resources that Terraform makes, as they will be after apply, or are.
    pub(super) instances: Vec<Instance>,
    /// What must not be shown, nor stand in texts.
    pub(super) secrets: Secrets,
    /// What Terraform looks up: data sources, as far as they are read.
    pub(super) looked_up: Vec<Instance>,
    /// Outputs of the root module.
    pub(super) outputs: Map<String, Value>,
    /// Values of the root module's variables; a state has none.
    pub(super) variables: Map<String, Value>,
    /// The root module as it is written; a state has none.
    pub(super) configuration: Value,
    /// How providers are configured, by their keys; a state has none.
    pub(super) providers: Value,
    /// Whether everything was planned.
    pub(super) is_complete: bool,
    /// Kind and address of what the plan takes away.
    pub(super) deleted: Vec<(String, String)>,
    /// What a plan is for that has no resources in it.
    pub(super) empty_plan: Option<EmptyPlan>,
}

/// Why there are no resources in a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EmptyPlan {
    /// It takes everything away.
    Destroy,
    /// It only looks at what is there.
    Refresh,
}

/// A resource, one instance of it.
pub(super) struct Instance {
    pub(super) address: String,
    pub(super) module: ModulePath,
    pub(super) kind: String,
    pub(super) name: String,
    /// Its key of `for_each` or number of `count`.
    pub(super) index: Option<String>,
    pub(super) values: Map<String, Value>,
    /// For a plan: which of the values are known only after apply.
    pub(super) unknown: Value,
    /// Whether it is of a plan, where a value that is missing is not known.
    pub(super) is_planned: bool,
    /// What the plan does with it; nothing for a state.
    pub(super) actions: Vec<String>,
    /// The attributes that the plan changes.
    pub(super) changed: Vec<String>,
}

/// A text that is neither a plan nor a state.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DocumentError {
    /// No JSON.
    #[error("not JSON (line {line}, column {column}); give what `terraform show -json FILE` prints")]
    NotJson {
        /// Where it stops to be JSON.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// The plan file itself.
    #[error("this is the plan file itself; give what `terraform show -json FILE` prints of it")]
    BinaryPlan,
    /// What Terraform logs while it plans.
    #[error(
        "these are log lines of `terraform plan -json`; save the plan by `-out FILE` and give what \
         `terraform show -json FILE` prints"
    )]
    LogLines,
    /// A state as it is stored.
    #[error("this is a state as Terraform stores it; give what `terraform show -json` prints of it")]
    StoredState,
    /// JSON of something else.
    #[error("JSON, but not of Terraform; give what `terraform show -json FILE` prints")]
    NotTerraform,
    /// Of a Terraform that means something else by the same names.
    #[error("the format version is `{0}`, and only 1.x is known here")]
    UnknownVersion(String),
    /// A plan that was not finished.
    #[error("planning failed, so that the plan shows a part only; mend what `terraform plan` says first")]
    Errored,
}

impl Document {
    /// Takes the output of `terraform show -json` apart.
    ///
    /// ```
    /// use check::terraform::{Document, DocumentError};
    /// assert!(Document::parse(r#"{"format_version":"1.0"}"#).is_ok());
    /// assert_eq!(Document::parse("{}").unwrap_err(), DocumentError::NotTerraform);
    /// ```
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let text = text.trim_start_matches('\u{feff}');
        if text.starts_with("PK\u{3}\u{4}") {
            return Err(DocumentError::BinaryPlan);
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(document)) => Self::of(document),
            Ok(_) => Err(DocumentError::NotTerraform),
            Err(_) if begins_with_log_line(text) => Err(DocumentError::LogLines),
            Err(error) => Err(DocumentError::NotJson { line: error.line(), column: error.column() }),
        }
    }

    fn of(mut document: Map<String, Value>) -> Result<Self, DocumentError> {
        check_format(&document)?;
        let secrets = Secrets::of(&document);
        let is_planned = document.contains_key("planned_values");
        let mut values = match document.remove("planned_values").or_else(|| document.remove("values")) {
            Some(Value::Object(values)) => values,
            _ => Map::new(),
        };
        let mut changes = Changes::of(document.remove("resource_changes"));
        let (is_changing, prior) = (!changes.0.is_empty(), prior_resources(&mut document));
        let mut resources = Resources::default();
        if let Some(root) = values.remove("root_module") {
            resources.add(root, &mut |instance| changes.add_to(instance, is_planned));
        }
        let (instances, deleted) = (resources.made, changes.deleted());
        let empty_plan = if !is_planned || !instances.is_empty() {
            None
        } else if !deleted.is_empty() {
            Some(EmptyPlan::Destroy)
        } else {
            (!is_changing && !prior.made.is_empty()).then_some(EmptyPlan::Refresh)
        };
        let mut configuration = document.remove("configuration").unwrap_or_default();
        Ok(Self {
            instances,
            secrets,
            looked_up: resources.looked_up.into_iter().chain(prior.looked_up).collect(),
            outputs: object(values.remove("outputs")),
            variables: object(document.remove("variables")),
            configuration: configuration.get_mut("root_module").map(Value::take).unwrap_or_default(),
            providers: configuration.get_mut("provider_config").map(Value::take).unwrap_or_default(),
            is_complete: document.get("complete") != Some(&Value::Bool(false)),
            deleted,
            empty_plan,
        })
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} resources)", self.instances.len())
    }
}

fn check_format(document: &Map<String, Value>) -> Result<(), DocumentError> {
    match document.get("format_version").and_then(Value::as_str) {
        Some(version) if version.split('.').next() != Some("1") => {
            Err(DocumentError::UnknownVersion(version.chars().take(20).collect()))
        }
        Some(_) if document.get("errored") == Some(&Value::Bool(true)) => Err(DocumentError::Errored),
        Some(_) => Ok(()),
        None if document.contains_key("@level") => Err(DocumentError::LogLines),
        None if document.contains_key("lineage") => Err(DocumentError::StoredState),
        None => Err(DocumentError::NotTerraform),
    }
}

/// Log lines are one JSON object each.
fn begins_with_log_line(text: &str) -> bool {
    let first = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
    first.is_some_and(|line| line.get("@level").is_some())
}

/// What a plan does with each resource, by address.
struct Changes(HashMap<String, Change>);

struct Change {
    kind: String,
    unknown: Value,
    actions: Vec<String>,
    changed: Vec<String>,
}

impl Changes {
    fn of(changes: Option<Value>) -> Self {
        let Some(Value::Array(changes)) = changes else { return Self(HashMap::new()) };
        let entry = |mut change: Value| {
            let address = change.get("address")?.as_str()?.to_owned();
            let kind = change.get("type")?.as_str()?.to_owned();
            let change = change.get_mut("change")?;
            let actions = change.get("actions").and_then(Value::as_array).cloned().unwrap_or_default();
            let actions = actions.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let attributes = attributes_changed(change);
            let unknown = change.get_mut("after_unknown").map(Value::take).unwrap_or_default();
            Some((address, Change { kind, unknown, actions, changed: attributes }))
        };
        Self(changes.into_iter().filter_map(entry).collect())
    }

    fn add_to(&mut self, instance: &mut Instance, is_planned: bool) {
        instance.is_planned = is_planned;
        if let Some(Change { unknown, actions, changed, .. }) = self.0.remove(&instance.address) {
            (instance.unknown, instance.actions, instance.changed) = (unknown, actions, changed);
        }
    }

    /// What is taken away and has no instance that takes its place.
    fn deleted(self) -> Vec<(String, String)> {
        let is_deleted = |change: &Change| change.actions.iter().any(|action| action == "delete");
        let deleted = self.0.into_iter().filter(|(_, change)| is_deleted(change));
        let mut deleted: Vec<_> = deleted.map(|(address, change)| (change.kind, address)).collect();
        deleted.sort();
        deleted
    }
}

/// The attributes of what is there already whose values the plan changes. Nothing, an empty text and an empty list are the
/// same: the provider writes one for the other.
fn attributes_changed(change: &Value) -> Vec<String> {
    let part = |name: &str| change.get(name).and_then(Value::as_object);
    let (Some(before), Some(after)) = (part("before"), part("after")) else { return Vec::new() };
    let is_nothing =
        |value: &Value| value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty);
    let is_unknown = |name: &String| {
        change.pointer("/after_unknown").and_then(|unknown| unknown.get(name)).is_some_and(|is| is == true)
    };
    let differs = |name: &&String| {
        let values = (before.get(*name).unwrap_or(&Value::Null), after.get(*name).unwrap_or(&Value::Null));
        is_unknown(name) || values.0 != values.1 && !(is_nothing(values.0) && is_nothing(values.1))
    };
    before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(*name)))
        .filter(differs)
        .cloned()
        .collect()
}

/// What stood there before the plan.
fn prior_resources(document: &mut Map<String, Value>) -> Resources {
    let mut resources = Resources::default();
    let root = document.get_mut("prior_state").and_then(|prior| prior.pointer_mut("/values/root_module"));
    if let Some(root) = root {
        resources.add(root.take(), &mut |_| {});
    }
    resources
}

/// What Terraform makes, and what it looks up.
#[derive(Default)]
struct Resources {
    made: Vec<Instance>,
    looked_up: Vec<Instance>,
}

impl Resources {
    /// Adds what is in a module and in all modules below it. Depth is bounded by what the JSON parser takes.
    fn add(&mut self, mut module: Value, finish: &mut impl FnMut(&mut Instance)) {
        let path = module.get("address").and_then(Value::as_str).map(ModulePath::of).unwrap_or_default();
        if let Some(Value::Array(resources)) = module.get_mut("resources").map(Value::take) {
            for resource in resources {
                let is_data = resource.get("mode").and_then(Value::as_str) == Some("data");
                let Some(mut instance) = instance(resource, &path) else { continue };
                if is_data {
                    self.looked_up.push(instance);
                } else {
                    finish(&mut instance);
                    self.made.push(instance);
                }
            }
        }
        if let Some(Value::Array(children)) = module.get_mut("child_modules").map(Value::take) {
            for child in children {
                self.add(child, finish);
            }
        }
    }
}

fn instance(mut resource: Value, module: &ModulePath) -> Option<Instance> {
    let text = |name| resource.get(name).and_then(Value::as_str).map(str::to_owned);
    let (address, kind, name) = (text("address")?, text("type")?, text("name").unwrap_or_default());
    let index = match resource.get("index") {
        Some(Value::String(key)) => Some(key.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    Some(Instance {
        address,
        module: module.clone(),
        kind,
        name,
        index,
        values: object(resource.get_mut("values").map(Value::take)),
        unknown: Value::Null,
        is_planned: false,
        actions: Vec::new(),
        changed: Vec::new(),
    })
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
