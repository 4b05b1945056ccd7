//! Step 3, authorize: whoever authorizes the method says who is calling, or that nobody may.
//!
//! A method without authorization passes with no principal. A method whose authorizer is not here is refused: a missing
//! guard is never an open door.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ambient::Clock;
use serde_json::Map;

use crate::access_log::Asked;
use crate::call::{Authorized, Principal, Routed, Step};
use crate::live::Authorization;
use crate::refusal::Refusal;
use crate::trace::Phase;

/// A question under way.
pub type Authorizing<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// Says who is calling a method.
pub trait Authorizer: fmt::Debug + Send + Sync {
    /// Asks about one call. The body is not for an authorizer to see, and it is not given it.
    fn authorize<'a>(&'a self, call: &'a Routed) -> Authorizing<'a>;
}

/// What an authorizer says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// This principal may call.
    Allow(Principal),
    /// There is no credential, or it is no good.
    Unauthorized,
    /// The credential is good, and the caller may not.
    Deny {
        /// Whether a statement denies, rather than none allowing.
        explicitly: bool,
    },
    /// The authorizer could not say, or what it said cannot be used.
    Broken,
}

/// Asks the method's authorizer.
pub(crate) async fn run(mut call: Routed, clock: &dyn Clock) -> Step<Authorized> {
    let authorizer = match call.endpoint.authorization.clone() {
        Authorization::None => return Ok(Authorized { routed: call, principal: None }),
        Authorization::Missing => return Err(call.refuse(Refusal::AuthorizerBroken)),
        Authorization::By(authorizer) => authorizer,
    };
    // An authorizer that does not come back says nothing; it may take as long as the function behind it.
    let started = clock.now();
    call.received.record.begin_step(Phase::Authorize);
    let verdict = tokio::time::timeout(call.endpoint.timeout, authorizer.authorize(&call)).await;
    let verdict = verdict.unwrap_or(Verdict::Broken);
    call.received.record.end_step();
    call.received.record.authorizer = Some(asked(&verdict, clock.now().since(started)));
    match verdict {
        Verdict::Allow(principal) => Ok(Authorized { routed: call, principal: Some(principal) }),
        Verdict::Unauthorized => Err(call.refuse(Refusal::Unauthorized)),
        Verdict::Deny { explicitly } => Err(call.refuse(Refusal::AccessDenied { explicitly })),
        Verdict::Broken => Err(call.refuse(Refusal::AuthorizerBroken)),
    }
}

/// What the log says of the authorizer's run.
fn asked(verdict: &Verdict, latency: Duration) -> Asked {
    let (status, error) = match verdict {
        Verdict::Allow(_) => (200, None),
        Verdict::Unauthorized => (401, Some("Unauthorized")),
        Verdict::Deny { .. } => (403, Some("User is not authorized to access this resource")),
        Verdict::Broken => (500, Some("Execution failed due to configuration error: Authorizer error")),
    };
    let context = match verdict {
        Verdict::Allow(principal) => principal.context.clone(),
        _ => Map::new(),
    };
    Asked { latency, status, error, context }
}
