//! Which function an integration, an authorizer or a permission means.

use std::collections::BTreeSet;

use restapi::{AccountId, FunctionName, IntegrationUri, Region};

use super::address::{Step, steps};
use super::block::{Block, Seen};
use super::caller::listed;
use super::document::Instance;
use super::follow::Target;
use super::graph::Graph;

/// The parts of a function's ARN.
#[derive(Debug, PartialEq)]
pub(super) struct FunctionArn {
    pub(super) region: Region,
    pub(super) account_id: AccountId,
    pub(super) name: FunctionName,
}

impl FunctionArn {
    /// Reads `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, with an alias or version after it or not.
    ///
    /// A qualifier says which code of the function runs, not which function: who may invoke it, and with what, is asked
    /// of all qualifiers alike, so it is read over. One that each stage may set otherwise is no single function.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:aws:lambda:")?.split(':');
        let (region, account_id) =
            (Region::parse(parts.next()?).ok()?, AccountId::parse(parts.next()?).ok()?);
        let name = (parts.next()? == "function").then(|| parts.next())??;
        let qualifier = parts.next();
        let is_single =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'$'));
        if parts.next().is_some() || !qualifier.is_none_or(is_single) {
            return None;
        }
        Some(Self { region, account_id, name: FunctionName::parse(name).ok()? })
    }
}

/// An integration's URI as it is known: a function, if it invokes one of the region.
pub(super) fn parse(text: &str) -> IntegrationUri {
    invoked(text).unwrap_or_else(|| IntegrationUri::Other(text.to_owned()))
}

fn invoked(text: &str) -> Option<IntegrationUri> {
    let (gateway, rest) =
        text.strip_prefix("arn:aws:apigateway:")?.split_once(":lambda:path/2015-03-31/functions/")?;
    let FunctionArn { region, account_id, name } = FunctionArn::parse(rest.strip_suffix("/invocations")?)?;
    (gateway == region.as_str()).then_some(IntegrationUri::Function { region, account_id, name })
}

/// The name in what a permission calls a function: `NAME`, `NAME:ALIAS`, `ACCOUNT:function:NAME` or an ARN.
pub(super) fn function_name(text: &str) -> Option<FunctionName> {
    let name = text.rsplit_once(":function:").map_or(text, |(_, name)| name);
    let name = name.strip_prefix("function:").unwrap_or(name);
    FunctionName::parse(name.split(':').next()?).ok()
}

/// The function that `name` of `block` invokes, where only apply will show its URI; or what else stands in it.
///
/// A URI that is another attribute of a function is believed if it stands alone. One that is put together around the
/// function's ARN needs partition and region too, and it is believed with nothing but them: looked up, or elements 1 and 3
/// of a local value, which is where they are in an ARN that was split.
pub(super) fn invoked_by<'a>(
    graph: &Graph<'a>,
    block: &Block<'a>,
    name: &str,
) -> Result<&'a Instance, Option<String>> {
    let targets = graph.targets(block, name);
    let mut functions = Vec::new();
    let mut others = Vec::new();
    for target in &targets {
        match function_in(graph, target) {
            Some((function, attribute)) if IS_URI.contains(&attribute) || IS_ARN.contains(&attribute) => {
                functions.push((function, attribute, target));
            }
            _ => others.push(target),
        }
    }
    let is_around = matches!(functions.as_slice(), [(_, attribute, _)] if IS_ARN.contains(attribute));
    let mut lists = BTreeSet::new();
    others.retain(|other| !(is_around && is_whereabouts(other, &mut lists)));
    match functions.as_slice() {
        [(function, ..)] if others.is_empty() && lists.len() <= 1 => Ok(function),
        _ => {
            let several = functions.iter().filter(|_| functions.len() > 1).map(|(.., target)| target.shown());
            let lists = lists.into_iter().filter(|_| others.is_empty()).map(|list| format!("local.{list}"));
            let shown: Vec<_> =
                several.chain(others.iter().map(|other| other.shown())).chain(lists).collect();
            Err(listed(&shown))
        }
    }
}

/// Whether `target` says nothing but a partition or a region. A local value is added to `lists`.
fn is_whereabouts(target: &Target<'_>, lists: &mut BTreeSet<String>) -> bool {
    match target {
        Target::LookedUp { kind, attribute: Some(attribute), .. } => [
            ("aws_partition", "partition"),
            ("aws_region", "name"),
            ("aws_region", "region"),
            ("aws_region", "id"),
        ]
        .contains(&(kind.as_str(), attribute.as_str())),
        Target::Opaque(reference) => match steps(reference).as_slice() {
            [local, Step { name, index: Some(index) }] if local.name == "local" => {
                lists.insert(name.clone());
                ["1", "3"].contains(&index.as_str())
            }
            _ => false,
        },
        Target::Made { .. } | Target::LookedUp { .. } | Target::Given(_) => false,
    }
}

/// The function that `target` is an attribute of, itself or by an alias, and which attribute.
fn function_in<'a, 't>(graph: &Graph<'a>, target: &'t Target<'a>) -> Option<(&'a Instance, &'t str)> {
    let Target::Made { instances, attribute: Some(attribute) } = target else { return None };
    let [instance] = instances.as_slice() else { return None };
    let function = match instance.kind.as_str() {
        FUNCTION => *instance,
        ALIAS => {
            let alias = graph.block(instance);
            graph.link_by(&alias, "function_name", FUNCTION, "function_name").found()?
        }
        _ => return None,
    };
    Some((function, attribute))
}

/// The function that `name` of `block` is made of, if the references lead to exactly one, whatever stands beside it.
pub(super) fn referenced<'a>(graph: &Graph<'a>, block: &Block<'a>, name: &str) -> Option<&'a Instance> {
    let targets = graph.targets(block, name);
    let functions = targets.iter().filter_map(|target| function_in(graph, target));
    let mut functions: Vec<_> = functions
        .filter(|(_, attribute)| NAMES_A_FUNCTION.contains(attribute))
        .map(|(function, _)| function)
        .collect();
    functions.dedup_by(|a, b| std::ptr::eq(*a, *b));
    match functions.as_slice() {
        [function] => Some(function),
        _ => None,
    }
}

/// The name of a function that the document makes. One that is not known yet goes by its address.
pub(super) fn name_of(function: &Instance) -> Option<FunctionName> {
    let known = function.values.get("function_name").and_then(serde_json::Value::as_str);
    if let Some(name) = known.and_then(|name| FunctionName::parse(name).ok()) {
        return Some(name);
    }
    let name: String =
        function.address.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let start = name.len().saturating_sub(64);
    FunctionName::parse(name.get(start..)?).ok()
}

/// The function that `name` of `block` says or refers to.
pub(super) fn function_meant<'a>(graph: &Graph<'a>, block: &Block<'a>, name: &str) -> Option<FunctionName> {
    match block.text(name) {
        Seen::Known(text) => function_name(text),
        Seen::Unset => None,
        Seen::Unknown => name_of(referenced(graph, block, name)?),
    }
}

pub(super) const FUNCTION: &str = "aws_lambda_function";
pub(super) const ALIAS: &str = "aws_lambda_alias";

/// Attributes of functions and aliases that are the URI of an integration.
const IS_URI: [&str; 2] = ["invoke_arn", "qualified_invoke_arn"];

/// Attributes of functions and aliases that are their ARN.
const IS_ARN: [&str; 2] = ["arn", "qualified_arn"];

/// Attributes of functions and aliases that say which function it is.
const NAMES_A_FUNCTION: [&str; 6] =
    ["arn", "function_name", "id", "invoke_arn", "qualified_arn", "qualified_invoke_arn"];

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker";

    fn uri(region: &str, function: &str) -> String {
        format!("arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations")
    }

    #[test]
    fn only_an_invocation_of_one_function_is_one() {
        let is_function = |text: &str| parse(text).function_arn().as_deref() == Some(FUNCTION_ARN);
        assert!(is_function(&uri("eu-central-1", FUNCTION_ARN)));
        assert!(is_function(&uri("eu-central-1", &format!("{FUNCTION_ARN}:live"))));
        assert!(is_function(&uri("eu-central-1", &format!("{FUNCTION_ARN}:$LATEST"))));
        for other in [
            uri("us-east-1", FUNCTION_ARN),
            uri("eu-central-1", &format!("{FUNCTION_ARN}:${{stageVariables.alias}}")),
            uri("eu-central-1", &format!("{FUNCTION_ARN}:live:more")),
            uri("eu-central-1", "token-broker"),
            FUNCTION_ARN.into(),
            "arn:aws:apigateway:eu-central-1:cognito-idp:action/InitiateAuth".into(),
            String::new(),
        ] {
            assert_eq!(parse(&other), IntegrationUri::Other(other.clone()));
        }
    }

    #[test]
    fn function_is_called_by_name_or_arn_with_or_without_an_alias() {
        for text in [
            "token-broker",
            "token-broker:live",
            "123456789012:function:token-broker",
            "function:token-broker",
            FUNCTION_ARN,
            "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live",
        ] {
            assert_eq!(function_name(text).unwrap().as_str(), "token-broker", "{text}");
        }
        assert_eq!(function_name(""), None);
        assert_eq!(function_name("not a name"), None);
    }
}
