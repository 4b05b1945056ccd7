//! What is known about a client: its part of the configuration, as policy sees it.

use ambient::Timestamp;
use ipnet::IpNet;
use oauth::{GrantType, ScopeSet};

use crate::{ClientId, GroupName};

/// A client as the built-in rules see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientFacts {
    /// Its name.
    pub id: ClientId,
    /// Whether it gets tokens at all.
    pub enabled: bool,
    /// The grant types it may use.
    pub grants: Vec<GrantType>,
    /// The scopes it may have.
    pub scopes: ScopeSet,
    /// The scopes it gets when it asks for none; empty when it must ask.
    pub default_scopes: ScopeSet,
    /// The networks it may come from; empty for anywhere.
    pub allow_from: Vec<IpNet>,
    /// The first moment at which it gets tokens.
    pub not_before: Option<Timestamp>,
    /// The last moment at which it gets tokens.
    pub not_after: Option<Timestamp>,
    /// The groups it belongs to. No built-in rule looks at them.
    pub groups: Vec<GroupName>,
}

impl ClientFacts {
    /// An enabled client that may have `scopes` by client credentials, has no default scopes, may come from anywhere
    /// and at any time, and is in no group.
    pub fn new(id: ClientId, scopes: ScopeSet) -> Self {
        Self {
            id,
            enabled: true,
            grants: vec![GrantType::ClientCredentials],
            scopes,
            default_scopes: ScopeSet::default(),
            allow_from: Vec::new(),
            not_before: None,
            not_after: None,
            groups: Vec::new(),
        }
    }
}
