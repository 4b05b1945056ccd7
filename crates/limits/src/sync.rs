//! The locks of this crate, named in one place so that an interleaving checker can put its own here.

pub(crate) use parking_lot::{Mutex, MutexGuard};
