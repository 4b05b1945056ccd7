//! `clients`: who may ask for tokens, and for which.

use std::collections::BTreeMap;

use ambient::Timestamp;
use ipnet::IpNet;
use oauth::{GrantType, Scope, ScopeSet};
use policy::{ClientFacts, ClientId, GroupName};

use super::{Inspector, plans, values};
use crate::definition::Client;
use crate::document::ClientDocument;
use crate::error::Shown;
use crate::nearest::nearest;
use crate::written::{Optional, Written};
use crate::{AppClientName, PlanName};

pub(super) fn inspect(
    written: Optional<BTreeMap<Written<String>, Written<ClientDocument>>>,
    plans: &plans::Inspected,
    inspector: &mut Inspector,
) -> BTreeMap<ClientId, Client> {
    let mut clients = BTreeMap::new();
    for (name, Written { value, .. }) in written.0.unwrap_or_default() {
        let path = format!("clients.{}", name.value);
        inspector.note(&path, name.at);
        let id = inspector.value(&name, &path, values::NAME, |name| values::parsed::<ClientId>(name));
        // A client without a name is judged all the same, under one that is never seen.
        let subject = id.clone().or_else(|| "unnamed".parse().ok());
        let client = subject.and_then(|subject| client(value, &path, subject, plans, inspector));
        clients.extend(id.zip(client));
    }
    clients
}

fn client(
    document: ClientDocument,
    path: &str,
    id: ClientId,
    plans: &plans::Inspected,
    inspector: &mut Inspector,
) -> Option<Client> {
    refuse_budget(&document, path, inspector);
    let plan = plan(&document.plan, &format!("{path}.plan"), plans, inspector);
    let scopes = scopes(&document.scopes, &format!("{path}.scopes"), inspector);
    let facts = ClientFacts {
        id,
        enabled: document.enabled.0.as_ref().is_none_or(|enabled| enabled.value),
        grants: grants(&document.grants, &format!("{path}.grants"), inspector),
        default_scopes: default_scopes(&document, path, scopes.as_ref(), inspector),
        scopes: scopes.unwrap_or_default(),
        allow_from: allow_from(&document.allow_from, &format!("{path}.allow_from"), inspector),
        not_before: moment(&document.not_before, &format!("{path}.not_before"), inspector),
        not_after: moment(&document.not_after, &format!("{path}.not_after"), inspector),
        groups: groups(&document.groups, &format!("{path}.groups"), inspector),
    };
    check_dates(&document, &facts, path, inspector);
    let app_client = document.app_client.0.map_or_else(
        || "m2m".parse().ok(),
        |name| {
            inspector.value(&name, &format!("{path}.app_client"), values::NAME, |name| {
                values::parsed::<AppClientName>(name)
            })
        },
    );
    Some(Client { facts, plan: plan?, app_client: app_client? })
}

/// A budget that is read and not kept would be worse than none.
fn refuse_budget(document: &ClientDocument, path: &str, inspector: &mut Inspector) {
    if let Some(budget) = &document.budget.0 {
        let problem = "token budgets are not supported yet";
        inspector.report(
            budget.at,
            &format!("{path}.budget"),
            problem,
            "remove it; until then nothing would keep it",
        );
    }
}

fn plan(
    written: &Written<String>,
    path: &str,
    plans: &plans::Inspected,
    inspector: &mut Inspector,
) -> Option<PlanName> {
    let Some(plan) = plans.get(&written.value) else {
        let mend = match nearest(&written.value, plans.keys().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "add it under `plans`, or name one that is there".into(),
        };
        inspector.report(written.at, path, format!("there is no plan {}", Shown(&written.value)), mend);
        return None;
    };
    plan.as_ref().map(|(name, _)| name.clone())
}

fn scopes(
    written: &Written<Vec<Written<String>>>,
    path: &str,
    inspector: &mut Inspector,
) -> Option<ScopeSet> {
    let mend = "name at least one scope; to give it no tokens, set `enabled: false`";
    let scopes = list(written, path, mend, inspector, |written, path, inspector| {
        inspector.value(written, path, values::SCOPE, |text| values::scope(text))
    })?;
    let set = ScopeSet::from_scopes(scopes.iter().collect::<Vec<&Scope>>());
    set.map_err(|error| {
        inspector.report(
            written.at,
            path,
            error.to_string(),
            "split the client: an app client has at most 50 scopes",
        );
    })
    .ok()
}

fn default_scopes(
    document: &ClientDocument,
    path: &str,
    allowed: Option<&ScopeSet>,
    inspector: &mut Inspector,
) -> ScopeSet {
    let Some(written) = &document.default_scopes.0 else { return ScopeSet::default() };
    let path = format!("{path}.default_scopes");
    for scope in &written.value {
        let is_allowed = allowed.is_none_or(|allowed| allowed.contains(&scope.value));
        if !is_allowed {
            let problem = format!("{} is not among the client's scopes", Shown(&scope.value));
            inspector.report(scope.at, &path, problem, "add it to `scopes`, or remove it here");
        }
    }
    let mend = "name at least one scope, or remove the field: then the client must ask for its scopes";
    let defaults = list(written, &path, mend, inspector, |written, _, _| written.value.parse::<Scope>().ok());
    defaults.and_then(|scopes| ScopeSet::from_scopes(&scopes).ok()).unwrap_or_default()
}

fn grants(
    written: &Optional<Written<Vec<Written<String>>>>,
    path: &str,
    inspector: &mut Inspector,
) -> Vec<GrantType> {
    let Some(written) = &written.0 else { return vec![GrantType::ClientCredentials] };
    let supported = GrantType::ALL.map(GrantType::as_str).join("`, `");
    let mend = format!("supported: `{supported}`; without the field it is `client_credentials`");
    let grants = list(written, path, &mend, inspector, |written, path, inspector| {
        inspector.value(written, path, &mend, |name| {
            name.parse::<GrantType>().map_err(|error| format!("{} is {error}", Shown(name)))
        })
    });
    grants.unwrap_or_default()
}

fn allow_from(
    written: &Optional<Written<Vec<Written<String>>>>,
    path: &str,
    inspector: &mut Inspector,
) -> Vec<IpNet> {
    let Some(written) = &written.0 else { return Vec::new() };
    let mend = "name at least one network, or remove the field: then the client may come from anywhere";
    let networks = list(written, path, mend, inspector, |written, path, inspector| {
        inspector.value(written, path, values::NETWORK, |text| values::network(text))
    });
    networks.unwrap_or_default()
}

fn groups(
    written: &Optional<Written<Vec<Written<String>>>>,
    path: &str,
    inspector: &mut Inspector,
) -> Vec<GroupName> {
    let Some(written) = &written.0 else { return Vec::new() };
    let groups =
        list(written, path, "name a group, or remove the field", inspector, |written, path, inspector| {
            inspector.value(written, path, values::NAME, |name| values::parsed::<GroupName>(name))
        });
    groups.unwrap_or_default()
}

fn moment(written: &Optional<Written<String>>, path: &str, inspector: &mut Inspector) -> Option<Timestamp> {
    inspector.optional(written, path, values::MOMENT, |text| values::moment(text))
}

fn check_dates(document: &ClientDocument, facts: &ClientFacts, path: &str, inspector: &mut Inspector) {
    let (Some(first), Some(last), Some(written)) = (facts.not_before, facts.not_after, &document.not_after.0)
    else {
        return;
    };
    if first >= last {
        let problem = "the last moment is not after `not_before`";
        inspector.report(
            written.at,
            &format!("{path}.not_after"),
            problem,
            "give the client some time, or remove one",
        );
    }
}

/// A list with at least one entry, none of them twice. What is wrong with the list itself is said with `mend`.
fn list<T>(
    written: &Written<Vec<Written<String>>>,
    path: &str,
    mend: &str,
    inspector: &mut Inspector,
    mut read: impl FnMut(&Written<String>, &str, &mut Inspector) -> Option<T>,
) -> Option<Vec<T>> {
    let Written { value: entries, at } = written;
    if entries.is_empty() {
        inspector.report(*at, path, "the list is empty", mend);
        return None;
    }
    for (index, entry) in entries.iter().enumerate() {
        if entries.iter().take(index).any(|earlier| earlier == entry) {
            let problem = format!("{} stands in the list twice", Shown(&entry.value));
            inspector.report(entry.at, path, problem, "remove one of the two");
        }
    }
    Some(entries.iter().filter_map(|entry| read(entry, path, inspector)).collect())
}
