//! The locks of this crate, named in one place so that an interleaving checker can put its own here.
//!
//! Tests do that already: their lock lets another thread run first, so that a spend which reads under one lock and
//! writes under the next is caught on any number of cores.

pub(crate) use parking_lot::MutexGuard;

#[cfg(not(test))]
pub(crate) use parking_lot::Mutex;

#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

#[cfg(test)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        std::thread::yield_now();
        self.0.lock()
    }
}
