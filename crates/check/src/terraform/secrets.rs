//! Which texts of a document are secrets: what Terraform marks sensitive, and attributes that are known to be one.
//!
//! They are gathered from everything the document holds (what will be, what was, what is looked up, the variables) before
//! anything else is read, and then looked for where they must not be. What is said of a secret is where it comes from,
//! never its value.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use restapi::guardrails::{self, KnownSecrets};
use serde_json::{Map, Value};

use super::document::Instance;
use super::names;
use crate::Finding;

/// The secrets of a document.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Gathered>);

#[derive(Default)]
struct Gathered {
    known: KnownSecrets<Arc<str>>,
    /// Every marked value as a text, however short; whether its name says that it is harmless.
    marked: HashMap<String, bool>,
    /// What is marked of each resource, by address.
    marks: HashMap<String, Value>,
}

impl Secrets {
    /// The secrets of what `terraform show -json` printed.
    pub(super) fn of(document: &Map<String, Value>) -> Self {
        let mut gathering = Gathering::default();
        // Of what is said of one secret the first counts: where it comes from, and not where it is handed on to.
        gathering.add_variables(document);
        for state in ["planned_values", "values"] {
            gathering.add_state(document.get(state), true);
        }
        gathering.add_state(document.get("prior_state").and_then(|state| state.get("values")), false);
        for change in document.get("resource_changes").and_then(Value::as_array).into_iter().flatten() {
            gathering.add_change(change);
        }
        let Gathering { found, handed_on, marked, marks } = gathering;
        let known = KnownSecrets::new(found.into_iter().chain(handed_on));
        Self(Arc::new(Gathered { known, marked, marks }))
    }

    /// What is known of a secret that stands in `text`.
    pub(super) fn known_in(&self, text: &str) -> Option<String> {
        self.0.known.find(text).map(ToString::to_string)
    }

    /// The same, or else what it looks like.
    pub(super) fn kind_in(&self, text: &str) -> Option<String> {
        self.known_in(text).or_else(|| guardrails::secret_kind(text).map(Into::into))
    }

    /// The same for everything inside `value`.
    pub(super) fn kind_inside(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => self.kind_in(text),
            Value::Array(list) => list.iter().find_map(|value| self.kind_inside(value)),
            Value::Object(object) => object.values().find_map(|value| self.kind_inside(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    /// Whether `text`, called `name`, must not be shown: it holds a secret, or Terraform would not show it.
    pub(crate) fn hide(&self, name: &str, text: &str) -> bool {
        self.0.marked.contains_key(text)
            || self.kind_in(text).is_some()
            || guardrails::secret_kind(&format!("{name}={text}")).is_some()
    }

    /// `place` without the names that hold secrets.
    pub(crate) fn without_secrets(&self, place: &str) -> String {
        let is_secret = |name: &str| self.0.marked.get(name) == Some(&false) || self.kind_in(name).is_some();
        let name = |name| if is_secret(name) { "(not shown)" } else { name };
        place.split('/').map(name).collect::<Vec<_>>().join("/")
    }

    /// Takes what nobody may see out of a finding: objects are called by names, and a name may be a secret.
    pub(crate) fn keep_back(&self, finding: &mut Finding) {
        finding.origin.place = self.without_secrets(&finding.origin.place);
        if self.0.known.find(&finding.detail).is_some() {
            finding.detail = "what is there holds a secret, and is not shown".into();
        }
    }

    /// What kind of secret `text` is or holds, which stands at `path` in the resource `address`.
    pub(super) fn kind_at(&self, address: &str, path: &[&str], text: &str) -> Option<String> {
        if !self.is_marked(address, path, text) {
            return self.kind_in(text);
        }
        // That it stands here says nothing.
        let here = format!(" of {address}");
        let from_elsewhere = self.0.known.find(text).filter(|said| !said.ends_with(&here));
        Some(from_elsewhere.map_or("a value that Terraform marks sensitive", AsRef::as_ref).to_owned())
    }

    /// Whether an attribute as a whole is a secret.
    pub(super) fn is_secret(&self, instance: &Instance, attribute: &str) -> bool {
        let marks = self.0.marks.get(&instance.address).unwrap_or(&Value::Null);
        ATTRIBUTES.contains(&(&instance.kind, attribute))
            || *part(marks, attribute) == Value::Bool(true)
                && !is_open(&instance.kind, attribute, &instance.values)
    }

    /// Whether Terraform marks what is at `path` in a resource: `text`. Where it marks all of a whole, the name may tell
    /// that this is no secret, as the text may.
    fn is_marked(&self, address: &str, path: &[&str], text: &str) -> bool {
        let is_harmless = path.last().is_some_and(|name| names::is_harmless(name));
        let Some(mut marks) = self.0.marks.get(address) else { return false };
        for name in path {
            if *marks == Value::Bool(true) {
                return !is_harmless && names::is_secret_text(text);
            }
            let element = name.parse().ok().and_then(|index: usize| marks.get(index));
            let Some(marks_of_part) = marks.get(name).or(element) else { return false };
            marks = marks_of_part;
        }
        *marks == Value::Bool(true) && names::is_secret_text(text)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({:?})", self.0.known)
    }
}

/// What has been found so far.
#[derive(Default)]
struct Gathering {
    found: Vec<(String, Arc<str>)>,
    /// What is secret in a resource only because it is made of a secret.
    handed_on: Vec<(String, Arc<str>)>,
    marked: HashMap<String, bool>,
    marks: HashMap<String, Value>,
}

impl Gathering {
    /// `is_result`: it is what the document is about, and not what was before.
    fn add_state(&mut self, state: Option<&Value>, is_result: bool) {
        let mut modules: Vec<&Value> = state.and_then(|state| state.get("root_module")).into_iter().collect();
        while let Some(module) = modules.pop() {
            for resource in list(module, "resources") {
                let text = |name| resource.get(name).and_then(Value::as_str).unwrap_or_default();
                let marks = resource.get("sensitive_values").unwrap_or(&Value::Null);
                self.add_resource((text("type"), text("address")), resource.get("values"), marks);
                if is_result {
                    self.marks.insert(text("address").to_owned(), marks.clone());
                }
            }
            modules.extend(list(module, "child_modules"));
        }
    }

    fn add_change(&mut self, resource: &Value) {
        let text = |name| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(change) = resource.get("change") else { return };
        for (values, marks) in [("before", "before_sensitive"), ("after", "after_sensitive")] {
            let marks = change.get(marks).unwrap_or(&Value::Null);
            self.add_resource((text("type"), text("address")), change.get(values), marks);
            if values == "after" {
                unite(self.marks.entry(text("address").to_owned()).or_default(), marks);
            }
        }
    }

    fn add_resource(&mut self, (kind, address): (&str, &str), values: Option<&Value>, marks: &Value) {
        let Some(values) = values.and_then(Value::as_object) else { return };
        for (name, value) in values {
            let always = ATTRIBUTES.contains(&(kind, name));
            if is_open(kind, name, values) {
                continue;
            }
            let said: Arc<str> = format!("`{name}` of {address}").into();
            if always {
                self.add_marked(name, value, &Value::Bool(true), &said);
            } else {
                let found = std::mem::take(&mut self.found);
                self.add_marked(name, value, part(marks, name), &said);
                self.handed_on.extend(std::mem::replace(&mut self.found, found));
            }
        }
    }

    /// The values of the variables that are declared sensitive.
    fn add_variables(&mut self, document: &Map<String, Value>) {
        let configuration = document.get("configuration").and_then(|all| all.get("root_module"));
        let declared = configuration.and_then(|root| root.get("variables")).and_then(Value::as_object);
        let is_sensitive = |variable: &Value| variable.get("sensitive") == Some(&Value::Bool(true));
        for (name, variable) in declared.into_iter().flatten().filter(|(_, variable)| is_sensitive(variable))
        {
            let given = document.get("variables").and_then(|all| all.get(name)?.get("value"));
            let said: Arc<str> = format!("the value of var.{name}, which is sensitive").into();
            for value in [given, variable.get("default")].into_iter().flatten() {
                self.add_marked(name, value, &Value::Bool(true), &said);
            }
        }
    }

    /// The marked parts of `value`. Where a whole object is marked, its names tell what in it is none: `username`.
    fn add_marked(&mut self, name: &str, value: &Value, marks: &Value, said: &Arc<str>) {
        if *marks == Value::Bool(true) {
            return self.add_secret(name, value, said, false);
        }
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(name, value)| self.add_marked(name, value, part(marks, name), said));
            }
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    self.add_marked("", value, marks.get(index).unwrap_or(&Value::Null), said);
                }
            }
            _ => {}
        }
    }

    fn add_secret(&mut self, name: &str, value: &Value, said: &Arc<str>, is_part: bool) {
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(name, value)| self.add_secret(name, value, said, true));
            }
            Value::Array(list) => list.iter().for_each(|value| self.add_secret("", value, said, true)),
            Value::String(text) => {
                let is_harmless = names::is_reference(text) || is_part && names::is_harmless(name);
                *self.marked.entry(text.clone()).or_insert(is_harmless) &= is_harmless;
                if is_harmless {
                    return;
                }
                self.found.push((text.clone(), Arc::clone(said)));
                // The secrets of several things in one text, each of which leads somewhere.
                if let Ok(parts @ Value::Object(_)) = serde_json::from_str(text) {
                    self.add_secret(name, &parts, said, true);
                }
            }
            Value::Number(number) => _ = self.marked.insert(number.to_string(), true),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// What is marked of the member `name`, where all of it may be.
fn part<'a>(marks: &'a Value, name: &str) -> &'a Value {
    if *marks == Value::Bool(true) { marks } else { marks.get(name).unwrap_or(&Value::Null) }
}

/// The provider marks it whatever the parameter is for, which mostly is an address or a name.
fn is_open(kind: &str, attribute: &str, values: &Map<String, Value>) -> bool {
    let is_kept = || values.get("type").is_some_and(|kind| kind == "SecureString");
    kind == "aws_ssm_parameter" && attribute == "value" && !is_kept()
}

/// Marks what `others` mark, too.
fn unite(marks: &mut Value, others: &Value) {
    match (&mut *marks, others) {
        (Value::Bool(true), _) | (_, Value::Null | Value::Bool(false)) => {}
        (Value::Object(own), Value::Object(others)) => {
            for (name, other) in others {
                unite(own.entry(name.clone()).or_insert(Value::Null), other);
            }
        }
        (Value::Array(own), Value::Array(others)) => {
            own.resize(own.len().max(others.len()), Value::Null);
            own.iter_mut().zip(others).for_each(|(own, other)| unite(own, other));
        }
        (_, others) => *marks = others.clone(),
    }
}

/// Attributes that are secrets, by the kind of their resource, in documents that mark them and in others.
pub(super) const ATTRIBUTES: [(&str, &str); 13] = [
    ("aws_api_gateway_api_key", "value"),
    ("aws_api_gateway_usage_plan_key", "value"),
    ("aws_cognito_user_pool_client", "client_secret"),
    ("aws_cognito_managed_user_pool_client", "client_secret"),
    ("aws_iam_access_key", "secret"),
    ("aws_iam_access_key", "ses_smtp_password_v4"),
    ("aws_secretsmanager_secret_version", "secret_binary"),
    ("aws_secretsmanager_secret_version", "secret_string"),
    ("random_bytes", "base64"),
    ("random_bytes", "hex"),
    ("random_password", "result"),
    ("tls_private_key", "private_key_openssh"),
    ("tls_private_key", "private_key_pem"),
];
