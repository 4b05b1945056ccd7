//! `app_clients`: what the broker asks the user pool with.

use std::collections::BTreeMap;
use std::time::Duration;

use oauth::{Scope, ScopeSet};
use policy::ClientId;

use super::{Inspector, values};
use crate::definition::{AppClient, Client};
use crate::document::AppClientDocument;
use crate::written::{Optional, Written};
use crate::{AppClientName, Position};

pub(super) fn inspect(
    written: Optional<BTreeMap<Written<String>, Written<AppClientDocument>>>,
    clients: &BTreeMap<ClientId, Client>,
    inspector: &mut Inspector,
) -> BTreeMap<AppClientName, AppClient> {
    let mut validities: BTreeMap<AppClientName, Duration> = BTreeMap::new();
    for (name, Written { value, .. }) in written.0.unwrap_or_default() {
        let path = format!("app_clients.{}", name.value);
        inspector.note(&path, name.at);
        let validity = validity(&value, &path, inspector);
        let parsed =
            inspector.value(&name, &path, values::NAME, |name| values::parsed::<AppClientName>(name));
        let Some(parsed) = parsed else { continue };
        // While a client is wrong it is not known which app client it meant.
        let is_used = clients.values().any(|client| client.app_client == parsed);
        if !is_used && inspector.errors.is_empty() {
            let mend = "remove it, or name it as a client's `app_client`";
            inspector.report(name.at, &path, "no client uses this app client", mend);
        }
        validities.insert(parsed, validity);
    }
    let names = clients.values().map(|client| &client.app_client);
    let mut app_clients = BTreeMap::new();
    for name in names {
        if !app_clients.contains_key(name) {
            let token_validity = validities.get(name).copied().unwrap_or(DEFAULT_VALIDITY);
            let scopes = union(name, clients, inspector);
            app_clients.insert(name.clone(), AppClient { scopes, token_validity });
        }
    }
    app_clients
}

fn validity(document: &AppClientDocument, path: &str, inspector: &mut Inspector) -> Duration {
    let path = format!("{path}.token_validity");
    let validity = inspector.optional(&document.token_validity, &path, VALIDITY, |text| {
        let validity = values::duration(text)?;
        if !(SHORTEST..=LONGEST).contains(&validity) {
            return Err("Cognito's access tokens live 5 minutes to 24 hours".to_owned());
        }
        if validity.subsec_nanos() > 0 {
            Err("a token's life has whole seconds".into())
        } else {
            Ok(validity)
        }
    });
    validity.unwrap_or(DEFAULT_VALIDITY)
}

/// The scopes of all clients that `name` is used for.
fn union(name: &AppClientName, clients: &BTreeMap<ClientId, Client>, inspector: &mut Inspector) -> ScopeSet {
    let users = clients.values().filter(|client| &client.app_client == name);
    let mut scopes: Vec<Scope> =
        users.flat_map(|client| client.facts.scopes.iter()).filter_map(|scope| scope.parse().ok()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    ScopeSet::from_scopes(&scopes).unwrap_or_else(|error| {
        let path = format!("app_clients.{name}");
        let at = inspector.positions.nearest(&path).unwrap_or(Position::START);
        let problem =
            format!("the clients of this app client need {} scopes together: {error}", scopes.len());
        inspector.report(at, &path, problem, "give some of them another `app_client`");
        ScopeSet::default()
    })
}

const VALIDITY: &str = "write `5m` to `24h` in whole seconds, such as `1h`, `90m` or `1h30m`";
const SHORTEST: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(24);
const DEFAULT_VALIDITY: Duration = Duration::from_hours(1);
