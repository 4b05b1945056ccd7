//! How long a definition's parts are needed: until nothing that began under it is left.
//!
//! Requests finish on what they began with, and calls of the user pool outlive their requests. Whatever they may still
//! need holds the tenure; when the last of it is gone, the parts can be put away, and no request is lost by that.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use broker::{AppClientName, CognitoSource, Minting, TokenSource};
use cognito::Circuit;
use lambda::{Function, Invocation, Invoking};
use lambda_host::Host;
use oauth::ScopeSet;
use tokio::sync::mpsc::UnboundedSender;

/// Which definition, counted from the one that the program started with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Generation(pub(crate) u64);

impl Generation {
    pub(crate) const FIRST: Self = Self(1);

    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Held by what requests of a generation may still need.
#[derive(Clone, Debug)]
pub(crate) struct Tenure(Arc<Ending>);

/// Says that the last holder is gone.
#[derive(Debug)]
struct Ending {
    generation: Generation,
    ended: UnboundedSender<Generation>,
}

impl Tenure {
    /// The tenure of `generation`; `ended` is told when it is over.
    pub(crate) fn begin(generation: Generation, ended: UnboundedSender<Generation>) -> Self {
        Self(Arc::new(Ending { generation, ended }))
    }

    /// Whose tenure it is.
    pub(crate) fn generation(&self) -> Generation {
        self.0.generation
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // When nobody listens any more, the program ends, and everything with it.
        let _told = self.ended.send(self.generation);
    }
}

/// A user pool as a generation asks it.
#[derive(Debug)]
pub(crate) struct TenuredSource {
    pub(crate) source: CognitoSource,
    pub(crate) _tenure: Tenure,
}

impl TokenSource for TenuredSource {
    fn request_token<'a>(
        &'a self,
        app_client: &'a AppClientName,
        scopes: &'a ScopeSet,
    ) -> Pin<Box<dyn Future<Output = Minting> + Send + 'a>> {
        self.source.request_token(app_client, scopes)
    }

    fn circuit(&self) -> Circuit {
        self.source.circuit()
    }
}

/// A function in processes that have read a generation's definition.
#[derive(Debug)]
pub(crate) struct TenuredHost {
    pub(crate) host: Arc<Host>,
    pub(crate) _tenure: Tenure,
}

impl Function for TenuredHost {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        self.host.invoke(invocation)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn end_is_told_once_the_last_holder_is_gone() {
        let (ended, mut told) = mpsc::unbounded_channel();
        let tenure = Tenure::begin(Generation::FIRST.next(), ended);
        let other = tenure.clone();
        drop(tenure);
        assert!(told.try_recv().is_err());
        drop(other);
        assert_eq!(told.try_recv(), Ok(Generation(2)));
        assert!(told.try_recv().is_err());
    }
}
