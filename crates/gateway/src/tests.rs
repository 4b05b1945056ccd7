//! Tests of the whole pipeline, on a real socket, as a client sees it.

mod accept;
mod access_log;
mod account;
mod admit;
mod anything;
mod authorize;
mod event;
mod execution_log;
mod harness;
mod identify;
mod log_variables;
mod metrics;
mod refusals;
mod respond;
mod route;
mod source;
mod spans;
mod stand_ins;
mod swap;
