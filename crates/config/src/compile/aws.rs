//! What a definition becomes on AWS: what Terraform's module makes of it, to hold against what is there.

use policy::ClientId;
use restapi::{Account, AccountId, ApiKey, ApiKeyId, FunctionName, RestApiId};

use super::{Place, account, plans};
use crate::Definition;

/// What a definition does not know of its place on AWS.
#[derive(Clone, Debug)]
pub struct AwsPlace {
    /// The account.
    pub account_id: AccountId,
    /// The broker's function.
    pub function: FunctionName,
    /// The API, once it exists; until then it goes by an id that is made from account, region and name.
    pub api_id: Option<RestApiId>,
}

/// An API key on AWS: its value stays there.
#[derive(Clone, Debug)]
pub struct AwsKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub client: ClientId,
    /// Whether it admits.
    pub enabled: bool,
}

/// The objects that `definition` describes on AWS, with the API keys `keys`; none if AWS is no home of it.
///
/// Stage and region are those of `homes.aws`; metrics, the execution log and the access log are set as API Gateway
/// offers them. A key of a client that is not defined is not among them. Usage plans have ids of their own making:
/// compare them by name.
pub fn compile_aws(definition: &Definition, place: &AwsPlace, keys: &[AwsKey]) -> Option<Account> {
    let place = Place::aws(definition, definition.aws.as_ref()?, place);
    let is_defined = |key: &&AwsKey| definition.clients.contains_key(&key.client);
    let mut keys: Vec<_> = keys.iter().filter(is_defined).map(api_key).collect();
    keys.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
    let plan_ids = plans::any_ids(definition, &place.api_id);
    Some(account(definition, &place, &plan_ids, keys))
}

fn api_key(key: &AwsKey) -> (ClientId, ApiKey) {
    let AwsKey { id, name, client, enabled } = key.clone();
    (client.clone(), ApiKey { id, name, value: None, enabled, customer_id: Some(client.to_string()) })
}
