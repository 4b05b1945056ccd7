//! The broker's function: who may invoke it, and what its environment holds.

use std::collections::BTreeSet;

use restapi::{FunctionName, IntegrationUri, Permission, RestApi};

use super::block::Block;
use super::findings::at;
use super::front::Reader;
use super::uri;

impl<'a> Reader<'a> {
    /// The statements on every function that the API calls, and on functions that cannot be told.
    pub(super) fn permissions(&mut self, api: &RestApi) -> Vec<Permission> {
        let called = called(api);
        let all: Vec<_> = self
            .graph
            .of_kind("aws_lambda_permission")
            .iter()
            .map(|instance| self.graph.block(instance))
            .collect();
        let mut permissions: Vec<Permission> = Vec::new();
        for block in all {
            let function = uri::function_meant(&self.graph, &block, "function_name");
            let function_name = match function {
                Some(name) if called.contains(&name) => name,
                Some(_) => continue,
                None => match self.function_let_in(&block, api, &called) {
                    Some(name) => name.clone(),
                    None => continue,
                },
            };
            let statement_id = statement_id(&block, &function_name, &permissions);
            let place = at(&["functions", function_name.as_str(), "policy", &statement_id]);
            self.notes.origins.add(place.clone(), &block.instance.address);
            let Ok(source_arn) = self.source_arn(&block, &function_name, api, &place) else {
                self.check_caller(&block, &place);
                continue;
            };
            permissions.push(Permission {
                statement_id,
                function_name,
                action: block.text_or_placeholder("action").unwrap_or_default(),
                principal: block.text_or_placeholder("principal").unwrap_or_default(),
                source_arn,
            });
        }
        permissions
    }

    /// The function of a statement that does not show whose it is: the one that is behind the call it lets in. A statement
    /// that lets in anything else is taken for one of the functions all the same.
    fn function_let_in<'c>(
        &self,
        block: &Block<'a>,
        api: &RestApi,
        called: &'c BTreeSet<FunctionName>,
    ) -> Option<&'c FunctionName> {
        called.iter().take(FEW).find(|function| self.lets_in(block, function, api)).or_else(|| called.first())
    }

    /// What the guardrails would say of the statement if they saw it.
    fn check_caller(&mut self, block: &Block<'a>, place: &str) {
        let wanted = [("principal", Permission::API_GATEWAY), ("action", Permission::INVOKE)];
        for (name, wanted) in wanted {
            let found = block.text_or_placeholder(name).unwrap_or_default();
            if found != wanted {
                let detail = format!("the {name} is `{found}`");
                self.notes.add_guardrail("TB009", &block.instance.address, place, detail);
            }
        }
    }

    /// Looks at what else is said about the functions that the API calls.
    pub(super) fn check_functions(&mut self, api: &RestApi) {
        let called = called(api);
        let functions: Vec<_> =
            self.graph.of_kind(uri::FUNCTION).iter().map(|instance| self.graph.block(instance)).collect();
        for block in functions {
            if let Some(name) = uri::name_of(block.instance).filter(|name| called.contains(name)) {
                self.notes.origins.add(at(&["functions", name.as_str()]), &block.instance.address);
                self.check_environment(&block, &name);
            }
        }
        self.check_ways_in(&called);
    }
}

/// The statement's id. An alias has a policy of its own, so that two statements may have one id.
fn statement_id(block: &Block<'_>, function: &FunctionName, others: &[Permission]) -> String {
    let written = block.text("statement_id").known().unwrap_or(&block.instance.address).to_owned();
    let is_taken = |other: &Permission| &other.function_name == function && other.statement_id == written;
    if others.iter().any(is_taken) { format!("{written} ({})", block.instance.address) } else { written }
}

/// Among how many functions the one behind a call is looked for. A front door has one, and one for each authorizer.
const FEW: usize = 16;

/// Every function that a method or an authorizer calls.
pub(super) fn called(api: &RestApi) -> BTreeSet<FunctionName> {
    let methods = api.resources.iter().flat_map(|resource| resource.methods.values());
    let behind = methods.filter_map(|method| match &method.integration.as_ref()?.uri {
        IntegrationUri::Function { name, .. } => Some(name.clone()),
        IntegrationUri::Other(uri) => function_in(uri),
    });
    let asked =
        api.authorizers.iter().filter_map(|authorizer| function_in(authorizer.authorizer_uri.as_deref()?));
    behind.chain(asked).collect()
}

/// The function's name in a URI that invokes one, in whatever form.
pub(super) fn function_in(uri: &str) -> Option<FunctionName> {
    let (_, rest) = uri.split_once(":function:")?;
    FunctionName::parse(rest.split(['/', ':']).next()?).ok()
}
