//! The guardrails over a definition, and over a plan or a state: from what was read to what was found.
//!
//! First on the path. What is found says where it comes from: the line of the definition, or the address of the Terraform
//! resource. Each thing is told once, however many of API Gateway's objects show it. Waivers come later.

use std::collections::BTreeSet;

use config::{AwsKey, AwsPlace, CompileError, Definition, KeyRecord, compile, compile_aws};
use policy::ClientId;
use restapi::guardrails::{self, Finding as Broken};
use restapi::{Account, ApiKeyId, ApiKeyValue};

use crate::compare::differences;
use crate::finding::{Finding, Origin, sort};
use crate::rule::NOTHING_UNSEEN;
use crate::terraform::{Document, Origins, Reading, read};

/// What `definition`, which was read from `file`, breaks in any of its homes.
pub fn definition(definition: &Definition, file: &str) -> Result<Vec<Finding>, CompileError> {
    let mut broken = guardrails::check(&local(definition)?);
    // What a definition breaks in both homes it breaks once: only what is not said yet is added.
    let said: BTreeSet<_> = broken.iter().map(homeless).collect();
    let aws = aws(definition).map(|account| guardrails::check(&account)).unwrap_or_default();
    broken.extend(aws.into_iter().filter(|broken| !said.contains(&homeless(broken))));
    let mut findings = broken.into_iter().map(|broken| finding(broken, definition, file)).collect();
    sort(&mut findings);
    Ok(findings)
}

/// What the Terraform plan or state `document`, which was read from `file`, breaks: the guardrails over its API, the rules
/// of what only Terraform can break, and every difference from `definition`, if there is one to compare with.
///
/// The API is the one named `api`; without a name it is the only one, or that of the definition. A document without it is a
/// finding, too: what is not there cannot be said to break nothing.
pub fn terraform(
    document: &Document,
    file: &str,
    api: Option<&str>,
    definition: Option<&Definition>,
) -> Vec<Finding> {
    judged(reading(document, file, api, definition), file, definition)
}

/// The same without the differences: `definition` says which API is meant, and no more.
pub fn terraform_alone(
    document: &Document,
    file: &str,
    api: Option<&str>,
    definition: Option<&Definition>,
) -> Vec<Finding> {
    judged(reading(document, file, api, definition), file, None)
}

fn judged(reading: Reading, file: &str, definition: Option<&Definition>) -> Vec<Finding> {
    let mut findings = match &reading.account {
        Some(account) => {
            let broken = guardrails::check(account).into_iter().filter(|broken| !reading.is_doubtful(broken));
            let differences =
                definition.map(|definition| differences(definition, &reading)).unwrap_or_default();
            broken.map(|broken| traced(broken, &reading.origins)).chain(differences).collect()
        }
        None => no_api(&reading, file),
    };
    findings.extend(reading.findings);
    for finding in &mut findings {
        reading.secrets.keep_back(finding);
    }
    sort(&mut findings);
    findings
}

/// The document with the one API that is meant.
fn reading(document: &Document, file: &str, api: Option<&str>, definition: Option<&Definition>) -> Reading {
    let first = read(document, file, api);
    match definition {
        Some(definition) if api.is_none() && first.account.is_none() => {
            let named = read(document, file, Some(&definition.api.name));
            if named.account.is_some() { named } else { first }
        }
        _ => first,
    }
}

/// What is said of a document without an API, unless the reader has said why there is none.
fn no_api(reading: &Reading, file: &str) -> Vec<Finding> {
    if reading.findings.iter().any(|finding| finding.rule.id == NOTHING_UNSEEN.id) {
        return Vec::new();
    }
    let origin = Origin { file: file.to_owned(), line: None, address: String::new(), place: String::new() };
    vec![Finding { rule: NOTHING_UNSEEN, origin, detail: "there is no REST API in it".to_owned() }]
}

fn traced(broken: Broken, origins: &Origins) -> Finding {
    let Broken { guardrail, place, detail } = broken;
    Finding { rule: guardrail.into(), origin: origins.origin(&place), detail }
}

fn finding(broken: Broken, definition: &Definition, file: &str) -> Finding {
    let Broken { guardrail, place, detail } = broken;
    let line = definition.line_of(&place).and_then(|position| u64::try_from(position.line).ok());
    let address = Definition::path_of(&place).unwrap_or_else(|| place.clone());
    Finding { rule: guardrail.into(), origin: Origin { file: file.to_owned(), line, address, place }, detail }
}

/// The objects on this machine.
fn local(definition: &Definition) -> Result<Account, CompileError> {
    let record = |client: &ClientId| {
        let id = made_up(client);
        // Long enough, and printable: every client gets a key, as it does when the definition is run.
        let value = ApiKeyValue::new(format!("made-up-for-this-check-{id}")).ok()?;
        Some(KeyRecord { id, client: client.clone(), value, enabled: true, name: client.to_string() })
    };
    let mut account = compile(definition, definition.clients.keys().filter_map(record).collect())?.account;
    // The values are no part of the definition, and nothing is to be found in them.
    account.api_keys.iter_mut().for_each(|key| key.value = None);
    Ok(account)
}

/// The objects on AWS, if it is a home. Account and function come from bindings; those of this machine stand for them.
fn aws(definition: &Definition) -> Option<Account> {
    let (account_id, function) = (definition.local.account_id.clone(), definition.local.function.clone());
    let key = |client: &ClientId| AwsKey {
        id: made_up(client),
        name: client.to_string(),
        client: client.clone(),
        enabled: true,
    };
    let keys: Vec<AwsKey> = definition.clients.keys().map(key).collect();
    compile_aws(definition, &AwsPlace { account_id, function, api_id: None }, &keys)
}

fn made_up(client: &ClientId) -> ApiKeyId {
    ApiKeyId::derived(&["check", client.as_str()])
}

/// What is broken, without what differs between homes: the API's name or id, the stage, the deployment, and a plan's id
/// where a guardrail names it by that.
fn homeless(broken: &Broken) -> (&'static str, String) {
    let names: Vec<&str> = broken.place.split('/').collect();
    let rest = match names.as_slice() {
        ["restApis", _, "deployments" | "stages", _, rest @ ..] | ["restApis", _, rest @ ..] => {
            rest.join("/")
        }
        ["usagePlans", _, "name"] => "usagePlans/name".to_owned(),
        all => all.join("/"),
    };
    (broken.guardrail.id, rest)
}

#[cfg(test)]
mod tests;
