//! The limiter in memory, put through what every limiter must do.

use ambient::Timestamp;
use limits::{Limiter, Memory, Meter};
use limits_conformance::{Restarted, Rig, Stop, conformance};

#[derive(Debug)]
struct InMemory(Memory);

impl Rig for InMemory {
    fn limiter(&self) -> &dyn Limiter {
        &self.0
    }

    fn meter(&self) -> &dyn Meter {
        &self.0
    }

    fn settle(&self, _now: Timestamp) {}

    fn tidy(&self, now: Timestamp) {
        self.0.tidy_all(now);
    }

    fn restart(&mut self, _stop: Stop, _now: Timestamp) -> Option<Restarted> {
        None
    }
}

conformance!(memory, |_now| InMemory(Memory::new()), keeps: nothing);
