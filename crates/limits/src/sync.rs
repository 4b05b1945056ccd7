//! The locks and atomics of this crate, named in one place so that a checker of interleavings can put its own here.
//!
//! `loom` does, under `--cfg loom`. Other tests let another thread run before each lock, so that a spend which reads
//! under one lock and writes under the next is caught on any number of cores.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic;

#[cfg(not(loom))]
pub(crate) use parking_lot::MutexGuard;

#[cfg(all(not(test), not(loom)))]
pub(crate) use parking_lot::Mutex;

#[cfg(all(test, not(loom)))]
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

#[cfg(all(test, not(loom)))]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        std::thread::yield_now();
        self.0.lock()
    }
}

#[cfg(loom)]
pub(crate) use self::checked::{Mutex, MutexGuard, atomic};

#[cfg(loom)]
mod checked {
    pub(crate) use loom::sync::{MutexGuard, atomic};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}
