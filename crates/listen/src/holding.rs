//! What connections hold of requests that are under way.
//!
//! Each has a part of its own, which nobody can take from it: ordinary requests fit into it. What it holds beyond comes out of
//! a store that is there for all connections of a listener, so that what many of them hold is bounded and not only what each does.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes that are there for all connections of a listener.
#[derive(Debug)]
pub(crate) struct Store {
    left: AtomicUsize,
}

/// One store for each kind. A few bytes of compressed fields can stand for a whole head, while bodies have to be sent: what is cheap
/// to use up must not be what others need for something else.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    pub(crate) heads: Arc<Store>,
    pub(crate) bodies: Arc<Store>,
}

impl Stores {
    /// So many bytes of each.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { heads: Store::new(bytes), bodies: Store::new(bytes) }
    }
}

/// What one connection holds of one kind. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Holding {
    store: Arc<Store>,
    /// As much is its own.
    own: usize,
    /// With what comes out of the store it is no more than this.
    most: usize,
    held: usize,
}

impl Store {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    fn take(&self, bytes: usize) -> bool {
        bytes == 0 || self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.left.fetch_add(bytes, Relaxed);
    }
}

impl Holding {
    /// Nothing yet: `own` bytes without asking anybody, and no more than `most` in all.
    pub(crate) const fn new(store: Arc<Store>, own: usize, most: usize) -> Self {
        Self { store, own, most, held: 0 }
    }

    /// Takes so many bytes more, all or none of them. Whether there was room for them.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let after = self.held.saturating_add(bytes);
        let has_room = after <= self.most && self.store.take(self.beyond(after) - self.beyond(self.held));
        if has_room {
            self.held = after;
        }
        has_room
    }

    /// Gives so many of the bytes back.
    pub(crate) fn give(&mut self, bytes: usize) {
        let after = self.held.saturating_sub(bytes);
        self.store.give(self.beyond(self.held) - self.beyond(after));
        self.held = after;
    }

    /// How much of so many bytes is out of the store.
    const fn beyond(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.own)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.give(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_part_is_there_whatever_others_hold() {
        let store = Store::new(10);
        let [mut one, mut other] = [(); 2].map(|()| Holding::new(Arc::clone(&store), 4, 100));
        assert!(one.take(14) && !one.take(1));
        assert!(other.take(4) && !other.take(1));
    }

    #[test]
    fn what_is_given_back_is_there_for_others() {
        let store = Store::new(10);
        let [mut one, mut other] = [(); 2].map(|()| Holding::new(Arc::clone(&store), 4, 100));
        assert!(one.take(8) && one.take(6));
        one.give(7);
        assert!(other.take(4 + 7) && !other.take(1));
        drop(one);
        assert!(other.take(3) && !other.take(1));
        drop(other);
        assert_eq!(store.left.load(Relaxed), 10);
    }

    #[test]
    fn nothing_is_taken_where_not_all_of_it_is_there() {
        let store = Store::new(10);
        let mut holding = Holding::new(Arc::clone(&store), 4, 8);
        assert!(!holding.take(9) && !holding.take(usize::MAX));
        assert!(holding.take(8) && !holding.take(1));
        holding.give(usize::MAX);
        assert_eq!((holding.held, store.left.load(Relaxed)), (0, 10));
    }
}
