//! Reloads that somebody asks for, and waits for.

use std::sync::Arc;

use config::{Change, Meaning};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::History;
use crate::chain::{Chain, Generation};
use crate::control::Moment;

/// A reload that is asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(super) answer: oneshot::Sender<Result<TakenOver, Refusal>>,
}

/// What a reload has brought.
#[derive(Debug)]
pub(crate) struct TakenOver {
    pub(crate) generation: Generation,
    pub(crate) changes: Vec<Change>,
}

/// Why a definition was not taken over, as whoever asked is told: the error, and what caused it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
}

impl From<&anyhow::Error> for Refusal {
    fn from(error: &anyhow::Error) -> Self {
        let causes = error.chain().skip(1).map(ToString::to_string).collect();
        Self { message: error.to_string(), causes }
    }
}

/// What is in force, on the wire.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// Counted from the start of the server.
    pub(crate) generation: u64,
    pub(crate) since: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_reload: Option<LastReload>,
    pub(crate) definition: Meaning,
}

/// The last reload, on the wire.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct LastReload {
    pub(crate) at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

/// Where reloads are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Reloads {
    sender: mpsc::Sender<Request>,
    chain: Arc<Chain>,
    history: Arc<History>,
}

impl Reloads {
    /// Reloads of `chain`, and where they arrive.
    pub(crate) fn new(chain: Arc<Chain>, history: Arc<History>) -> (Self, mpsc::Receiver<Request>) {
        let (sender, requests) = mpsc::channel(WAITING);
        (Self { sender, chain, history }, requests)
    }

    /// Asks for a reload and waits for what comes of it; none if the server stops first.
    pub(crate) async fn reload(&self) -> Option<Result<TakenOver, Refusal>> {
        let (answer, outcome) = oneshot::channel();
        self.sender.send(Request { answer }).await.ok()?;
        outcome.await.ok()
    }

    /// What is in force.
    pub(crate) fn status(&self) -> Status {
        let (generation, since, last) = self.history.now();
        let (definition, _) = self.chain.definition();
        Status {
            generation: generation.0,
            since: Moment(since),
            last_reload: last.map(|last| LastReload { at: Moment(last.at), refused: last.refusal }),
            definition: Meaning::from(&*definition),
        }
    }
}

/// How many may wait for the one before theirs.
const WAITING: usize = 16;
