//! An account that breaks no guardrail, and what changes are made to.

use std::collections::BTreeMap;

use crate::{
    AccessLogSettings, Account, AccountId, ApiKey, ApiKeyId, ApiKeySource, ApiKeyValue, ApiStage,
    AuthorizationType, DeploymentId, EndpointType, FunctionName, GatewayResponse, HttpMethod, Integration,
    IntegrationUri, Method, MethodArn, MethodKey, MethodSetting, PathPart, Permission, RateLimit, Region,
    Resource, ResourceId, ResourcePath, ResponseType, RestApi, RestApiId, SourceArnPattern, Stage, StageName,
    ThrottleSettings, UsagePlan, UsagePlanId, UsagePlanKey,
};

pub(super) const VALUE: &str = "billing0billing1billing2billing3billing4";

pub(super) fn throttle(rate: u64, burst: u32) -> ThrottleSettings {
    ThrottleSettings { rate_limit: RateLimit::from_milli(rate * 1_000), burst_limit: burst }
}

pub(super) fn token() -> ResourcePath {
    ResourcePath::of("/oauth2/token")
}

pub(super) fn post_token() -> MethodKey {
    MethodKey::One { path: token(), method: HttpMethod::Post }
}

pub(super) fn region() -> Region {
    Region::parse("eu-central-1").unwrap()
}

pub(super) fn account_id() -> AccountId {
    AccountId::parse("000000000000").unwrap()
}

pub(super) fn broker() -> FunctionName {
    FunctionName::parse("token-broker").unwrap()
}

pub(super) fn dev() -> StageName {
    StageName::parse("dev").unwrap()
}

pub(super) fn api_id() -> RestApiId {
    RestApiId::derived(&["token-broker-api"])
}

pub(super) fn method() -> Method {
    let function = IntegrationUri::Function { region: region(), account_id: account_id(), name: broker() };
    Method {
        http_method: HttpMethod::Post,
        authorization_type: AuthorizationType::None,
        authorizer_id: None,
        authorization_scopes: Vec::new(),
        api_key_required: true,
        operation_name: None,
        request_parameters: BTreeMap::new(),
        integration: Some(Integration::lambda_proxy(
            function,
            ResourceId::derived(&api_id(), "/oauth2/token"),
        )),
    }
}

pub(super) fn resources() -> Vec<Resource> {
    let root = ResourceId::derived_root(&api_id());
    let oauth2 = ResourceId::derived(&api_id(), "/oauth2");
    let node = |id: &ResourceId, parent_id: Option<&ResourceId>, part: Option<&str>, path: &str| Resource {
        id: id.clone(),
        parent_id: parent_id.cloned(),
        path_part: part.map(PathPart::parse),
        path: ResourcePath::of(path),
        methods: BTreeMap::new(),
    };
    let leaf = ResourceId::derived(&api_id(), "/oauth2/token");
    let mut leaf = node(&leaf, Some(&oauth2), Some("token"), "/oauth2/token");
    leaf.methods.insert(HttpMethod::Post, method());
    vec![node(&root, None, None, "/"), node(&oauth2, Some(&root), Some("oauth2"), "/oauth2"), leaf]
}

pub(super) fn stage(deployment_id: DeploymentId) -> Stage {
    Stage {
        stage_name: dev(),
        deployment_id,
        description: None,
        method_settings: BTreeMap::from([
            (MethodKey::Every, MethodSetting::throttled(throttle(200, 400))),
            (post_token(), MethodSetting::throttled(throttle(100, 200))),
        ]),
        variables: BTreeMap::from([("log_level".into(), "info".into())]),
        access_log_settings: Some(AccessLogSettings {
            destination_arn: "arn:aws:logs:eu-central-1:000000000000:log-group:access".into(),
            format: "{\"requestId\":\"$context.requestId\",\"key\":\"$context.identity.apiKeyId\"}".into(),
        }),
        tracing_enabled: false,
        cache_cluster_enabled: false,
    }
}

pub(super) fn api() -> RestApi {
    let mut api = RestApi {
        id: api_id(),
        name: "token-broker-api".into(),
        description: Some("Gives access tokens to machines".into()),
        api_key_source: ApiKeySource::Header,
        endpoint_type: EndpointType::Regional,
        binary_media_types: Vec::new(),
        disable_execute_api_endpoint: false,
        resources: resources(),
        authorizers: Vec::new(),
        gateway_responses: vec![
            refusal(ResponseType::InvalidApiKey, "invalid_client"),
            refusal(ResponseType::Default4xx, "invalid_request"),
            refusal(ResponseType::Default5xx, "server_error"),
        ],
        deployments: Vec::new(),
        stages: Vec::new(),
    };
    let deployment = api.snapshot(DeploymentId::derived(&["first"]));
    api.stages = vec![stage(deployment.id.clone())];
    api.deployments = vec![deployment];
    api
}

pub(super) fn refusal(response_type: ResponseType, error: &str) -> GatewayResponse {
    GatewayResponse {
        response_type,
        status_code: None,
        response_parameters: BTreeMap::from([(
            "gatewayresponse.header.Cache-Control".into(),
            "'no-store'".into(),
        )]),
        response_templates: BTreeMap::from([(
            "application/json".into(),
            format!("{{\"error\":\"{error}\"}}"),
        )]),
    }
}

pub(super) fn plan(name: &str) -> UsagePlan {
    UsagePlan {
        id: UsagePlanId::derived(&[name]),
        name: name.into(),
        description: None,
        api_stages: vec![ApiStage {
            api_id: api_id(),
            stage: dev(),
            throttle: BTreeMap::from([(post_token(), throttle(5, 10))]),
        }],
        throttle: Some(throttle(10, 20)),
        quota: None,
    }
}

pub(super) fn key(name: &str, value: &str) -> ApiKey {
    ApiKey {
        id: ApiKeyId::derived(&[name]),
        name: name.into(),
        value: Some(ApiKeyValue::new(value.into()).unwrap()),
        enabled: true,
        customer_id: Some(name.into()),
    }
}

pub(super) fn permission() -> Permission {
    let arn = MethodArn {
        region: region(),
        account_id: account_id(),
        api_id: api_id(),
        stage: dev(),
        method: HttpMethod::Post,
        path: token(),
    };
    Permission {
        statement_id: "front-door".into(),
        function_name: broker(),
        action: Permission::INVOKE.into(),
        principal: Permission::API_GATEWAY.into(),
        source_arn: Some(SourceArnPattern::from(&arn)),
    }
}

/// An account that breaks nothing.
pub(super) fn good() -> Account {
    let (plan, key) = (plan("standard"), key("billing", VALUE));
    Account {
        account_id: account_id(),
        region: region(),
        throttle_settings: ThrottleSettings::ACCOUNT_DEFAULT,
        rest_apis: vec![api()],
        usage_plan_keys: vec![UsagePlanKey { usage_plan_id: plan.id.clone(), key_id: key.id.clone() }],
        usage_plans: vec![plan],
        api_keys: vec![key],
        permissions: vec![permission()],
    }
}

pub(super) fn the_api(account: &mut Account) -> &mut RestApi {
    account.rest_apis.first_mut().unwrap()
}

pub(super) fn the_stage(account: &mut Account) -> &mut Stage {
    the_api(account).stages.first_mut().unwrap()
}

pub(super) fn the_method(account: &mut Account) -> &mut Method {
    the_api(account).resources.last_mut().unwrap().methods.get_mut(&HttpMethod::Post).unwrap()
}

pub(super) fn the_integration(account: &mut Account) -> &mut Integration {
    the_method(account).integration.as_mut().unwrap()
}

pub(super) fn the_settings<'a>(account: &'a mut Account, key: &MethodKey) -> &'a mut MethodSetting {
    the_stage(account).method_settings.get_mut(key).unwrap()
}

pub(super) fn the_log(account: &mut Account) -> &mut AccessLogSettings {
    the_stage(account).access_log_settings.as_mut().unwrap()
}

pub(super) fn the_plan(account: &mut Account) -> &mut UsagePlan {
    account.usage_plans.first_mut().unwrap()
}

pub(super) fn the_permission(account: &mut Account) -> &mut Permission {
    account.permissions.first_mut().unwrap()
}

pub(super) fn set_throttle(account: &mut Account, key: &MethodKey, to: ThrottleSettings) {
    let settings = the_settings(account, key);
    (settings.throttling_rate_limit, settings.throttling_burst_limit) = (to.rate_limit, to.burst_limit);
}

pub(super) fn add_resource(account: &mut Account, path: &str) {
    let mut resource = resources().pop().unwrap();
    (resource.path, resource.id) = (ResourcePath::of(path), ResourceId::derived(&api_id(), path));
    resource.methods.clear();
    the_api(account).resources.push(resource);
}

pub(super) fn add_method(account: &mut Account, path: &str, http_method: HttpMethod) {
    let resources = &mut the_api(account).resources;
    let resource = resources.iter_mut().find(|resource| resource.path.as_str() == path).unwrap();
    resource.methods.insert(http_method, Method { http_method, ..method() });
}
