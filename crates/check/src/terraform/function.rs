//! The broker's function: who may invoke it, and what its environment holds.

use std::collections::BTreeSet;

use restapi::{
    ApiKey, FunctionName, HttpMethod, IntegrationUri, MethodArn, Permission, ResourcePath, RestApi,
    SourceArnPattern,
};

use super::block::{AFTER_APPLY, Block, Seen};
use super::document::Instance;
use super::findings::at;
use super::follow::Target;
use super::front::{REST_API, Reader};
use super::method::{AUTHORIZER, METHOD, authorizer_id};
use super::outputs;
use super::resources::RESOURCE;
use super::stage::STAGE;
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
                // Nobody can tell whose it is: taken for the broker's.
                None => match called.first() {
                    Some(name) => name.clone(),
                    None => continue,
                },
            };
            let statement_id = statement_id(&block, &function_name, &permissions);
            let place = at(&["functions", function_name.as_str(), "policy", &statement_id]);
            self.notes.origins.add(place.clone(), &block.instance.address);
            let Ok(source_arn) = self.source_arn(&block, &function_name, api, &place) else { continue };
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

    /// The caller that a statement names. One that is known only after apply is taken for the exact one if it is made of
    /// nothing but the parts of exactly one call; otherwise it is found here, and the statement is no further looked at.
    fn source_arn(
        &mut self,
        block: &Block<'a>,
        function: &FunctionName,
        api: &RestApi,
        place: &str,
    ) -> Result<Option<SourceArnPattern>, Unseen> {
        match block.text("source_arn") {
            Seen::Unset => Ok(None),
            Seen::Known(arn) => Ok(Some(SourceArnPattern::new(arn))),
            Seen::Unknown => match self.call_of(block, function, api) {
                Ok(arn) => Ok(Some(arn)),
                Err(missing) => {
                    let detail =
                        format!("the source ARN is known only after apply, and it is not made of {missing}");
                    self.notes.add_guardrail("TB008", &block.instance.address, place, detail);
                    self.notes.origins.hide(place);
                    self.check_caller(block, place);
                    Err(Unseen)
                }
            },
        }
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

    /// The call that the references of `source_arn` are about, or the part that none of them is about.
    fn call_of(
        &self,
        block: &Block<'a>,
        function: &FunctionName,
        api: &RestApi,
    ) -> Result<SourceArnPattern, String> {
        let targets = self.graph.targets(block, "source_arn");
        let of = |kind: &str, names: &[&str]| targets.iter().find_map(|target| one(target, kind, names));
        let stage = of(STAGE, &["stage_name", "execution_arn", "arn"]);
        let names_api = of(REST_API, &["execution_arn"]).is_some_and(|found| std::ptr::eq(found, self.api))
            || of(STAGE, &["execution_arn"]).is_some_and(|stage| self.stage_is_shown(stage, api));
        if !names_api {
            return Err("this API's `execution_arn`".into());
        }
        if let Some(authorizer) = of(AUTHORIZER, &["id"]) {
            return self.authorizer_call(authorizer, function, api);
        }
        let stage = stage.and_then(|stage| self.graph.block(stage).text("stage_name").known());
        let stage = stage.and_then(|name| api.stages.iter().find(|stage| stage.stage_name.as_str() == name));
        let stage = stage.ok_or("a stage's `stage_name`")?.stage_name.clone();
        let method = of(METHOD, &["http_method"]).ok_or("a method's `http_method`")?;
        let (of_method, method) =
            self.call(&self.graph.block(method), "http_method").ok_or("a method that can be seen")?;
        let resource = of(RESOURCE, &["path"]).ok_or("a resource's `path`")?;
        let path = self.path_at(resource, api).ok_or("a resource that can be seen")?;
        if path != of_method {
            return Err(format!("the path of its method, {of_method}, but of {path}"));
        }
        Ok(self.exact(stage, method, path))
    }

    fn exact(&self, stage: restapi::StageName, method: HttpMethod, path: ResourcePath) -> SourceArnPattern {
        SourceArnPattern::from(&MethodArn {
            region: self.region.clone(),
            account_id: self.account_id.clone(),
            api_id: self.id.clone(),
            stage,
            method,
            path,
        })
    }

    fn stage_is_shown(&self, stage: &'a Instance, api: &RestApi) -> bool {
        let name = self.graph.block(stage).text("stage_name").known();
        api.stages.iter().any(|stage| Some(stage.stage_name.as_str()) == name)
    }

    fn path_at(&self, resource: &'a Instance, api: &RestApi) -> Option<ResourcePath> {
        let paths = api.resources.iter().map(|resource| &resource.path);
        let is_it = |path: &&ResourcePath| {
            let place = format!("{}/{}", self.place, at(&["resources", path.as_str()]));
            self.notes.origins.address_of(&place) == Some(&resource.address)
        };
        paths.into_iter().find(is_it).cloned()
    }

    fn authorizer_call(
        &self,
        authorizer: &'a Instance,
        function: &FunctionName,
        api: &RestApi,
    ) -> Result<SourceArnPattern, String> {
        let id = authorizer_id(&self.graph.block(authorizer));
        let known = api.authorizers.iter().find(|known| known.id == id);
        let calls = known.and_then(|known| function_in(known.authorizer_uri.as_deref()?));
        if calls.as_ref() != Some(function) {
            return Err(format!("an authorizer that calls {function}"));
        }
        let Self { region, account_id, .. } = self;
        Ok(SourceArnPattern::new(format!(
            "arn:aws:execute-api:{region}:{account_id}:{}/authorizers/{id}",
            api.id
        )))
    }

    /// Looks at what else is said about the functions that the API calls.
    pub(super) fn check_functions(&mut self, api: &RestApi, keys: &[ApiKey]) {
        let called = called(api);
        let all = |kind: &str| -> Vec<Block<'a>> {
            self.graph.of_kind(kind).iter().map(|instance| self.graph.block(instance)).collect()
        };
        let functions = all(uri::FUNCTION);
        let others = OTHER_WAYS_IN.map(|(kind, detail)| (all(kind), detail));
        for block in functions {
            if let Some(name) = uri::name_of(block.instance).filter(|name| called.contains(name)) {
                self.notes.origins.add(at(&["functions", name.as_str()]), &block.instance.address);
                self.check_environment(&block, &name, keys);
            }
        }
        for (block, detail) in
            others.into_iter().flat_map(|(blocks, detail)| blocks.into_iter().map(move |b| (b, detail)))
        {
            let function = uri::function_meant(&self.graph, &block, "function_name");
            if function.as_ref().is_none_or(|name| called.contains(name)) {
                let name = function.as_ref().map_or(AFTER_APPLY, FunctionName::as_str);
                let place = at(&["functions", name]);
                self.notes.add_guardrail("TB010", &block.instance.address, &place, detail);
            }
        }
    }

    fn check_environment(&mut self, block: &Block<'a>, function: &FunctionName, keys: &[ApiKey]) {
        let known: BTreeSet<&str> =
            keys.iter().filter_map(|key| Some(key.value.as_ref()?.expose())).collect();
        for environment in block.blocks("environment") {
            let place = at(&["functions", function.as_str(), "environment"]);
            for (name, value) in
                environment.map("variables").iter().filter(|(_, value)| *value != AFTER_APPLY)
            {
                if let Some(kind) = outputs::kind_in(name, &value.as_str().into(), &known) {
                    let place = format!("{place}/{}", at(&[name]));
                    let detail = format!("the variable `{name}` of the function's environment holds {kind}");
                    self.notes.add_guardrail("TB001", &block.instance.address, &place, detail);
                }
            }
        }
        let targets = self.graph.targets(block, "environment");
        if let Some(kind) = targets.iter().find_map(outputs::secret_of) {
            let place = at(&["functions", function.as_str(), "environment"]);
            let detail = format!("the function's environment is given {kind}");
            self.notes.add_guardrail("TB001", &block.instance.address, &place, detail);
        }
    }
}

/// The statement's id. An alias has a policy of its own, so that two statements may have one id.
fn statement_id(block: &Block<'_>, function: &FunctionName, others: &[Permission]) -> String {
    let written = block.text("statement_id").known().unwrap_or(&block.instance.address).to_owned();
    let is_taken = |other: &Permission| &other.function_name == function && other.statement_id == written;
    if others.iter().any(is_taken) { format!("{written} ({})", block.instance.address) } else { written }
}

/// What else invokes a function: kind of resource, and what it does.
const OTHER_WAYS_IN: [(&str, &str); 2] = [
    ("aws_lambda_function_url", "a URL of its own invokes the function without the API"),
    ("aws_lambda_event_source_mapping", "an event source invokes the function without the API"),
];

/// It was found that something cannot be seen.
struct Unseen;

/// The one instance of `kind` whose attribute `target` is, if it is one of `names`.
fn one<'a>(target: &Target<'a>, kind: &str, names: &[&str]) -> Option<&'a Instance> {
    let Target::Made { instances, attribute: Some(attribute) } = target else { return None };
    match instances.as_slice() {
        [instance] if instance.kind == kind && names.contains(&attribute.as_str()) => Some(instance),
        _ => None,
    }
}

/// Every function that a method or an authorizer calls.
fn called(api: &RestApi) -> BTreeSet<FunctionName> {
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
fn function_in(uri: &str) -> Option<FunctionName> {
    let (_, rest) = uri.split_once(":function:")?;
    FunctionName::parse(rest.split(['/', ':']).next()?).ok()
}
