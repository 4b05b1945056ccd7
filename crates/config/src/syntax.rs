//! From text to [`Document`]: the only place that knows the YAML library.

use serde_saphyr::{Error, MergeKeyPolicy};

use crate::error::{DefinitionError, Shown};
use crate::nearest::nearest;
use crate::{Position, document::Document};

/// Reads the file's shape.
pub(crate) fn read(text: &str) -> Result<Document, DefinitionError> {
    let options = serde_saphyr::options! {
        // The excerpt is made here, so that it ends where the error ends.
        with_snippet: false,
        // `yes` and `on` are truths to some readers and texts to others.
        strict_booleans: true,
        // `<<` lets one line override another in a way that few people can tell by reading.
        merge_keys: MergeKeyPolicy::Error,
    };
    let document = serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(&error))?;
    if says_nothing(&document) { Err(nothing()) } else { Ok(document) }
}

/// Whether no section is there: the library reads an empty text as an empty mapping.
fn says_nothing(document: &Document) -> bool {
    let Document { api, plans, clients, app_clients, broker, homes, waivers } = document;
    let others = app_clients.0.is_none() && broker.0.is_none() && homes.0.is_none() && waivers.0.is_none();
    api.0.is_none() && plans.0.is_none() && clients.0.is_none() && others
}

fn nothing() -> DefinitionError {
    let mend = "begin with `api`, `plans` and `clients`; `token-broker init` writes a file to start from";
    DefinitionError::new(Position::START, "", "the file says nothing".into(), mend.into())
}

fn explain(error: &Error) -> DefinitionError {
    let at = error.location().map_or(Position::START, Position::from);
    let (problem, mend) = match error {
        Error::SerdeUnknownField { field, expected, .. } => unknown_field(field, expected),
        Error::SerdeMissingField { field, .. } => {
            (format!("the field `{field}` is missing here"), format!("add `{field}`"))
        }
        Error::DuplicateMappingKey { key, .. } => (
            format!("{} stands here twice", Shown(key.as_deref().unwrap_or("a field"))),
            "keep one of the two: which of them would count is anybody's guess".into(),
        ),
        Error::InvalidScalar { ty, .. } => (format!("this is not {}", kind(ty)), "correct the value".into()),
        Error::InvalidBooleanStrict { .. } => {
            ("this is neither `true` nor `false`".into(), "write `true` or `false`".into())
        }
        Error::NullIntoString { .. } => {
            ("there is no value here".into(), "write a value, or remove the field".into())
        }
        Error::Unexpected { expected, .. } => {
            (format!("there should be {} here", kind(expected)), "write one, or remove the field".into())
        }
        Error::Eof { .. } => {
            ("the file is empty".into(), "begin with the fields `api`, `plans`, `clients`".into())
        }
        Error::MultipleDocuments { .. } => (
            "a second document begins here".into(),
            "keep one document in the file, without `---` lines".into(),
        ),
        Error::MergeKeyNotAllowed { .. } => (
            "merge keys (`<<`) are not read".into(),
            "write the fields out, or use an alias for a whole value".into(),
        ),
        other => (plain(other), "correct the YAML here".into()),
    };
    DefinitionError::new(at, "", problem, mend)
}

fn unknown_field(field: &str, expected: &[&'static str]) -> (String, String) {
    // A field that is only known to be refused is not offered.
    let known: Vec<&str> = expected.iter().copied().filter(|name| *name != "budget").collect();
    let problem = format!("there is no field {} here", Shown(field));
    let lowercase = field.to_ascii_lowercase();
    if ["secret", "password", "key", "token"].iter().any(|word| lowercase.ends_with(word)) {
        let mend = "remove it: secrets and API keys never stand in this file; `token-broker keys` makes keys, and a \
                    user pool's secret is named by `secret_file`";
        return (problem, mend.into());
    }
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mend = match nearest(field, known) {
        Some(name) => format!("did you mean `{name}`? Known here: {list}"),
        None => format!("known here: {list}"),
    };
    (problem, mend)
}

/// The library's word for a kind of value, in plain words.
fn kind(word: &'static str) -> &'static str {
    match word {
        "u64" => "a whole number from 0 up",
        "floating point" | "f64" => "a number",
        "mapping start" => "a mapping (`name: value`)",
        "sequence start" => "a list (`[a, b]` or lines that begin with `-`)",
        "string scalar" => "a text",
        other => other,
    }
}

/// The library's own message without the place, which is shown already.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}
