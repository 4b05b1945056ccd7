//! Outputs of the root module: Terraform prints those that are not sensitive.

use restapi::guardrails;
use serde_json::Value;

use super::document::Document;
use super::findings::Notes;
use super::follow::Target;
use super::graph::Graph;
use super::secrets::{ATTRIBUTES, Secrets};
use crate::rule::NO_SECRET_IN_OUTPUT;

/// Finds outputs that hold a secret and are not sensitive.
pub(super) fn check(document: &Document, graph: &Graph<'_>, notes: &mut Notes) {
    for (name, output) in &document.outputs {
        if output.get("sensitive") == Some(&Value::Bool(true)) {
            continue;
        }
        let value = output.get("value");
        let kind = value.and_then(|value| kind_in(name, value, &document.secrets));
        // A flag or a number that is made of a secret is none.
        let may_be_one = value.is_none_or(|value| value.is_string() || value.is_object() || value.is_array());
        let made_of =
            || graph.targets_of_output(name).iter().find_map(|target| secret_of(target, &document.secrets));
        let kind = kind.or_else(|| may_be_one.then(made_of).flatten());
        if let Some(kind) = kind {
            notes.add(NO_SECRET_IN_OUTPUT, &format!("output.{name}"), "", format!("the output holds {kind}"));
        }
    }
}

/// What kind of secret a reference leads to.
pub(super) fn secret_of(target: &Target<'_>, secrets: &Secrets) -> Option<String> {
    let (is_secret, attribute, from) = match target {
        Target::Made { instances, attribute: Some(attribute) } => {
            let made = instances.first()?;
            (secrets.is_secret(made, attribute), attribute, &made.address)
        }
        Target::LookedUp { kind, attribute: Some(attribute), instances, .. } => {
            let is_read_as_one = instances.iter().any(|read| secrets.is_secret(read, attribute));
            (is_read_as_one || ATTRIBUTES.contains(&(kind, attribute)), attribute, kind)
        }
        Target::Made { .. } | Target::LookedUp { .. } | Target::Opaque(_) | Target::Given(_) => return None,
    };
    is_secret.then(|| format!("`{attribute}` of {from}"))
}

/// What kind of secret `value`, called `name`, holds somewhere inside.
fn kind_in(name: &str, value: &Value, secrets: &Secrets) -> Option<String> {
    match value {
        Value::String(text) => secrets.kind_in(text).or_else(|| {
            let kind = guardrails::secret_kind(&format!("{name}={text}"));
            kind.filter(|_| !is_constant(text)).map(Into::into)
        }),
        Value::Array(list) => list.iter().find_map(|value| kind_in(name, value, secrets)),
        Value::Object(object) => object.iter().find_map(|(name, value)| kind_in(name, value, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// `AWS_IAM` and its like: what `authorization` is set to.
fn is_constant(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
