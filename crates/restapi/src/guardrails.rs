//! Guardrails over REST API objects.
