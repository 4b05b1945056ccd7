//! Statements of a web ACL: what every request has that a statement is true of.
//!
//! Below a rule that lets in. Understood is what is needed to ask for a secret header, or for the documents by which tokens are
//! verified; of any other statement it is taken that it asks for nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What a request must have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Asked {
    /// The method GET.
    get: bool,
    /// The path of a document by which tokens are verified.
    document: bool,
    /// The secret header, or both of these: nobody but the broker comes in by it, or only to what everybody may read. With
    /// another method than GET the path says little: Cognito's own API is told by a header what to do.
    pub(super) is_enough: bool,
}

impl Asked {
    /// What `statement` of a rule asks for. `headers` are the names of the secret header, if they are known.
    pub(super) fn by(statement: &Value, headers: &BTreeSet<String>) -> Self {
        block_of(statement).map_or(Self::default(), |statement| Self::by_one(statement, headers))
    }

    fn by_one(statement: &Map<String, Value>, headers: &BTreeSet<String>) -> Self {
        let Some((kind, block)) = only_block(statement) else { return Self::default() };
        let inner = || block.get("statement").and_then(Value::as_array).into_iter().flatten();
        let each =
            inner().map(|one| one.as_object().map_or(Self::default(), |one| Self::by_one(one, headers)));
        match kind {
            "and_statement" => each.reduce(Self::and).unwrap_or_default(),
            "or_statement" => each.reduce(Self::or).unwrap_or_default(),
            "byte_match_statement" => Self::by_bytes(block, headers),
            "regex_match_statement" => Self {
                document: field(block).is_some_and(|(field, _)| field == "uri_path")
                    && text(block, "regex_string").is_some_and(is_of_documents),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }

    fn by_bytes(block: &Map<String, Value>, headers: &BTreeSet<String>) -> Self {
        let (Some((field, more)), Some(position)) = (field(block), text(block, "positional_constraint"))
        else {
            return Self::default();
        };
        let searched = text(block, "search_string");
        let is_secret =
            |name: &str| if headers.is_empty() { !is_public(name) } else { headers.contains(name) };
        Self {
            get: field == "method" && position == "EXACTLY" && searched == Some("GET"),
            document: field == "uri_path"
                && ["EXACTLY", "ENDS_WITH"].contains(&position)
                && searched.is_some_and(|path| DOCUMENTS.iter().any(|document| path.ends_with(document))),
            // The value is a secret, so that a plan may not show it.
            is_enough: field == "single_header"
                && position == "EXACTLY"
                && searched != Some("")
                && text(more, "name").is_some_and(|name| is_secret(&name.to_ascii_lowercase())),
        }
    }

    const fn and(self, other: Self) -> Self {
        let (get, document) = (self.get || other.get, self.document || other.document);
        Self { get, document, is_enough: self.is_enough || other.is_enough || get && document }
    }

    const fn or(self, other: Self) -> Self {
        Self {
            get: self.get && other.get,
            document: self.document && other.document,
            is_enough: self.is_enough && other.is_enough,
        }
    }
}

/// The block that `value` is the list of.
pub(super) fn block_of(value: &Value) -> Option<&Map<String, Value>> {
    value.as_array()?.first()?.as_object()
}

/// The only block in `blocks`, with its name. A state lists those as well that are not there.
pub(super) fn only_block(blocks: &Map<String, Value>) -> Option<(&str, &Map<String, Value>)> {
    let mut there = blocks.iter().filter_map(|(name, value)| Some((name.as_str(), block_of(value)?)));
    let only = there.next()?;
    there.next().is_none().then_some(only)
}

/// What a statement looks at.
fn field(block: &Map<String, Value>) -> Option<(&str, &Map<String, Value>)> {
    only_block(block_of(block.get("field_to_match")?)?)
}

fn text<'v>(block: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    block.get(name)?.as_str()
}

/// Whether the regular expression takes nothing but what ends in one of the documents' paths: an alternative that stood before
/// it would take anything.
fn is_of_documents(regex: &str) -> bool {
    let regex = regex.replace("[.]", r"\.");
    let before = ENDS_OF_REGEX.iter().find_map(|end| regex.strip_suffix(end));
    before.is_some_and(|before| !before.contains(['|', '(', ')']))
}

/// Whether the header is one that everybody sends, or may.
fn is_public(name: &str) -> bool {
    PUBLIC.contains(&name) || PUBLIC_STARTS.iter().any(|start| name.starts_with(start))
}

/// The documents by which tokens are verified, below the pool's id.
const DOCUMENTS: [&str; 2] = ["/.well-known/jwks.json", "/.well-known/openid-configuration"];

/// The same as regular expressions are written for them.
const ENDS_OF_REGEX: [&str; 4] = [
    r"/\.well-known/(jwks\.json|openid-configuration)$",
    r"/\.well-known/(openid-configuration|jwks\.json)$",
    r"/\.well-known/jwks\.json$",
    r"/\.well-known/openid-configuration$",
];

const PUBLIC: [&str; 14] = [
    "connection",
    "cookie",
    "date",
    "dpop",
    "expect",
    "forwarded",
    "host",
    "origin",
    "referer",
    "te",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-requested-with",
];

const PUBLIC_STARTS: [&str; 7] =
    ["accept", "cache-control", "content-", "sec-", "x-amz-", "x-amzn-", "x-forwarded-"];

#[cfg(test)]
mod tests;
