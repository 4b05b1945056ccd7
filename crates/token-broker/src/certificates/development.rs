//! A certificate for development, made when it is needed and kept in the state directory.

use std::sync::Arc;

use ambient::{Clock, Entropy};
use anyhow::Context as _;
use tls::{Clients, Credentials, MinVersion, Settings};

use crate::state::State;

const CERTIFICATE: &str = "tls/certificate.pem";
const KEY: &str = "tls/key.pem";
/// The names that the certificate was made for.
const NAMES: &str = "tls/names";

/// What a certificate for development is made with.
#[derive(Debug)]
pub(crate) struct Development {
    state: State,
    /// What this machine is called, besides `localhost`.
    names: Vec<String>,
    entropy: Arc<dyn Entropy>,
}

impl Development {
    /// Certificates for this machine by its own name and by `api_host`.
    pub(crate) fn new(state: State, api_host: String, entropy: Arc<dyn Entropy>) -> Self {
        let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { state, names: vec![own, api_host], entropy }
    }

    /// The files of the certificate. It is made anew if it is missing, damaged, for other names, or near its end.
    pub(super) fn provide(&self, clock: &Arc<dyn Clock>) -> anyhow::Result<Settings> {
        let settings = Settings {
            certificate: self.state.path(CERTIFICATE),
            key: self.state.path(KEY),
            clients: Clients::Unasked,
            min_version: MinVersion::Tls12,
        };
        let names = self.names.join("\n");
        let is_for_these = self.state.read(NAMES)?.is_some_and(|kept| kept.as_slice() == names.as_bytes());
        let kept = Credentials::load(&settings, Arc::clone(clock));
        if is_for_these && kept.is_ok_and(|kept| kept.warnings().is_empty()) {
            return Ok(settings);
        }
        let made = tls::self_signed(&self.names, clock.now(), &*self.entropy)
            .context("a certificate for development cannot be made")?;
        self.state.write(KEY, made.key.as_bytes())?;
        self.state.write(CERTIFICATE, made.certificate.as_bytes())?;
        self.state.write(NAMES, names.as_bytes())?;
        tracing::info!("a certificate for development was made; nobody but this machine should trust it");
        Ok(settings)
    }
}
