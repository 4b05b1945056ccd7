//! How guardrails go through an account, and how they name the places they see.

use crate::{
    Account, Authorizer, DeploymentId, GatewayResponse, Integration, Method, MethodKey, Resource, RestApi,
    Stage, UsagePlan,
};

/// The names joined to a place; a slash inside a name is written `~1`, as in JSON pointers.
pub(super) fn at(names: &[&str]) -> String {
    names.iter().map(|name| name.replace('/', "~1")).collect::<Vec<_>>().join("/")
}

/// The place of an API.
pub(super) fn api_place(api: &RestApi) -> String {
    at(&["restApis", &api.name])
}

/// Every stage with its API.
pub(super) fn stages(account: &Account) -> impl Iterator<Item = (&RestApi, &Stage)> {
    account.rest_apis.iter().flat_map(|api| api.stages.iter().map(move |stage| (api, stage)))
}

/// The place of a stage.
pub(super) fn stage_place(api: &RestApi, stage: &Stage) -> String {
    at(&["restApis", &api.name, "stages", stage.stage_name.as_str()])
}

/// The place of a stage's settings for `key`: `…/methodSettings/*~1*`, `…/methodSettings/~1oauth2~1token~1POST`.
pub(super) fn settings_place(api: &RestApi, stage: &Stage, key: &MethodKey) -> String {
    let name = match key {
        MethodKey::Every => "*/*".into(),
        MethodKey::One { path, method } => format!("{path}/{method}"),
    };
    format!("{}/{}", stage_place(api, stage), at(&["methodSettings", &name]))
}

/// The place of a usage plan.
pub(super) fn plan_place(plan: &UsagePlan) -> String {
    at(&["usagePlans", &plan.name])
}

/// What callers of an API can meet: its working copy, which the next deployment shows, or a deployment that a stage
/// shows now.
pub(super) struct View<'a> {
    pub(super) api: &'a RestApi,
    pub(super) place: String,
    deployment: Option<&'a DeploymentId>,
    pub(super) resources: &'a [Resource],
    pub(super) authorizers: &'a [Authorizer],
    pub(super) gateway_responses: &'a [GatewayResponse],
}

/// Every view of every API. A deployment that no stage shows is out of reach and no view.
pub(super) fn views(account: &Account) -> impl Iterator<Item = View<'_>> {
    account.rest_apis.iter().flat_map(|api| std::iter::once(working_copy(api)).chain(shown(api)))
}

fn working_copy(api: &RestApi) -> View<'_> {
    View {
        api,
        place: api_place(api),
        deployment: None,
        resources: &api.resources,
        authorizers: &api.authorizers,
        gateway_responses: &api.gateway_responses,
    }
}

fn shown(api: &RestApi) -> impl Iterator<Item = View<'_>> {
    let is_shown = |id| api.stages.iter().any(|stage| &stage.deployment_id == id);
    api.deployments.iter().filter(move |deployment| is_shown(&deployment.id)).map(|deployment| View {
        api,
        place: at(&["restApis", &api.name, "deployments", deployment.id.as_str()]),
        deployment: Some(&deployment.id),
        resources: &deployment.snapshot.resources,
        authorizers: &deployment.snapshot.authorizers,
        gateway_responses: &deployment.snapshot.gateway_responses,
    })
}

impl<'a> View<'a> {
    /// The stages that show it; none shows a working copy.
    pub(super) fn stages(&self) -> impl Iterator<Item = &'a Stage> {
        self.api.stages.iter().filter(|stage| Some(&stage.deployment_id) == self.deployment)
    }

    /// The place of a resource.
    pub(super) fn resource_place(&self, resource: &Resource) -> String {
        format!("{}/{}", self.place, at(&["resources", resource.path.as_str()]))
    }

    /// Every method with its place and its resource.
    pub(super) fn methods(&self) -> impl Iterator<Item = (String, &'a Resource, &'a Method)> {
        self.resources.iter().flat_map(move |resource| {
            resource.methods.values().map(move |method| {
                (format!("{}/{}", self.resource_place(resource), method.http_method), resource, method)
            })
        })
    }

    /// Every integration with its place.
    pub(super) fn integrations(&self) -> impl Iterator<Item = (String, &'a Integration)> {
        self.methods().filter_map(|(place, _, method)| {
            method.integration.as_ref().map(|integration| (format!("{place}/integration"), integration))
        })
    }
}
