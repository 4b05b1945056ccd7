//! In which region the API is, and in whose account: what ARNs in the document say, else what is looked up, else what the
//! provider is told.

use restapi::{AccountId, IntegrationUri, Region};
use serde_json::Value;

use super::block::{Block, references};
use super::document::Document;
use super::graph::Graph;
use super::uri;

/// Region and account number, as far as the document tells them.
pub(super) struct Whereabouts {
    pub(super) region: Option<Region>,
    pub(super) account_id: Option<AccountId>,
}

impl Whereabouts {
    pub(super) fn of(graph: &Graph<'_>, api: &Block<'_>, document: &Document) -> Self {
        let (region, account_id) = in_arns(graph, api);
        let looked_up = |kind: &str, names: &[&str]| only_value(document, kind, names);
        let region = region
            .or_else(|| Region::parse(looked_up("aws_region", &["region", "name", "id"])?).ok())
            .or_else(|| Region::parse(provider_region(graph, api, document)?).ok());
        let account_id = account_id
            .or_else(|| AccountId::parse(looked_up("aws_caller_identity", &["account_id", "id"])?).ok());
        Self { region, account_id }
    }
}

/// From the first ARN that tells it: the API's own, else those of the functions around it, else those of the calls that are
/// permitted.
fn in_arns(graph: &Graph<'_>, api: &Block<'_>) -> (Option<Region>, Option<AccountId>) {
    let (mut region, mut account_id) = (None, None);
    let own = [api.text("execution_arn").known()].into_iter().flatten();
    let others = ARNS.iter().flat_map(|(kind, name)| {
        let blocks = graph.of_kind(kind).iter().map(|instance| graph.block(instance));
        blocks.filter_map(move |block| block.text(name).known())
    });
    for text in own.chain(others) {
        let (in_region, of_account) = place_of(text);
        (region, account_id) = (region.or(in_region), account_id.or(of_account));
        if region.is_some() && account_id.is_some() {
            break;
        }
    }
    (region, account_id)
}

/// What an ARN, or the URI of an integration, says of its place. A provider that does not ask for the account leaves it out.
fn place_of(text: &str) -> (Option<Region>, Option<AccountId>) {
    if let IntegrationUri::Function { region, account_id, .. } = uri::parse(text) {
        return (Some(region), Some(account_id));
    }
    let mut parts = text.split(':');
    if parts.next() != Some("arn")
        || !parts.nth(1).is_some_and(|service| ["lambda", "execute-api"].contains(&service))
    {
        return (None, None);
    }
    let region = parts.next().and_then(|region| Region::parse(region).ok());
    (region, parts.next().and_then(|account| AccountId::parse(account).ok()))
}

/// What all data sources of a kind say, if they say the same: with several providers there are several.
fn only_value<'a>(document: &'a Document, kind: &str, names: &[&str]) -> Option<&'a str> {
    let all = document.looked_up.iter().filter(|read| read.kind == kind);
    let mut values =
        all.filter_map(|read| names.iter().find_map(|name| read.values.get(*name).and_then(Value::as_str)));
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// The region in the configuration of the API's provider: written there, or the value of one variable.
fn provider_region<'a>(graph: &Graph<'a>, api: &Block<'_>, document: &'a Document) -> Option<&'a str> {
    let key = graph.written(api.instance)?.get("provider_config_key")?.as_str()?;
    let region = document.providers.get(key)?.get("expressions")?.get("region")?;
    if let Some(written) = region.get("constant_value") {
        return written.as_str();
    }
    let [reference] = references(region).try_into().ok()?;
    graph.variables.get(reference.strip_prefix("var.")?)?.get("value")?.as_str()
}

/// Where ARNs stand beside that of the API.
const ARNS: [(&str, &str); 4] = [
    ("aws_api_gateway_integration", "uri"),
    ("aws_lambda_permission", "function_name"),
    (uri::FUNCTION, "arn"),
    ("aws_lambda_permission", "source_arn"),
];
