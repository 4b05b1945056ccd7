//! Step 3, authorize: whoever authorizes the method says who is calling, or that nobody may.
//!
//! A method without authorization passes with no principal. A method whose authorizer is not here is refused: a missing
//! guard is never an open door.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::call::{Authorized, Principal, Routed, Step};
use crate::live::Authorization;
use crate::refusal::Refusal;

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
pub(crate) async fn run(call: Routed) -> Step<Authorized> {
    let authorizer = match call.endpoint.authorization.clone() {
        Authorization::None => return Ok(Authorized { routed: call, principal: None }),
        Authorization::Missing => return Err(call.refuse(Refusal::AuthorizerBroken)),
        Authorization::By(authorizer) => authorizer,
    };
    // An authorizer that does not come back says nothing; it may take as long as the function behind it.
    let verdict = tokio::time::timeout(call.endpoint.timeout, authorizer.authorize(&call)).await;
    match verdict.unwrap_or(Verdict::Broken) {
        Verdict::Allow(principal) => {
            let mut call = call;
            let id = principal.context.get("principalId").and_then(serde_json::Value::as_str);
            call.received.record.principal = id.map(ToOwned::to_owned);
            Ok(Authorized { routed: call, principal: Some(principal) })
        }
        Verdict::Unauthorized => Err(call.refuse(Refusal::Unauthorized)),
        Verdict::Deny { explicitly } => Err(call.refuse(Refusal::AccessDenied { explicitly })),
        Verdict::Broken => Err(call.refuse(Refusal::AuthorizerBroken)),
    }
}
