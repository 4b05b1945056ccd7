//! What a store has to offer so that its promises can be checked.
//!
//! Nothing here happens by itself: a store that works in the background does that work when it is told to, so that a
//! check runs the same way each time.

use std::fmt;

use ambient::Timestamp;
use limits::{Limiter, Meter};

/// A store under test, and what a test can do to it.
///
/// A rig owns all that outlives a process (a directory, a server), and throws it away when it is dropped.
pub trait Rig: fmt::Debug + Send + Sync {
    /// The store, as those who spend see it.
    fn limiter(&self) -> &dyn Limiter;

    /// The store, as operators see it.
    fn meter(&self) -> &dyn Meter;

    /// Does what the store would do in the background by now, until nothing is left to do: sets allowance aside, renews
    /// its lease, writes usage. It may drop idle state too.
    fn settle(&self, now: Timestamp);

    /// Drops all the state that may be dropped at `now`, not only a part of it.
    fn tidy(&self, now: Timestamp);

    /// Stops the store in this way and starts it anew on what it has kept. `None`, and nothing happens, if it keeps
    /// nothing.
    ///
    /// The new store need not know any limit before it is defined again, and need not settle by itself.
    fn restart(&mut self, stop: Stop, now: Timestamp) -> Option<Restarted>;
}

/// How a store stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It is closed and writes what it has to write.
    Clean,
    /// It dies. Nothing is written any more.
    Crash,
}

/// What is known of the run that a restart ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Restarted {
    /// Nothing had been admitted at a later effective time.
    pub alive_until: Timestamp,
    /// The most that each subject can have lost of each quota.
    pub batch: u64,
}

/// Makes a rig with a store that is new, and runs from this moment on.
pub type Maker<'a> = &'a dyn Fn(Timestamp) -> Box<dyn Rig>;
