//! A short list that lives inside its owner and can be copied: what a spend takes and gives allocates nothing.

use std::fmt;

/// The most limits one spend may charge.
pub const MAX_CHARGES: usize = 8;

/// Up to [`MAX_CHARGES`] items, in order.
#[derive(Clone, Copy)]
pub(crate) struct Row<T> {
    items: [T; MAX_CHARGES],
    len: usize,
}

impl<T: Copy> Row<T> {
    /// An empty row; `filler` occupies the places that hold nothing and is never seen.
    pub(crate) const fn empty(filler: T) -> Self {
        Self { items: [filler; MAX_CHARGES], len: 0 }
    }

    /// Adds `item`; false when the row is full.
    #[must_use]
    pub(crate) fn push(&mut self, item: T) -> bool {
        let Some(place) = self.items.get_mut(self.len) else { return false };
        *place = item;
        self.len += 1;
        true
    }

    /// The first [`MAX_CHARGES`] of `items`.
    pub(crate) fn from_first(filler: T, items: impl Iterator<Item = T>) -> Self {
        let mut row = Self::empty(filler);
        for (place, item) in row.items.iter_mut().zip(items) {
            *place = item;
            row.len += 1;
        }
        row
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or_default()
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Row<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl<T: Copy + PartialEq> PartialEq for Row<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Copy + Eq> Eq for Row<T> {}
