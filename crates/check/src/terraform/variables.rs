//! Secrets that are written where everybody reads them: variables of the root module, and literals of the configuration.

use serde_json::Value;

use super::document::Document;
use super::findings::Notes;
use super::names;
use super::secrets::Secrets;
use crate::rule::NO_SECRET_IN_VARIABLE;

/// Finds variables that hold a secret and are not sensitive, and secrets that stand in the configuration.
pub(super) fn check(document: &Document, notes: &mut Notes) {
    for (name, variable) in members(&document.configuration, "variables") {
        let default = variable.get("default");
        let detail = if variable.get("sensitive") == Some(&Value::Bool(true)) {
            // What is sensitive is a secret by whatever name.
            let is_secret = default.is_some_and(|default| names::secret_of_any_name(default).is_some());
            is_secret.then(|| "the variable is sensitive, and its default stands in the configuration".into())
        } else {
            let given = document.variables.get(name).and_then(|given| given.get("value"));
            let values = [given, default].into_iter().flatten();
            let kind = values.into_iter().find_map(|value| kind_in(name, value, &document.secrets));
            kind.map(|kind| format!("the variable holds {kind}"))
        };
        if let Some(detail) = detail {
            notes.add(NO_SECRET_IN_VARIABLE, &format!("var.{name}"), "", detail);
        }
    }
    check_calls(&document.configuration, "", &document.secrets, notes);
}

/// Finds secrets among what modules are given literally, and among the defaults of their variables.
fn check_calls(module: &Value, outer: &str, secrets: &Secrets, notes: &mut Notes) {
    for (name, call) in members(module, "module_calls") {
        let address = format!("{outer}module.{name}");
        for (name, expression) in members(call, "expressions") {
            let literal = expression.get("constant_value");
            if let Some(kind) = literal.and_then(|literal| kind_in(name, literal, secrets)) {
                let detail =
                    format!("the module is given {kind} as `{name}`, and it stands in the configuration");
                notes.add(NO_SECRET_IN_VARIABLE, &address, "", detail);
            }
        }
        let Some(module) = call.get("module") else { continue };
        for (name, variable) in members(module, "variables") {
            let default = variable.get("default");
            if let Some(kind) = default.and_then(|default| kind_in(name, default, secrets)) {
                let detail = format!("the default of the variable holds {kind}");
                notes.add(NO_SECRET_IN_VARIABLE, &format!("{address}.var.{name}"), "", detail);
            }
        }
        check_calls(module, &format!("{address}."), secrets, notes);
    }
}

fn kind_in(name: &str, value: &Value, secrets: &Secrets) -> Option<String> {
    secrets.kind_inside(value).or_else(|| names::secret_in(name, value).map(Into::into))
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}
