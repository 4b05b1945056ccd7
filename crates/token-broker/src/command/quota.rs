//! `quota extend`: more requests for a key, until its quota starts anew.

use anyhow::bail;

use super::usage::{no_such_client, until};
use crate::cli::{Place, Quota};
use crate::control::{Asked, KeyStanding, Server};
use crate::state::State;
use crate::terminal::{self, ACCENT};

pub(crate) fn run(place: &Place, quota: &Quota) -> anyhow::Result<()> {
    let Quota::Extend { client, more, key, output } = quota;
    let state = State::open(&place.state)?;
    let server = Server::find(&state, "quotas are read and extended through it")?;
    let keys = server.standings(Asked { client: Some(client), days: None })?.items;
    let chosen = chosen(client, key.as_deref(), &keys)?;
    if chosen.quota.is_none() {
        bail!("the plan `{}` of `{client}` has no quota, so there is nothing to extend", chosen.plan);
    }
    let after = server.extend(chosen, *more)?;
    if output.json {
        return terminal::print_line(&serde_json::to_string(&after)?);
    }
    terminal::print_line(&told(&after, *more))
}

/// The one key that is meant.
fn chosen<'k>(client: &str, key: Option<&str>, keys: &'k [KeyStanding]) -> anyhow::Result<&'k KeyStanding> {
    let names = || keys.iter().map(|key| format!("`{}`", key.key)).collect::<Vec<_>>().join(", ");
    match (key, keys) {
        (_, []) => Err(no_such_client(client)),
        (None, [only]) => Ok(only),
        (None, _) => {
            bail!(
                "`{client}` has several API keys, and each has a quota of its own; name one of {} with --key",
                names()
            )
        }
        (Some(wanted), _) => match keys.iter().find(|key| key.key == wanted || key.key_id == wanted) {
            Some(key) => Ok(key),
            None => bail!("`{client}` has no API key `{wanted}` in force; it has {}", names()),
        },
    }
}

fn told(after: &KeyStanding, more: u64) -> String {
    let KeyStanding { key, key_id, client, quota, .. } = after;
    let Some(quota) = quota else { return String::new() };
    let end = until(quota).map(|end| format!(" until {end}")).unwrap_or_default();
    let given = quota.limit.saturating_add(quota.extra);
    let lost = if quota.lost > 0 { format!(", {} lost", quota.lost) } else { String::new() };
    format!(
        "{ACCENT}{key}{ACCENT:#} (id {key_id}) of `{client}` may make {more} requests more{end}\n{} of {given} used{lost}, {} left",
        quota.used, quota.left
    )
}
