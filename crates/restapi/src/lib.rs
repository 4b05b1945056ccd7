//! The REST API as data, and the guardrails over it.
