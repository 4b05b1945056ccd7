//! Step 1: who calls, by the word of the front door.
//!
//! The request context alone says it. Headers and body were written by the caller, so nothing in them is looked at:
//! neither `x-api-key`, which the front door has checked already, nor a `client_id`. Today the context names an API
//! key; an IAM principal or an authorizer's claims would be further lookups here, and nowhere else.

use std::sync::Arc;

use lambda::RequestContext;

use crate::directory::{Client, Directory};
use crate::reply::Refusal;

/// The client that the front door names. None is a refusal: the front door should not have let it through.
pub(crate) fn find(context: &RequestContext<'_>, directory: &Directory) -> Result<Arc<Client>, Refusal> {
    let key_id = context.identity.api_key_id.as_deref().ok_or(Refusal::UnknownIdentity)?;
    directory.owner(key_id).cloned().ok_or(Refusal::UnknownIdentity)
}
