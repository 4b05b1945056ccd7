//! Where a running server is reached: other commands find it by a file in the state directory.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::presence::server_runs;
use crate::state::State;

const FILE: &str = "endpoints.json";

/// The addresses of a running server.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Endpoints {
    pub(crate) invoke_url: String,
    /// The file of the front door's certificate, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) admin: String,
    pub(crate) issuer: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) pid: u32,
}

impl Endpoints {
    /// Where the server on this state directory is.
    ///
    /// A server that was killed leaves its file behind, and somebody else may listen at its address by now: an API key
    /// must not be sent there. So the file counts only while its server holds the lock.
    pub(crate) fn read(state: &State) -> anyhow::Result<Self> {
        if !server_runs(state)? {
            bail!("no server runs on this state directory; start it with `token-broker up`");
        }
        let Some(bytes) = state.read(FILE)? else {
            bail!(
                "the server on this state directory is starting; try again, or see what `token-broker up` says"
            );
        };
        serde_json::from_slice(&bytes).with_context(|| format!("`{}` is damaged", state.path(FILE).display()))
    }

    pub(super) fn write(&self, state: &State) -> anyhow::Result<()> {
        state.write(FILE, &serde_json::to_vec(self)?)
    }

    /// Says that the running server has its certificate from another file now.
    pub(crate) fn move_certificate(state: &State, file: PathBuf) -> anyhow::Result<()> {
        let endpoints = Self::read(state)?;
        Self { certificate: Some(file), ..endpoints }.write(state)
    }

    pub(super) fn remove(state: &State) -> anyhow::Result<()> {
        state.remove(FILE)
    }
}
