//! From a presented API key to the key it is, without keeping any key's value.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ambient::Entropy;
use aws_lc_rs::hmac;
use restapi::{ApiKeyId, ApiKeyValue};

use crate::live::KnownKey;

/// Known keys by a keyed hash of their value.
///
/// The hash key is drawn anew for every index and never leaves it. A presented value is hashed before it is compared, so
/// how long a look-up takes says nothing about how much of a value was right, and a memory image of the index gives no
/// value away.
#[derive(Clone)]
pub(crate) struct KeyIndex {
    hash_key: hmac::Key,
    by_digest: HashMap<[u8; 32], Arc<KnownKey>>,
}

impl KeyIndex {
    /// An index without keys.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        Self { hash_key: hmac::Key::new(hmac::HMAC_SHA256, &secret), by_digest: HashMap::new() }
    }

    /// Adds a key. Its value is not kept.
    pub(crate) fn add(&mut self, value: &ApiKeyValue, key: KnownKey) {
        let digest = self.digest(value.expose());
        self.by_digest.insert(digest, Arc::new(key));
    }

    /// Forgets every key that `keep` does not name.
    pub(crate) fn retain(&mut self, keep: &dyn Fn(&ApiKeyId) -> bool) {
        self.by_digest.retain(|_digest, key| keep(&key.id));
    }

    /// The key whose value this is.
    pub(crate) fn find(&self, presented: &str) -> Option<&Arc<KnownKey>> {
        self.by_digest.get(&self.digest(presented))
    }

    /// Every key, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<KnownKey>> {
        self.by_digest.values()
    }

    fn digest(&self, value: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.hash_key, value.as_bytes());
        let mut digest = [0; 32];
        digest.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        digest
    }
}

impl fmt::Debug for KeyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyIndex").field("keys", &self.by_digest.len()).finish_non_exhaustive()
    }
}
