//! What surrounds the broker breaks, in every way that we could think of, wherever the broker runs.
//!
//! The real program is asked through its front door; a peer of the tests plays the user pool, or the extension that
//! secrets are read through, by a script. Always: the answer is an OAuth error or a valid token, nothing that the peer
//! said is in an answer or a log, attempts are bounded, and the first good moment ends the fault for everybody at once.

mod answer;
mod faults;
mod herd;
mod lines;
mod peer;
mod pool;
mod program;
mod secrets;
mod table;
mod tls;
