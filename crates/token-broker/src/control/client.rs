//! The commands' end of the control socket.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::socket;
use super::wire::{DailyUsage, KeyStanding, Standings};
use super::{DEFINITION, RELOAD};
use crate::http_client;
use crate::presence::server_runs;
use crate::reload::Status;
use crate::state::State;

/// The server that runs on a state directory.
#[derive(Debug)]
pub(crate) struct Server<'s> {
    state: &'s State,
}

/// Which keys, and which of their days.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// Of this client; of every one if none is named.
    pub(crate) client: Option<&'a str>,
    /// The first and the last of the days to be told; none if there is no need.
    pub(crate) days: Option<(limits::Day, limits::Day)>,
}

impl<'s> Server<'s> {
    /// The server on `state`, which must be running: `what` is it that only a server can do.
    pub(crate) fn find(state: &'s State, what: &str) -> anyhow::Result<Self> {
        if server_runs(state)? {
            return Ok(Self { state });
        }
        bail!("no server runs on this state directory, and {what}; start it with `token-broker up`")
    }

    /// Where keys stand, all pages of it, by client and name.
    pub(crate) fn standings(&self, asked: Asked<'_>) -> anyhow::Result<Standings> {
        let mut all = self.page(asked, None)?;
        while let Some(position) = all.position.take() {
            let Standings { items, position, .. } = self.page(asked, Some(&position))?;
            all.items.extend(items);
            all.position = position;
        }
        // Pages go by the ids of keys, which say nothing to anybody.
        all.items.sort_by(|a, b| (&a.client, &a.key).cmp(&(&b.client, &b.key)));
        Ok(all)
    }

    /// Has the definition read again, and says what that has brought; an error if it was refused, as the server says it.
    pub(crate) fn reload(&self) -> anyhow::Result<Value> {
        self.ask(http::Request::post(RELOAD).body(Full::default())?)
    }

    /// The definition in force.
    pub(crate) fn definition(&self) -> anyhow::Result<Status> {
        self.ask(http::Request::get(DEFINITION).body(Full::default())?)
    }

    fn page(&self, asked: Asked<'_>, position: Option<&str>) -> anyhow::Result<Standings> {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", PAGE);
        query.extend_pairs(asked.client.map(|client| ("client", client)));
        if let Some((start, end)) = asked.days {
            query.append_pair("startDate", &start.to_string()).append_pair("endDate", &end.to_string());
        }
        query.extend_pairs(position.map(|position| ("position", position)));
        let path = format!("/standings?{}", query.finish());
        self.ask(http::Request::get(path).body(Full::default())?)
    }

    /// Gives a key `more` requests in the window that is open, and says where it stands then.
    pub(crate) fn extend(&self, key: &KeyStanding, more: u64) -> anyhow::Result<KeyStanding> {
        let operation = json!({ "op": "add", "path": "/remaining", "value": more.to_string() });
        let body = json!({ "patchOperations": [operation] }).to_string();
        let path = format!("/usageplans/{}/keys/{}/usage", key.usage_plan_id, key.key_id);
        let usage: DailyUsage = self.ask(http::Request::patch(path).body(Full::new(Bytes::from(body)))?)?;
        usage.standing.context("the server did not say where the key stands")
    }

    fn ask<T: DeserializeOwned>(&self, request: http::Request<Full<Bytes>>) -> anyhow::Result<T> {
        let stream = socket::connect(self.state).context(
            "the server's control socket cannot be reached; if it has just been started, try again",
        )?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(http_client::send_locally(stream, request))?;
        if !answer.status().is_success() {
            let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let message = said.get("message").and_then(Value::as_str).unwrap_or("it does not say why");
            let causes = said.get("causes").and_then(Value::as_array).into_iter().flatten();
            let causes: Vec<_> = causes.filter_map(Value::as_str).map(ToOwned::to_owned).collect();
            return Err(Refused { message: message.to_owned(), causes }.into());
        }
        serde_json::from_slice(answer.body())
            .context("the server's answer cannot be read; is it of another version?")
    }
}

/// The server does not do what it was asked, and says why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the server refuses: {message}")]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
}

impl Refused {
    /// The error as it was where it happened.
    pub(crate) fn into_original(self) -> anyhow::Error {
        let mut causes = self.causes.into_iter().rev();
        let Some(first) = causes.next() else { return anyhow::Error::msg(self.message) };
        causes.fold(anyhow::Error::msg(first), anyhow::Error::context).context(self.message)
    }
}

/// How many keys to ask for at a time: with ninety days for each, and the largest numbers, they stay below what an answer
/// may have.
const PAGE: &str = "100";
