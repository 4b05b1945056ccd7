//! TLS in front of a listener.
