//! From a definition to the objects that API Gateway would hold.
//!
//! Ids are derived from names, so that a URL, a log line and a limit mean the same thing after every start. Nothing is
//! judged here: a definition that makes sense and breaks a guardrail compiles, so that [`guard`](crate::guard) can say
//! where.

mod aws;
mod gateway_responses;
mod place;
mod plans;
mod rest_api;

use std::collections::BTreeMap;

use policy::{ClientFacts, ClientId};
use restapi::{Account, ApiKey, ApiKeyId, ApiKeyValue, RestApiId, UsagePlanId, UsagePlanKey};
use thiserror::Error;

pub use aws::{AwsKey, AwsPlace, compile_aws};
use place::Place;

use crate::position::Positions;
use crate::{AppClient, AppClientName, Definition, PlanName, Waiver};

/// An API key of a client, as the key store holds it.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The key's id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub client: ClientId,
    /// What the client presents.
    pub value: ApiKeyValue,
    /// Whether it admits.
    pub enabled: bool,
    /// The key's name.
    pub name: String,
}

/// What a definition becomes on this machine.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the data plane sees.
    pub account: Account,
    /// The one API in it.
    pub api_id: RestApiId,
    /// What the broker knows of each client, by name.
    pub clients: Vec<CompiledClient>,
    /// What the broker asks the user pool with.
    pub app_clients: BTreeMap<AppClientName, AppClient>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) positions: Positions,
}

/// What the broker knows of a client.
#[derive(Clone, Debug)]
pub struct CompiledClient {
    /// What policy looks at.
    pub facts: ClientFacts,
    /// The plan of its keys.
    pub plan: PlanName,
    /// The app client to ask with for it.
    pub app_client: AppClientName,
    /// Its keys, in the order of their ids: what the request context names it by.
    pub keys: Vec<ApiKeyId>,
}

/// Keys and definition do not fit together.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CompileError {
    /// A key is of a client that is not defined.
    #[error(
        "the API key {key} is of the client `{client}`, which is not defined; revoke it or define the client"
    )]
    UnknownClient {
        /// The key.
        key: ApiKeyId,
        /// The client that was named.
        client: ClientId,
    },
    /// Two keys have one id.
    #[error("two API keys have the id {key}; revoke one of them and make a new one")]
    RepeatedKeyId {
        /// The id.
        key: ApiKeyId,
    },
    /// Two plans get one id.
    #[error("the plans `{first}` and `{second}` get the same id; give one of them another name")]
    RepeatedPlanId {
        /// The one.
        first: PlanName,
        /// The other.
        second: PlanName,
    },
}

/// The objects that `definition` describes on this machine, with the API keys `keys`.
pub fn compile(definition: &Definition, keys: Vec<KeyRecord>) -> Result<Compiled, CompileError> {
    let Definition { clients, app_clients, waivers, positions, .. } = definition;
    let keys = sorted(keys, definition)?;
    let place = Place::local(definition);
    let plan_ids = plans::ids(definition, &place.api_id)?;
    let mut keys_of: BTreeMap<&ClientId, Vec<ApiKeyId>> = BTreeMap::new();
    for key in &keys {
        keys_of.entry(&key.client).or_default().push(key.id.clone());
    }
    let compiled_clients = clients.iter().map(|(id, client)| CompiledClient {
        keys: keys_of.remove(id).unwrap_or_default(),
        facts: client.facts.clone(),
        plan: client.plan.clone(),
        app_client: client.app_client.clone(),
    });
    let compiled_clients = compiled_clients.collect();
    let keys = keys.into_iter().map(api_key).collect();
    Ok(Compiled {
        account: account(definition, &place, &plan_ids, keys),
        api_id: place.api_id,
        clients: compiled_clients,
        app_clients: app_clients.clone(),
        waivers: waivers.clone(),
        positions: positions.clone(),
    })
}

/// The objects in one place, with the keys of each client.
fn account(
    definition: &Definition,
    place: &Place<'_>,
    plan_ids: &BTreeMap<PlanName, UsagePlanId>,
    keys: Vec<(ClientId, ApiKey)>,
) -> Account {
    let on_plan = |(client, key): &(ClientId, ApiKey)| {
        let plan = definition.clients.get(client).and_then(|client| plan_ids.get(&client.plan));
        plan.map(|plan| UsagePlanKey { usage_plan_id: plan.clone(), key_id: key.id.clone() })
    };
    Account {
        account_id: place.account_id.clone(),
        region: place.region.clone(),
        throttle_settings: place.account_throttle,
        permissions: vec![rest_api::permission(place)],
        usage_plans: plans::plans(definition, place, plan_ids),
        usage_plan_keys: keys.iter().filter_map(on_plan).collect(),
        rest_apis: vec![rest_api::api(definition, place)],
        api_keys: keys.into_iter().map(|(_, key)| key).collect(),
    }
}

/// The keys by id, each of a client that is defined, none twice.
fn sorted(mut keys: Vec<KeyRecord>, definition: &Definition) -> Result<Vec<KeyRecord>, CompileError> {
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    let twins = keys.iter().zip(keys.iter().skip(1)).find(|(key, next)| key.id == next.id);
    if let Some((key, _)) = twins {
        return Err(CompileError::RepeatedKeyId { key: key.id.clone() });
    }
    match keys.iter().find(|key| !definition.clients.contains_key(&key.client)) {
        Some(key) => Err(CompileError::UnknownClient { key: key.id.clone(), client: key.client.clone() }),
        None => Ok(keys),
    }
}

fn api_key(record: KeyRecord) -> (ClientId, ApiKey) {
    let KeyRecord { id, client, value, enabled, name } = record;
    let key = ApiKey { id, name, value: Some(value), enabled, customer_id: Some(client.to_string()) };
    (client, key)
}

#[cfg(test)]
mod tests;
