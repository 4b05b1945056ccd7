//! Handshakes in memory: real clients of rustls, certificates made for each test, and a clock that stands still.

mod development;
mod facts;
mod fixtures;
mod handshake;
mod load;
mod mutual;
mod trusting;
