//! Variables of the root module: their values stand in files, in plans and in logs.

use serde_json::Value;

use super::document::Document;
use super::findings::Notes;
use super::outputs;
use crate::rule::NO_SECRET_IN_VARIABLE;

/// Finds variables that hold a secret and are not sensitive.
pub(super) fn check(document: &Document, notes: &mut Notes) {
    let secrets = outputs::known_secrets(document);
    let declared = document.configuration.get("variables").and_then(Value::as_object);
    for (name, variable) in declared.into_iter().flatten() {
        if variable.get("sensitive") == Some(&Value::Bool(true)) {
            continue;
        }
        let given = document.variables.get(name).and_then(|given| given.get("value"));
        let kind = [given, variable.get("default")].into_iter().flatten().find_map(|value| {
            outputs::kind_in(name, value, &secrets).or_else(|| named_secret(name, false, value))
        });
        if let Some(kind) = kind {
            notes.add(
                NO_SECRET_IN_VARIABLE,
                &format!("var.{name}"),
                "",
                format!("the variable holds {kind}"),
            );
        }
    }
}

/// A text under a name that secrets go by. What is below such a name is one, too: `client_secrets = { billing = "…" }`.
fn named_secret(name: &str, is_below: bool, value: &Value) -> Option<String> {
    let is_secret = is_below || is_name_of_secret(name);
    match value {
        Value::String(text) if is_secret && !text.is_empty() && !is_reference(text) => {
            Some("a text under the name of a secret".into())
        }
        Value::Array(list) => list.iter().find_map(|value| named_secret(name, is_secret, value)),
        Value::Object(object) => object.iter().find_map(|(name, value)| named_secret(name, is_secret, value)),
        _ => None,
    }
}

/// Whether the name ends in a word for a secret. What goes on after it is something about the secret: `secret_arn`.
fn is_name_of_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let name = name.strip_suffix('s').unwrap_or(&name);
    NAMES
        .iter()
        .any(|word| name == *word || name.strip_suffix(word).is_some_and(|before| before.ends_with('_')))
}

/// Whether the text says where a secret is.
fn is_reference(text: &str) -> bool {
    REFERENCES.iter().any(|start| text.starts_with(start))
}

/// In the singular.
const NAMES: [&str; 14] = [
    "access_key",
    "api_key",
    "api_key_value",
    "apikey",
    "credential",
    "key_value",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "secret_access_key",
    "secret_key",
    "token",
];

const REFERENCES: [&str; 9] =
    ["arn:", "{{", "${", "/", "file:", "op://", "secretsmanager:", "ssm:", "vault:"];
