//! What the embedded user pool keeps: its id, its app clients with their secrets, its signing keys.

use std::collections::BTreeMap;

use ambient::Entropy;
use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use user_pool::{AppClientId, AppClientSecret, PoolId, SigningKey, SigningKeys};

use super::State;

const POOL: &str = "user-pool/pool.json";
const ACCESS_KEY: &str = "user-pool/signing-key-access.der";
const IDENTITY_KEY: &str = "user-pool/signing-key-identity.der";

/// What the embedded user pool keeps.
#[derive(Debug)]
pub(crate) struct EmbeddedPool {
    /// The pool's id.
    pub(crate) id: PoolId,
    /// App clients by the name the definition has for them.
    pub(crate) app_clients: BTreeMap<String, (AppClientId, AppClientSecret)>,
    /// The keys that tokens are signed with.
    pub(crate) signing_keys: SigningKeys,
}

/// The part without secrets.
#[derive(Default, Deserialize, Serialize)]
struct Register {
    pool_id: String,
    /// Ids by name.
    app_clients: BTreeMap<String, String>,
}

impl EmbeddedPool {
    /// Reads what is kept, and makes what is missing for the app clients of `names`.
    pub(crate) fn provide<'n>(
        state: &State,
        region: &str,
        names: impl IntoIterator<Item = &'n str>,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<Self> {
        let mut register: Register = match state.read(POOL)? {
            None => Register {
                pool_id: PoolId::generate(region, entropy)?.as_str().to_owned(),
                ..Register::default()
            },
            Some(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "`{}` is damaged; restore it, or remove `user-pool` for a new pool",
                    state.path(POOL).display()
                )
            })?,
        };
        let mut app_clients = BTreeMap::new();
        for name in names {
            let id = match register.app_clients.get(name) {
                Some(id) => AppClientId::parse(id)?,
                None => AppClientId::generate(entropy),
            };
            register.app_clients.insert(name.to_owned(), id.as_str().to_owned());
            app_clients.insert(name.to_owned(), (id, secret(state, name, entropy)?));
        }
        let mut json = serde_json::to_vec_pretty(&register)?;
        json.push(b'\n');
        state.write(POOL, &json)?;
        let signing_keys =
            SigningKeys::new(signing_key(state, ACCESS_KEY)?, signing_key(state, IDENTITY_KEY)?)?;
        Ok(Self { id: PoolId::parse(&register.pool_id)?, app_clients, signing_keys })
    }

    /// The file of the state directory that has the secret of app client `name`.
    pub(crate) fn secret_file(name: &str) -> String {
        format!("user-pool/app-client-{name}.secret")
    }
}

fn secret(state: &State, name: &str, entropy: &dyn Entropy) -> anyhow::Result<AppClientSecret> {
    let file = EmbeddedPool::secret_file(name);
    if let Some(bytes) = state.read(&file)? {
        let text = std::str::from_utf8(&bytes).ok().map(str::trim_end);
        let secret = text.and_then(|text| AppClientSecret::parse(text).ok());
        return secret
            .with_context(|| format!("`{}` is not an app client's secret", state.path(&file).display()));
    }
    let secret = AppClientSecret::generate(entropy);
    state.write(&file, secret.as_secret().expose_secret().as_bytes())?;
    Ok(secret)
}

fn signing_key(state: &State, file: &str) -> anyhow::Result<SigningKey> {
    if let Some(bytes) = state.read(file)? {
        return SigningKey::from_pkcs8(&bytes)
            .with_context(|| format!("`{}` is not a signing key", state.path(file).display()));
    }
    let key = SigningKey::generate()?;
    state.write(file, &key.to_pkcs8()?)?;
    Ok(key)
}
