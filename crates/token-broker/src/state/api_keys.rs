//! API keys: a register of which there are, and a file for each value.
//!
//! A revoked key stays in the register without its value: its id is never given to another key, and a client whose keys
//! were all revoked is not given a new one behind the operator's back.

use ambient::{Clock, Entropy, Timestamp, alphanumeric};
use anyhow::{Context as _, bail};
use policy::ClientId;
use restapi::{ApiKeyId, ApiKeyValue};
use serde::{Deserialize, Serialize};

use super::State;

const REGISTER: &str = "api-keys.json";
const LOWERCASE_ALPHANUMERIC: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The API keys of all clients.
#[derive(Debug)]
pub(crate) struct ApiKeys<'s> {
    state: &'s State,
    entries: Vec<KeyEntry>,
}

/// A key as the register knows it. Its value is not here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct KeyEntry {
    /// Its id.
    pub(crate) id: String,
    /// Its name: the client's, and a number from the second on.
    pub(crate) name: String,
    /// Whose it is.
    pub(crate) client: String,
    /// When it was made, in seconds since 1970.
    pub(crate) created: u64,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<u64>,
}

impl KeyEntry {
    /// The file of its value, within the state directory.
    pub(crate) fn file(&self) -> String {
        format!("keys/{}", self.name)
    }
}

impl<'s> ApiKeys<'s> {
    /// Reads the register.
    pub(crate) fn read(state: &'s State) -> anyhow::Result<Self> {
        let entries = match state.read(REGISTER)? {
            None => Vec::new(),
            Some(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "`{}` is not a register of API keys; restore it, or remove it together with the keys",
                    state.path(REGISTER).display()
                )
            })?,
        };
        Ok(Self { state, entries })
    }

    /// Changes the register, with no other process changing it at the same time.
    pub(crate) fn change<T>(
        state: &'s State,
        change: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let _held = state.lock("api-keys.lock")?;
        change(&mut Self::read(state)?)
    }

    /// Keys that have not been revoked, the oldest first.
    pub(crate) fn active(&self) -> impl Iterator<Item = &KeyEntry> {
        self.entries.iter().filter(|entry| entry.revoked.is_none())
    }

    /// All keys, the revoked ones too.
    pub(crate) fn all(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The value of a key.
    pub(crate) fn value(&self, entry: &KeyEntry) -> anyhow::Result<ApiKeyValue> {
        let file = self.state.path(&entry.file());
        let shown = file.display();
        let bytes = self.state.read(&entry.file())?;
        let bytes = bytes.with_context(|| {
            format!("the value of API key `{}` is gone: `{shown}` is not there", entry.name)
        })?;
        let text =
            std::str::from_utf8(&bytes).ok().with_context(|| format!("`{shown}` is not an API key"))?;
        ApiKeyValue::new(text.trim_end().to_owned()).with_context(|| format!("`{shown}` is not an API key"))
    }

    /// Gives every client that never had a key its first one.
    pub(crate) fn provide<'c>(
        &mut self,
        clients: impl IntoIterator<Item = &'c ClientId>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<()> {
        for client in clients {
            if !self.entries.iter().any(|entry| entry.client == client.as_str()) {
                self.add(client, clock.now(), entropy)?;
            }
        }
        Ok(())
    }

    /// Makes a further key for `client`.
    pub(crate) fn add(
        &mut self,
        client: &ClientId,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<KeyEntry> {
        let before = self.entries.iter().filter(|entry| entry.client == client.as_str()).count();
        let name = if before == 0 { client.to_string() } else { format!("{client}.{}", before + 1) };
        let id = alphanumeric(entropy, LOWERCASE_ALPHANUMERIC, 10);
        let entry = KeyEntry { id, name, client: client.to_string(), created: now.as_secs(), revoked: None };
        // The value first: a register that names a file that is not there would be an error at the next start.
        let value = alphanumeric(entropy, ApiKeyValue::ALPHABET, ApiKeyValue::GENERATED_LENGTH);
        self.state.write(&entry.file(), value.as_bytes())?;
        self.entries.push(entry.clone());
        self.save()?;
        Ok(entry)
    }

    /// Revokes the key with this id or name.
    pub(crate) fn revoke(&mut self, id_or_name: &str, now: Timestamp) -> anyhow::Result<KeyEntry> {
        let is_it = |entry: &&mut KeyEntry| entry.id == id_or_name || entry.name == id_or_name;
        let Some(entry) = self.entries.iter_mut().find(is_it) else {
            bail!("there is no API key `{id_or_name}`; `token-broker keys list` shows which there are");
        };
        if entry.revoked.is_some() {
            self.state.remove(&entry.file())?;
            bail!("the API key `{}` has been revoked already", entry.name);
        }
        entry.revoked = Some(now.as_secs());
        let entry = entry.clone();
        // From here on the value admits nobody, whether or not its file is still there.
        self.save()?;
        Ok(entry)
    }

    /// Removes the value of a key that has been revoked.
    pub(crate) fn forget(&self, entry: &KeyEntry) -> anyhow::Result<()> {
        self.state.remove(&entry.file())
    }

    /// What a configuration with these clients is compiled with. Keys of clients that it does not know stay in the
    /// register and admit nobody.
    pub(crate) fn records(
        &self,
        known: impl Fn(&ClientId) -> bool,
    ) -> anyhow::Result<Vec<config::KeyRecord>> {
        let mut records = Vec::new();
        for entry in self.active() {
            let client: ClientId = entry.client.parse()?;
            if known(&client) {
                let (id, value) = (ApiKeyId::parse(&entry.id)?, self.value(entry)?);
                records.push(config::KeyRecord {
                    id,
                    name: entry.name.clone(),
                    client,
                    value,
                    enabled: true,
                });
            } else {
                tracing::warn!(
                    key = entry.name,
                    "an API key is of a client that the definition does not have"
                );
            }
        }
        Ok(records)
    }

    fn save(&self) -> anyhow::Result<()> {
        let mut json = serde_json::to_vec_pretty(&self.entries)?;
        json.push(b'\n');
        self.state.write(REGISTER, &json)
    }
}

#[cfg(test)]
mod tests {
    use testkit::{ManualClock, SeededEntropy};

    use super::*;

    fn client(name: &str) -> ClientId {
        name.parse().unwrap()
    }

    fn with_keys(test: impl FnOnce(&mut ApiKeys<'_>, &ManualClock, &SeededEntropy)) {
        let parent = tempfile::tempdir().unwrap();
        let state = State::open_or_create(&parent.path().join("state")).unwrap();
        let mut keys = ApiKeys::read(&state).unwrap();
        test(&mut keys, &ManualClock::default(), &SeededEntropy::new(1));
    }

    #[test]
    fn every_client_is_given_one_key_once() {
        with_keys(|keys, clock, entropy| {
            let clients = [client("billing"), client("reports")];
            keys.provide(&clients, clock, entropy).unwrap();
            keys.provide(&clients, clock, entropy).unwrap();
            let names: Vec<_> = keys.active().map(|entry| entry.name.clone()).collect();
            assert_eq!(names, ["billing", "reports"]);
            let again = ApiKeys::read(keys.state).unwrap();
            assert_eq!(again.all(), keys.all());
            let values: Vec<_> =
                keys.active().map(|entry| keys.value(entry).unwrap().expose().to_owned()).collect();
            assert!(values.iter().all(|value| value.len() == 40));
            assert_ne!(values[0], values[1]);
        });
    }

    #[test]
    fn revoked_key_keeps_its_id_and_loses_its_value_and_is_not_replaced() {
        with_keys(|keys, clock, entropy| {
            let clients = [client("billing")];
            keys.provide(&clients, clock, entropy).unwrap();
            let second = keys.add(&clients[0], clock.now(), entropy).unwrap();
            assert_eq!(second.name, "billing.2");
            for id_or_name in ["billing", &second.id] {
                let revoked = keys.revoke(id_or_name, clock.now()).unwrap();
                keys.forget(&revoked).unwrap();
            }
            assert!(keys.state.read("keys/billing").unwrap().is_none());
            keys.provide(&clients, clock, entropy).unwrap();
            assert_eq!(keys.active().count(), 0);
            assert_eq!(keys.all().len(), 2);
            assert_eq!(keys.add(&clients[0], clock.now(), entropy).unwrap().name, "billing.3");
        });
    }

    #[test]
    fn unknown_and_revoked_keys_cannot_be_revoked() {
        with_keys(|keys, clock, entropy| {
            keys.provide(&[client("billing")], clock, entropy).unwrap();
            assert!(keys.revoke("nobody", clock.now()).unwrap_err().to_string().contains("keys list"));
            keys.revoke("billing", clock.now()).unwrap();
            assert!(keys.revoke("billing", clock.now()).unwrap_err().to_string().contains("already"));
        });
    }

    #[test]
    fn value_file_with_anything_else_is_refused_without_repeating_it() {
        with_keys(|keys, clock, entropy| {
            keys.provide(&[client("billing")], clock, entropy).unwrap();
            keys.state.write("keys/billing", b"short secret").unwrap();
            let entry = keys.active().next().unwrap().clone();
            let error = format!("{:#}", keys.value(&entry).unwrap_err());
            assert!(error.contains("keys/billing") && !error.contains("short secret"), "{error}");
        });
    }
}
