//! The JSON Schema of `token-broker.yaml`, for editors.
//!
//! It is made from the types that the parser reads into, so that both know the same fields. It says shapes and ranges;
//! what depends on another part of the file (a plan that must exist) only the parser knows.

use serde_json::Value;

use crate::document::Document;

/// The schema, as JSON Schema 2020-12.
pub fn schema() -> Value {
    schemars::schema_for!(Document).to_value()
}
