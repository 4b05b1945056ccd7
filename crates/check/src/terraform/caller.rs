//! Which caller a permission lets in: what its source ARN says, or what the ARN is made of where only apply will show it.
//!
//! Part of the step that reads permissions. An ARN that is not known yet is taken for that of one call only if the parts of
//! that call are named by one reference each and nothing else stands in it. What stands between the references is not to
//! be seen.

use restapi::{
    Authorizer, FunctionName, HttpMethod, IntegrationUri, Method, MethodArn, ResourcePath, RestApi,
    SourceArnPattern, StageName,
};

use super::block::{Block, Seen};
use super::document::Instance;
use super::findings::at;
use super::follow::Target;
use super::front::{Owner, REST_API, Reader};
use super::function::function_in;
use super::method::{AUTHORIZER, METHOD, authorizer_id};
use super::resources::RESOURCE;
use super::stage::STAGE;

/// It was found that something cannot be seen.
pub(super) struct Unseen;

impl<'a> Reader<'a> {
    /// The caller that a statement names. One that is known only after apply is taken for the exact one if it is made of
    /// the parts of exactly one call and of nothing else; otherwise it is found here, and the statement is no further
    /// looked at.
    pub(super) fn source_arn(
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
                Err(problem) => {
                    let detail = format!("the source ARN is known only after apply, and {problem}");
                    self.notes.add_guardrail("TB008", &block.instance.address, place, detail);
                    self.notes.origins.hide(place);
                    Err(Unseen)
                }
            },
        }
    }

    /// Whether the statement lets in exactly one call behind which `function` stands.
    pub(super) fn lets_in(&self, block: &Block<'a>, function: &FunctionName, api: &RestApi) -> bool {
        let arn = match block.text("source_arn") {
            Seen::Unset => return false,
            Seen::Known(arn) => SourceArnPattern::new(arn),
            Seen::Unknown => match self.call_of(block, function, api) {
                Ok(arn) => arn,
                Err(_) => return false,
            },
        };
        let asked = api.authorizers.iter().filter(|authorizer| asks(authorizer, function));
        let called = api.resources.iter().flat_map(|resource| {
            let behind = resource.methods.values().filter(|method| is_behind(method, function));
            behind.map(|method| (method.http_method, &resource.path))
        });
        let stages = || api.stages.iter().map(|stage| &stage.stage_name);
        let mut calls = called
            .flat_map(|(method, path)| {
                stages().map(move |stage| self.exact(stage.clone(), method, path.clone()))
            })
            .chain(asked.map(|authorizer| self.authorizer_arn(authorizer)));
        calls.any(|call| call == arn)
    }

    /// The call that the references of `source_arn` are about, or what is wrong with them.
    fn call_of(
        &self,
        block: &Block<'a>,
        function: &FunctionName,
        api: &RestApi,
    ) -> Result<SourceArnPattern, String> {
        let targets = self.graph.targets(block, "source_arn");
        let parts = Parts::of(&targets, block.instance.index.as_deref());
        let others = listed(&parts.others);
        match (self.call_made_of(&parts, function, api), others) {
            (Ok(arn), None) => Ok(arn),
            (Ok(_), Some(others)) => Err(format!("beside the parts of one call there is {others} in it")),
            (Err(missing), None) => Err(format!("it is not made of {missing}")),
            (Err(missing), Some(others)) => {
                Err(format!("it is not made of {missing}; there is {others} in it"))
            }
        }
    }

    /// The call that has these parts, or the one that is missing.
    fn call_made_of(
        &self,
        parts: &Parts<'a>,
        function: &FunctionName,
        api: &RestApi,
    ) -> Result<SourceArnPattern, String> {
        if !parts.api.is_some_and(|named| self.is_of_this_api(named)) {
            return Err("this API's `execution_arn`".into());
        }
        if let Some(authorizer) = parts.authorizer {
            return self.authorizer_call(authorizer, function, api);
        }
        let stage = parts.stage.and_then(|stage| self.graph.block(stage).text("stage_name").known());
        let stage = stage.and_then(|name| api.stages.iter().find(|stage| stage.stage_name.as_str() == name));
        let stage = stage.ok_or("a stage's `stage_name`")?.stage_name.clone();
        let method = parts.method.ok_or("a method's `http_method`")?;
        let (of_method, method) =
            self.call(&self.graph.block(method), "http_method").ok_or("a method that can be seen")?;
        let resource = parts.path.ok_or("a resource's `path`")?;
        let path = self.path_at(resource, api).ok_or("a resource that can be seen")?;
        if path != of_method {
            return Err(format!("the path of its method, {of_method}, but of {path}"));
        }
        Ok(self.exact(stage, method, path))
    }

    /// Whether the API that is meant is this one: itself, or by a stage of it.
    fn is_of_this_api(&self, named: &'a Instance) -> bool {
        std::ptr::eq(named, self.api)
            || named.kind == STAGE && self.owner(&self.graph.block(named), "rest_api_id") == Owner::This
    }

    fn exact(&self, stage: StageName, method: HttpMethod, path: ResourcePath) -> SourceArnPattern {
        SourceArnPattern::from(&MethodArn {
            region: self.region.clone(),
            account_id: self.account_id.clone(),
            api_id: self.id.clone(),
            stage,
            method,
            path,
        })
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
        known
            .filter(|known| asks(known, function))
            .map(|known| self.authorizer_arn(known))
            .ok_or_else(|| format!("an authorizer that calls {function}"))
    }

    fn authorizer_arn(&self, authorizer: &Authorizer) -> SourceArnPattern {
        let Self { region, account_id, id, .. } = self;
        SourceArnPattern::new(format!(
            "arn:aws:execute-api:{region}:{account_id}:{id}/authorizers/{}",
            authorizer.id
        ))
    }
}

/// Whether the authorizer calls `function`.
fn asks(authorizer: &Authorizer, function: &FunctionName) -> bool {
    authorizer.authorizer_uri.as_deref().and_then(function_in).as_ref() == Some(function)
}

/// Whether the method calls `function`.
fn is_behind(method: &Method, function: &FunctionName) -> bool {
    let uri = method.integration.as_ref().map(|integration| &integration.uri);
    matches!(uri, Some(IntegrationUri::Function { name, .. }) if name == function)
}

/// What an ARN is made of: the parts of a call, one resource for each, and what else stands in it.
#[derive(Default)]
struct Parts<'a> {
    /// The API, or a stage whose `execution_arn` names the API, too.
    api: Option<&'a Instance>,
    stage: Option<&'a Instance>,
    method: Option<&'a Instance>,
    path: Option<&'a Instance>,
    authorizer: Option<&'a Instance>,
    others: Vec<String>,
}

impl<'a> Parts<'a> {
    /// `key` is that of the permission.
    fn of(targets: &[Target<'a>], key: Option<&str>) -> Self {
        let mut parts = Self::default();
        for target in targets {
            if !one(target, key).is_some_and(|(instance, name)| parts.take(instance, name)) {
                parts.others.push(target.shown());
            }
        }
        parts.others.dedup();
        // The call of an authorizer has neither stage nor method.
        if parts.authorizer.is_some() {
            let more = [parts.stage, parts.method, parts.path].into_iter().flatten();
            parts.others.extend(more.map(|instance| instance.address.clone()));
        }
        parts
    }

    /// Puts the attribute `name` of `instance` in its place, if it has one that is free.
    fn take(&mut self, instance: &'a Instance, name: &str) -> bool {
        let place = match (instance.kind.as_str(), name) {
            (REST_API, "execution_arn") => &mut self.api,
            (STAGE, "execution_arn") if self.api.is_none() => {
                self.api = Some(instance);
                &mut self.stage
            }
            (STAGE, "stage_name") => &mut self.stage,
            (METHOD, "http_method") => &mut self.method,
            (RESOURCE, "path") => &mut self.path,
            (AUTHORIZER, "id") => &mut self.authorizer,
            _ => return false,
        };
        place.replace(instance).is_none()
    }
}

/// The one instance that `target` is an attribute of, and which. Of an instance that is picked by `key`, as `x[each.key]`,
/// the references do not name the attribute: it is taken for the one that has a place in an ARN.
fn one<'a, 't>(target: &'t Target<'a>, key: Option<&str>) -> Option<(&'a Instance, &'t str)> {
    let Target::Made { instances, attribute } = target else { return None };
    let [instance] = instances.as_slice() else { return None };
    match attribute {
        Some(name) => Some((instance, name)),
        None if key.is_some() && instance.index.as_deref() == key => {
            PARTS.iter().find(|(kind, _)| *kind == instance.kind).map(|(_, name)| (*instance, *name))
        }
        None => None,
    }
}

/// `a`, `a and b`, `a, b and 3 more`, each in backticks.
pub(super) fn listed(texts: &[String]) -> Option<String> {
    Some(match texts {
        [] => return None,
        [one] => format!("`{one}`"),
        [one, two] => format!("`{one}` and `{two}`"),
        [one, two, more @ ..] => format!("`{one}`, `{two}` and {} more", more.len()),
    })
}

/// Attributes that have a place in the ARN of a method's call, by the kind of their resource.
const PARTS: [(&str, &str); 4] =
    [(REST_API, "execution_arn"), (STAGE, "stage_name"), (METHOD, "http_method"), (RESOURCE, "path")];
