//! `keys`: list, add, revoke. Values are never printed; they lie in their files.

use ambient::{Clock as _, SystemClock, SystemEntropy, Timestamp};
use anyhow::bail;
use policy::ClientId;
use serde_json::json;

use crate::cli::{Keys, Output, Place};
use crate::definition;
use crate::presence::reached;
use crate::state::{ApiKeys, KeyEntry, State};
use crate::terminal::{self, ACCENT, duration, table};

pub(crate) fn run(place: &Place, keys: &Keys) -> anyhow::Result<()> {
    match keys {
        Keys::List(output) => list(place, *output),
        Keys::Add { client, output } => add(place, client, *output),
        Keys::Revoke { key, output } => revoke(place, key, *output),
    }
}

fn list(place: &Place, output: Output) -> anyhow::Result<()> {
    let state = State::open(&place.state)?;
    let keys = ApiKeys::read(&state)?;
    if output.json {
        let all: Vec<_> = keys.all().iter().map(|entry| shown(&state, entry)).collect();
        return terminal::print_line(&serde_json::to_string_pretty(&all)?);
    }
    let now = SystemClock.now();
    let rows: Vec<_> = keys
        .all()
        .iter()
        .map(|entry| {
            let age =
                |then: u64| format!("{} ago", duration(now.since(Timestamp::from_secs(then)).as_secs()));
            let (status, file) = match entry.revoked {
                Some(then) => (format!("revoked {}", age(then)), "-".to_owned()),
                None => ("active".to_owned(), state.path(&entry.file()).display().to_string()),
            };
            [entry.name.clone(), entry.id.clone(), entry.client.clone(), age(entry.created), status, file]
        })
        .collect();
    terminal::print(&table("", ["KEY", "ID", "CLIENT", "MADE", "STATUS", "FILE"], &rows))
}

fn add(place: &Place, client: &str, output: Output) -> anyhow::Result<()> {
    let definition = definition::read(&place.config)?;
    let known: Option<&ClientId> = definition.clients.keys().find(|known| known.as_str() == client);
    let Some(client) = known else {
        bail!("there is no client `{client}` in `{}`; add it there first", place.config.display());
    };
    let state = State::open_or_create(&place.state)?;
    let entry = ApiKeys::change(&state, |keys| keys.add(client, SystemClock.now(), &SystemEntropy))?;
    let told = reached(&state).told()?;
    if output.json {
        return terminal::print_line(&shown(&state, &entry).to_string());
    }
    let file = state.path(&entry.file());
    terminal::print_line(&format!(
        "{ACCENT}{}{ACCENT:#}  is a new key of `{client}` (id {}); its value is in {}\n{}",
        entry.name,
        entry.id,
        file.display(),
        told
    ))
}

fn revoke(place: &Place, key: &str, output: Output) -> anyhow::Result<()> {
    let state = State::open(&place.state)?;
    let entry = ApiKeys::change(&state, |keys| keys.revoke(key, SystemClock.now()))?;
    let reached = reached(&state);
    ApiKeys::read(&state)?.forget(&entry)?;
    let told = reached.told()?;
    if output.json {
        return terminal::print_line(&shown(&state, &entry).to_string());
    }
    terminal::print_line(&format!(
        "{ACCENT}{}{ACCENT:#}  (id {}) of `{}` is revoked\n{}",
        entry.name, entry.id, entry.client, told
    ))
}

fn shown(state: &State, entry: &KeyEntry) -> serde_json::Value {
    let file = entry.revoked.is_none().then(|| state.path(&entry.file()).display().to_string());
    json!({
        "id": entry.id, "name": entry.name, "client": entry.client, "created": entry.created,
        "revoked": entry.revoked, "file": file,
    })
}
