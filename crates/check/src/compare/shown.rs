//! How a finding shows a value of the API: what may be a secret it keeps back.
//!
//! Whole groups are kept back, whatever stands in them, because secrets in them have no name or look by which they could
//! be told. Of the rest what is known to be a secret, or looks like one, or Terraform itself would not show.

use serde_json::Value;

use crate::terraform::Secrets;

/// The value at `place` as a finding shows it: no secret, and not long.
pub(super) fn value(place: &str, value: &Value, secrets: &Secrets) -> String {
    let names: Vec<&str> = place.split('/').collect();
    let (name, groups) = names.split_last().unwrap_or((&"", &[]));
    let kept = keep_back(name, groups.iter().any(|group| is_closed(group)), value, secrets);
    let text = kept.to_string();
    if kept == KEPT_BACK || secrets.hide("", &text) {
        return KEPT_BACK.into();
    }
    if text.chars().count() <= LONGEST {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("`{start}…`")
}

/// `value`, called `name`, with another text for each part that is not shown.
fn keep_back(name: &str, is_closed_group: bool, value: &Value, secrets: &Secrets) -> Value {
    let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
    if !is_empty && (is_closed_group || is_closed(name)) {
        return KEPT_BACK.into();
    }
    let inner = |(name, value): (&String, &Value)| (name.clone(), keep_back(name, false, value, secrets));
    match value {
        Value::Object(members) => Value::Object(members.iter().map(inner).collect()),
        Value::Array(list) => list.iter().map(|value| keep_back(name, false, value, secrets)).collect(),
        Value::String(text) if is_closed_header(name) || secrets.hide(name, text) => KEPT_BACK.into(),
        Value::Number(number) if secrets.hide(name, &number.to_string()) => KEPT_BACK.into(),
        other => other.clone(),
    }
}

/// Whether nothing below the name is shown.
fn is_closed(name: &str) -> bool {
    ["variables", "requestParameters", "requestTemplates"].contains(&name)
}

/// Whether a member of `responseParameters` is a header that may say anything.
fn is_closed_header(name: &str) -> bool {
    let header = name.strip_prefix("gatewayresponse.header.").map(str::to_ascii_lowercase);
    header.is_some_and(|header| !header.starts_with(CORS) && !HEADERS.contains(&header.as_str()))
}

const KEPT_BACK: &str = "a value that is not shown";

const CORS: &str = "access-control-";

/// Headers that hold no secret, in lower case.
const HEADERS: [&str; 8] = [
    "cache-control",
    "content-type",
    "pragma",
    "referrer-policy",
    "retry-after",
    "strict-transport-security",
    "www-authenticate",
    "x-content-type-options",
];

/// How much of a value is shown.
const LONGEST: usize = 200;
