//! What every parser keeps for every input: one function per parser, called by a fuzzer and by a test.
//!
//! A property takes bytes, gives them to a parser as whoever is outside could, and says how what came of it breaks a
//! promise: a second, simpler reading of the same bytes disagrees, what was read is not what is written again, an answer is
//! no HTTP, a log line can be forged. That nothing panics and everything ends is part of each.
//!
//! `fuzz/` runs each property on inputs that it finds, and keeps those that reach further, in `fuzz/corpus/NAME`. The tests
//! of this crate run each property on every one of them.
//!
//! It is for tests alone. It knows the other crates by what they show to everybody.

#[macro_use]
mod kept;

mod access_log;
mod bindings_document;
mod connection;
mod definition;
mod event;
mod form;
mod front_door;
mod http2_frames;
mod names;
mod pipe;
mod plan;
mod proxy_header;
mod reply;
mod scope;
#[cfg(test)]
mod tests;
mod token;
mod user_pool;
mod wire;

pub use kept::{Broken, Kept};

/// What a parser keeps, and the name of it.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// The name of its fuzz target and of its corpus.
    pub name: &'static str,
    /// Whether it is kept for these bytes.
    pub check: fn(&[u8]) -> Kept,
}

/// Every property.
pub const ALL: [Property; 14] = [
    Property { name: "access_log", check: access_log::check },
    Property { name: "bindings", check: bindings_document::check },
    Property { name: "connection", check: connection::check },
    Property { name: "definition", check: definition::check },
    Property { name: "event", check: event::check },
    Property { name: "form", check: form::check },
    Property { name: "http2_frames", check: http2_frames::check },
    Property { name: "names", check: names::check },
    Property { name: "plan", check: plan::check },
    Property { name: "proxy_header", check: proxy_header::check },
    Property { name: "reply", check: reply::check },
    Property { name: "scope", check: scope::check },
    Property { name: "token", check: token::check },
    Property { name: "user_pool", check: user_pool::check },
];

/// Whether the property `name` is kept for `input`.
pub fn check(name: &str, input: &[u8]) -> Kept {
    let property = ALL.iter().find(|property| property.name == name);
    let property = property.ok_or_else(|| Broken::new(format!("there is no property `{name}`")))?;
    (property.check)(input)
}
