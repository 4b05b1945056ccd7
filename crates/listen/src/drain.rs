//! One signal that tells every listener to stop, and by when.

use std::time::Duration;

use tokio::sync::watch;

/// The side that says when to stop. Dropping it stops the listeners too, at once.
#[derive(Debug)]
pub struct Drain(watch::Sender<Option<Duration>>);

/// The side that listeners wait on.
#[derive(Clone, Debug)]
pub struct DrainSignal(watch::Receiver<Option<Duration>>);

impl Drain {
    /// A drain that has not begun, and the signal to hand to listeners.
    pub fn new() -> (Self, DrainSignal) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), DrainSignal(receiver))
    }

    /// Begins the drain: no new connections; requests in flight have `grace` to finish.
    pub fn begin(&self, grace: Duration) {
        self.0.send_replace(Some(grace));
    }
}

impl DrainSignal {
    /// Waits until the drain begins and returns the grace.
    pub async fn begun(&mut self) -> Duration {
        match self.0.wait_for(Option::is_some).await {
            Ok(grace) => grace.unwrap_or(Duration::ZERO),
            Err(_dropped) => Duration::ZERO,
        }
    }

    /// Whether the drain has begun.
    pub fn is_draining(&self) -> bool {
        self.0.borrow().is_some()
    }
}
