//! What is asked of policy.

use std::net::IpAddr;

use oauth::{RequestedGrant, ScopeSet, TokenRequest};

/// A token request together with where it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessRequest {
    /// The grant that is asked for.
    pub grant: RequestedGrant,
    /// The scopes that are asked for; none or an empty set asks for the client's default scopes.
    pub scopes: Option<ScopeSet>,
    /// The address it came from, by the front door's word: never by a header that the client wrote.
    pub source_ip: IpAddr,
}

impl AccessRequest {
    /// What `request` asks, from `source_ip`.
    pub fn new(request: TokenRequest, source_ip: IpAddr) -> Self {
        Self { grant: request.grant, scopes: request.scopes, source_ip }
    }
}
