//! The connections that are open, and the places they have.
//!
//! When all places are taken, those who wait for their peer make room, longest waiting first: a peer that opens many
//! connections and says nothing, or says it a byte at a time, takes places from its like and not from those who have
//! something to say. A connection with a request under way keeps its place.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::Instant;

use crate::counts::Counts;
use crate::seat::Seat;

/// All connections of a listener.
#[derive(Debug)]
pub(crate) struct House {
    places: Arc<Semaphore>,
    /// How many make room at once: looking for them looks at everybody.
    batch: usize,
    connections: JoinSet<()>,
    seats: HashMap<Id, (Arc<Seat>, AbortHandle)>,
    counts: Arc<Counts>,
    clock: HouseClock,
}

/// Time in a listener's life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HouseClock(Instant);

impl HouseClock {
    /// Milliseconds since the listener began.
    pub(crate) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl House {
    /// Nobody yet, and so many places.
    pub(crate) fn new(places: usize, counts: Arc<Counts>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            batch: (places / 64).max(1),
            connections: JoinSet::new(),
            seats: HashMap::new(),
            counts,
            clock: HouseClock(Instant::now()),
        }
    }

    /// The clock by which seats are compared.
    pub(crate) const fn clock(&self) -> HouseClock {
        self.clock
    }

    /// Forgets connections that have ended.
    pub(crate) fn tidy(&mut self) {
        while let Some(ended) = self.connections.try_join_next_with_id() {
            self.seats.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
        }
    }

    /// Waits for a place, and makes one if it can.
    pub(crate) async fn place(&mut self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return place;
            }
            self.displace();
            // Those who had a request under way may wait by then.
            let freed = Arc::clone(&self.places).acquire_owned();
            if let Ok(Ok(place)) = tokio::time::timeout(LOOK_AGAIN, freed).await {
                return place;
            }
            self.tidy();
        }
    }

    /// Lets a connection in.
    pub(crate) fn let_in(&mut self, seat: Arc<Seat>, connection: impl Future<Output = ()> + Send + 'static) {
        let task = self.connections.spawn(connection);
        self.seats.insert(task.id(), (seat, task));
    }

    /// Waits until everybody has left, or shows them out when `grace` is over.
    pub(crate) async fn close(mut self, grace: Duration) {
        let finished = async { while self.connections.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!(
                grace_s = grace.as_secs(),
                "connections were still open at the end of the drain and are closed"
            );
            // Waited for: whoever called may go on to close what handlers write to.
            self.connections.shutdown().await;
        }
    }

    fn displace(&self) {
        let mut waiting: Vec<_> =
            self.seats.values().filter_map(|(seat, task)| Some((seat.waiting()?, seat, task))).collect();
        let batch = self.batch.min(waiting.len());
        if batch < waiting.len() {
            waiting.select_nth_unstable_by_key(batch, |(since, ..)| *since);
        }
        for (_since, seat, task) in waiting.iter().take(batch) {
            if seat.displace() {
                task.abort();
                self.counts.displace();
            }
        }
    }
}

/// After how long a full house looks again for those who wait.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
