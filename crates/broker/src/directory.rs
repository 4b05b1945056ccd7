//! Who is who: which API key belongs to which client, and what is known about it.
//!
//! Keys are live: they come and go while the front door runs. A directory never changes; a new one takes its place
//! whole ([`Broker::replace_directory`](crate::Broker::replace_directory)), so that no request sees half a change.

use std::collections::HashMap;
use std::sync::Arc;

use policy::{ClientFacts, ClientId};
use restapi::ApiKeyId;
use thiserror::Error;

use crate::AppClientName;

/// A client as the broker sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// What policy decides by.
    pub facts: ClientFacts,
    /// The app client that its tokens are minted with.
    pub app_client: AppClientName,
}

impl Client {
    /// Its name.
    pub fn id(&self) -> &ClientId {
        &self.facts.id
    }
}

/// Every client that may call, by the id of each of its API keys.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    // Keyed by text, so that looking up what stands in an event copies nothing.
    by_key: HashMap<Box<str>, Arc<Client>>,
}

impl Directory {
    /// The directory of `clients`, whose `keys` say which key is whose. A client may have many keys, or none.
    pub fn new(
        clients: impl IntoIterator<Item = Client>,
        keys: impl IntoIterator<Item = (ApiKeyId, ClientId)>,
    ) -> Result<Self, DirectoryError> {
        let mut by_id = HashMap::new();
        for client in clients {
            let id = client.id().clone();
            if by_id.insert(id.clone(), Arc::new(client)).is_some() {
                return Err(DirectoryError::ClientRepeated(id));
            }
        }
        let mut by_key = HashMap::new();
        for (key, owner) in keys {
            let client = by_id.get(&owner).ok_or_else(|| DirectoryError::OwnerUnknown(key.clone()))?;
            if by_key.insert(key.as_str().into(), Arc::clone(client)).is_some() {
                return Err(DirectoryError::KeyRepeated(key));
            }
        }
        Ok(Self { by_key })
    }

    /// The client that the key with this id belongs to.
    pub(crate) fn owner(&self, key_id: &str) -> Option<&Arc<Client>> {
        self.by_key.get(key_id)
    }
}

/// Why clients and keys make no directory.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum DirectoryError {
    /// Two clients have one name.
    #[error("the client `{0}` is there twice")]
    ClientRepeated(ClientId),
    /// A key belongs to a client that is not there.
    #[error("the API key `{0}` belongs to no client that is known")]
    OwnerUnknown(ApiKeyId),
    /// A key belongs to two clients.
    #[error("the API key `{0}` is there twice")]
    KeyRepeated(ApiKeyId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{client, key_id};

    fn name(text: &str) -> ClientId {
        text.parse().unwrap()
    }

    #[test]
    fn every_key_of_a_client_leads_to_it() {
        let keys = [(key_id(1), name("billing")), (key_id(2), name("billing")), (key_id(3), name("stock"))];
        let directory = Directory::new([client("billing", "a"), client("stock", "b")], keys).unwrap();
        let owner = |id: ApiKeyId| directory.owner(id.as_str()).map(|client| client.id().as_str());
        assert_eq!(owner(key_id(1)), Some("billing"));
        assert_eq!(owner(key_id(2)), Some("billing"));
        assert_eq!(owner(key_id(3)), Some("stock"));
        assert_eq!(owner(key_id(4)), None);
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let repeated = Directory::new([client("billing", "a"), client("billing", "b")], []);
        assert_eq!(repeated.unwrap_err(), DirectoryError::ClientRepeated(name("billing")));
        let orphan = Directory::new([], [(key_id(1), name("billing"))]);
        assert_eq!(orphan.unwrap_err(), DirectoryError::OwnerUnknown(key_id(1)));
        let twice = [(key_id(1), name("billing")), (key_id(1), name("stock"))];
        let shared = Directory::new([client("billing", "a"), client("stock", "b")], twice);
        assert_eq!(shared.unwrap_err(), DirectoryError::KeyRepeated(key_id(1)));
    }
}
