//! The REST API: `POST /oauth2/token`, integrated with the broker, deployed to one stage.

use std::collections::BTreeMap;

use restapi::{
    AccessLogSettings, ApiKeySource, AuthorizationType, DeploymentId, EndpointType, HttpMethod, Integration,
    IntegrationUri, Method, MethodArn, MethodKey, MethodSetting, PathPart, Permission, Resource, ResourceId,
    ResourcePath, RestApi, RestApiId, SourceArnPattern, Stage, ThrottleSettings,
};

use super::{Place, gateway_responses};
use crate::{Definition, GatewayResponseStyle};

/// `~1oauth2~1token/POST`.
pub(super) fn post_token() -> MethodKey {
    MethodKey::One { path: token_endpoint(), method: HttpMethod::Post }
}

/// The API with one deployment, shown by one stage.
pub(super) fn api(definition: &Definition, place: &Place<'_>) -> RestApi {
    let id = place.api_id.clone();
    let mut api = RestApi {
        name: definition.api.name.clone(),
        description: definition.api.description.clone(),
        api_key_source: ApiKeySource::Header,
        endpoint_type: EndpointType::Regional,
        binary_media_types: Vec::new(),
        disable_execute_api_endpoint: false,
        resources: resources(place),
        authorizers: Vec::new(),
        gateway_responses: match definition.api.gateway_responses {
            GatewayResponseStyle::Oauth => gateway_responses::oauth(),
            GatewayResponseStyle::Aws => Vec::new(),
        },
        deployments: Vec::new(),
        stages: Vec::new(),
        id,
    };
    let deployment = api.snapshot(deployment_id(&api));
    api.stages.push(stage(definition, place, deployment.id.clone()));
    api.deployments.push(deployment);
    api
}

/// The id of what is deployed: the same objects get the same id at every start, and others another.
fn deployment_id(api: &RestApi) -> DeploymentId {
    let content = serde_json::to_string(&(&api.resources, &api.gateway_responses));
    DeploymentId::derived(&[api.id.as_str(), content.as_deref().unwrap_or_default()])
}

fn resources(place: &Place<'_>) -> Vec<Resource> {
    let api = &place.api_id;
    let root = Resource {
        id: ResourceId::derived_root(api),
        parent_id: None,
        path_part: None,
        path: ResourcePath::root(),
        methods: BTreeMap::new(),
    };
    let oauth2 = child(api, &root, "oauth2");
    let mut token = child(api, &oauth2, "token");
    token.methods.insert(HttpMethod::Post, post(place, &token.id));
    vec![root, oauth2, token]
}

fn child(api: &RestApiId, parent: &Resource, name: &str) -> Resource {
    let part = PathPart::Literal(name.into());
    let path = parent.path.child(&part);
    Resource {
        id: ResourceId::derived(api, path.as_str()),
        parent_id: Some(parent.id.clone()),
        path_part: Some(part),
        path,
        methods: BTreeMap::new(),
    }
}

fn post(place: &Place<'_>, resource: &ResourceId) -> Method {
    let function = IntegrationUri::Function {
        region: place.region.clone(),
        account_id: place.account_id.clone(),
        name: place.function.clone(),
    };
    Method {
        http_method: HttpMethod::Post,
        authorization_type: AuthorizationType::None,
        authorizer_id: None,
        authorization_scopes: Vec::new(),
        api_key_required: true,
        operation_name: None,
        request_parameters: BTreeMap::new(),
        integration: Some(Integration::lambda_proxy(function, resource.clone())),
    }
}

fn stage(definition: &Definition, place: &Place<'_>, deployment_id: DeploymentId) -> Stage {
    let every = definition.api.throttle.map(|throttle| (MethodKey::Every, throttle));
    let own = definition.api.token_endpoint_throttle.map(|throttle| (post_token(), throttle));
    let setting = |throttle: ThrottleSettings| MethodSetting {
        throttling_rate_limit: throttle.rate_limit,
        throttling_burst_limit: throttle.burst_limit,
        ..place.method_setting.clone()
    };
    let settings = every.into_iter().chain(own);
    Stage {
        stage_name: place.stage.clone(),
        deployment_id,
        description: None,
        method_settings: settings.map(|(key, throttle)| (key, setting(throttle))).collect(),
        variables: BTreeMap::new(),
        access_log_settings: Some(AccessLogSettings {
            destination_arn: format!(
                "arn:aws:logs:{}:{}:log-group:/token-broker/{}/{}/access",
                place.region, place.account_id, place.api_id, place.stage
            ),
            format: place.access_log_format.into(),
        }),
        tracing_enabled: false,
        cache_cluster_enabled: false,
    }
}

/// The one statement on the function: this API, this stage, this method, this path.
pub(super) fn permission(place: &Place<'_>) -> Permission {
    let call = MethodArn {
        region: place.region.clone(),
        account_id: place.account_id.clone(),
        api_id: place.api_id.clone(),
        stage: place.stage.clone(),
        method: HttpMethod::Post,
        path: token_endpoint(),
    };
    Permission {
        statement_id: "front-door".into(),
        function_name: place.function.clone(),
        action: Permission::INVOKE.into(),
        principal: Permission::API_GATEWAY.into(),
        source_arn: Some(SourceArnPattern::from(&call)),
    }
}

fn token_endpoint() -> ResourcePath {
    ResourcePath::of("/oauth2/token")
}
