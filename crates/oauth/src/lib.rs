//! The token endpoint's wire types: what a client sends, what it gets back, and what the upstream answers.
//!
//! Bytes become types here, once, and strictly: [`TokenRequest::parse`] accepts what RFC 6749 and the HTML form
//! encoding define and refuses everything else with the error code that the RFC names for it. Replies go the other way:
//! [`TokenReply`] and [`ErrorReply`] write themselves as JSON that every OAuth library reads.
//!
//! Promises: no input makes it panic; an access token is never printed by `Debug` or `Display`; an
//! `error_description` has only the characters of RFC 6749 §5.2. It does not know HTTP, identities or the clock, and
//! it verifies no signature: [`UnverifiedClaims`] is named for that.

mod access_token;
mod claims;
mod description;
mod endpoint;
mod error_code;
mod form;
mod grant;
mod media_type;
mod reply;
mod request;
mod scope;

pub use access_token::{AccessToken, AccessTokenError};
pub use claims::{ClaimsError, UnverifiedClaims};
pub use description::{Description, Quoted};
pub use endpoint::{EndpointError, TokenEndpointUrl};
pub use error_code::ErrorCode;
pub use form::{Form, FormError};
pub use grant::{GrantName, GrantType, RequestedGrant, UnknownGrant};
pub use reply::{ErrorReply, ReplyError, TokenReply, UpstreamError};
pub use request::{RequestError, TokenRequest};
pub use scope::{MAX_SCOPES, Scope, ScopeError, ScopeSet};
