//! What the service manager is told, if one listens: it says where by `NOTIFY_SOCKET`.
//!
//! Nobody may be listening, and a manager that takes nothing keeps no request from its answer: what goes wrong here is
//! noted for whoever looks for it, and nothing else.

use sd_notify::NotifyState;

/// The server runs, by the definition in force.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The server reads its definition again, and says that it is ready afterwards.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_no_clock) => tell(&[NotifyState::Reloading]),
    }
}

/// The server stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping: requests under way may finish")]);
}

/// The server waits for the one before it.
pub(crate) fn waiting() {
    tell(&[NotifyState::Status("waiting until the server before this one has stopped")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
