//! May this caller have these scopes: the built-in rules.
