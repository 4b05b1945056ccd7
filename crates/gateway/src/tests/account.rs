//! An account with one API, as API Gateway would describe it: `POST /oauth2/token`, a plan, and keys of every kind.

use std::collections::BTreeMap;
use std::time::Duration;

use restapi::{
    Account, AccountId, ApiKey, ApiKeyId, ApiKeySource, ApiKeyValue, ApiStage, AuthorizationType,
    DeploymentId, EndpointType, FunctionName, GatewayResponse, HttpMethod, Integration, IntegrationUri,
    Method, MethodKey, MethodSetting, PathPart, Permission, QuotaPeriod, QuotaSettings, RateLimit, Region,
    Resource, ResourceId, ResourcePath, ResponseType, RestApi, RestApiId, SourceArnPattern, Stage, StageName,
    ThrottleSettings, UsagePlan, UsagePlanId, UsagePlanKey,
};

pub(super) const API: &str = "b6ul3f1up9";
pub(super) const TOKEN: &str = "/oauth2/token";
pub(super) const FUNCTION: &str = "token-broker";

/// An enabled key on the plan of `dev`.
pub(super) const GOOD: &str = "good0123456789abcdefghijABCDEFGHIJ012345";
/// Another of the same plan.
pub(super) const OTHER: &str = "other123456789abcdefghijABCDEFGHIJ012345";
/// On the plan of `dev`, and disabled.
pub(super) const DISABLED: &str = "disabled456789abcdefghijABCDEFGHIJ012345";
/// Enabled, and on no plan.
pub(super) const UNASSIGNED: &str = "unassigned6789abcdefghijABCDEFGHIJ012345";
/// Enabled, and on a plan that opens `prod` only.
pub(super) const ELSEWHERE: &str = "elsewhere56789abcdefghijABCDEFGHIJ012345";
/// No key at all.
pub(super) const UNKNOWN: &str = "unknown3456789abcdefghijABCDEFGHIJ012345";

/// The fixture: stages `dev` and `prod` of one deployment, limits that no test meets by accident.
pub(super) fn account() -> Account {
    let mut account = Account {
        account_id: AccountId::parse("000000000000").unwrap(),
        region: Region::parse("eu-central-1").unwrap(),
        throttle_settings: ThrottleSettings::ACCOUNT_DEFAULT,
        rest_apis: vec![rest_api()],
        usage_plans: vec![plan("plan01", "standard", "dev"), plan("plan02", "elsewhere", "prod")],
        api_keys: vec![
            key("good", GOOD, true),
            key("other", OTHER, true),
            key("disabled", DISABLED, false),
            key("unassigned", UNASSIGNED, true),
            key("elsewhere", ELSEWHERE, true),
        ],
        usage_plan_keys: vec![
            on_plan("good", "plan01"),
            on_plan("other", "plan01"),
            on_plan("disabled", "plan01"),
            on_plan("elsewhere", "plan02"),
        ],
        permissions: vec![permission("arn:aws:execute-api:eu-central-1:000000000000:b6ul3f1up9/*")],
    };
    add_method(&mut account, TOKEN, HttpMethod::Post).api_key_required = true;
    deploy(&mut account);
    account
}

/// Adds a method, and the resources above it, to the working copy. It asks for no key.
pub(super) fn add_method<'a>(account: &'a mut Account, path: &str, method: HttpMethod) -> &'a mut Method {
    let api = account.rest_apis.first_mut().unwrap();
    let mut at = ResourcePath::root();
    for part in ResourcePath::of(path).parts() {
        let parent = api.resource_at(&at).unwrap().id.clone();
        at = at.child(&part);
        if api.resource_at(&at).is_none() {
            let id = ResourceId::derived(&api.id, at.as_str());
            api.resources.push(resource(id, Some((parent, part)), at.clone()));
        }
    }
    let resource = api.resources.iter_mut().find(|resource| resource.path == at).unwrap();
    let integration = Integration::lambda_proxy(function_uri(), resource.id.clone());
    resource.methods.entry(method).or_insert(Method {
        http_method: method,
        authorization_type: AuthorizationType::None,
        authorizer_id: None,
        authorization_scopes: Vec::new(),
        api_key_required: false,
        operation_name: None,
        request_parameters: BTreeMap::new(),
        integration: Some(integration),
    })
}

/// `POST /oauth2/token` of the working copy.
pub(super) fn token_method(account: &mut Account) -> &mut Method {
    add_method(account, TOKEN, HttpMethod::Post)
}

/// Deploys the working copy to every stage.
pub(super) fn deploy(account: &mut Account) {
    let api = account.rest_apis.first_mut().unwrap();
    let id = DeploymentId::derived(&[api.id.as_str(), &api.deployments.len().to_string()]);
    api.deployments.push(api.snapshot(id.clone()));
    for stage in &mut api.stages {
        stage.deployment_id = id.clone();
    }
}

/// The stage `dev`.
pub(super) fn dev(account: &mut Account) -> &mut Stage {
    account.rest_apis.first_mut().unwrap().stages.first_mut().unwrap()
}

/// The plan of `dev`.
pub(super) fn standard(account: &mut Account) -> &mut UsagePlan {
    account.usage_plans.first_mut().unwrap()
}

/// Which method settings and plan throttles of the token method go by.
pub(super) fn token_key() -> MethodKey {
    MethodKey::One { path: ResourcePath::of(TOKEN), method: HttpMethod::Post }
}

/// `milli` thousandths of a request per second, with a burst.
pub(super) fn throttle(milli: u64, burst: u32) -> ThrottleSettings {
    ThrottleSettings { rate_limit: RateLimit::from_milli(milli), burst_limit: burst }
}

/// Gives the token method a bucket of its own.
pub(super) fn throttle_method(account: &mut Account, throttle: ThrottleSettings) {
    dev(account).method_settings.insert(token_key(), MethodSetting::throttled(throttle));
}

/// Gives the plan a bucket of its own for the token method.
pub(super) fn throttle_plan_method(account: &mut Account, throttle: ThrottleSettings) {
    standard(account).api_stages.first_mut().unwrap().throttle.insert(token_key(), throttle);
}

/// `limit` requests a day.
pub(super) fn daily(limit: u64) -> QuotaSettings {
    QuotaSettings::new(limit, QuotaPeriod::Day, 0).unwrap()
}

/// A permission for API Gateway to invoke the function for calls that `pattern` covers.
pub(super) fn permission(pattern: &str) -> Permission {
    Permission {
        statement_id: "front-door".into(),
        function_name: FunctionName::parse(FUNCTION).unwrap(),
        action: Permission::INVOKE.into(),
        principal: Permission::API_GATEWAY.into(),
        source_arn: Some(SourceArnPattern::new(pattern)),
    }
}

/// The id of the key called `name`.
pub(super) fn key_id(name: &str) -> ApiKeyId {
    ApiKeyId::derived(&[name])
}

/// Gateway responses that are RFC 6749 §5.2 errors: what OAuth clients can read.
pub(super) fn oauth_responses() -> Vec<GatewayResponse> {
    use ResponseType as Type;
    let unknown_path = r#"{"error":"invalid_request","error_description":"there is no such endpoint"}"#;
    let bad_key = r#"{"error":"invalid_client","error_description":"the API key is missing, unknown or not admitted here"}"#;
    let wait = r#"{"error":"temporarily_unavailable","error_description":$context.error.messageString}"#;
    let table = [
        (Type::InvalidApiKey, Some(401), bad_key),
        (
            Type::Unauthorized,
            Some(401),
            r#"{"error":"invalid_client","error_description":$context.error.messageString}"#,
        ),
        (
            Type::AccessDenied,
            None,
            r#"{"error":"access_denied","error_description":$context.error.messageString}"#,
        ),
        (Type::Throttled, None, wait),
        (Type::QuotaExceeded, None, wait),
        (Type::MissingAuthenticationToken, None, unknown_path),
        (Type::InvalidSignature, None, unknown_path),
        (
            Type::Default4xx,
            None,
            r#"{"error":"invalid_request","error_description":$context.error.messageString}"#,
        ),
        (
            Type::Default5xx,
            None,
            r#"{"error":"server_error","error_description":"the request could not be served","request_id":"$context.requestId"}"#,
        ),
    ];
    table.into_iter().map(|(kind, status, body)| oauth_response(kind, status, body)).collect()
}

fn oauth_response(kind: ResponseType, status: Option<u16>, body: &str) -> GatewayResponse {
    let mut headers = BTreeMap::from([
        ("gatewayresponse.header.Cache-Control".to_owned(), "'no-store'".to_owned()),
        ("gatewayresponse.header.Pragma".to_owned(), "'no-cache'".to_owned()),
    ]);
    if kind == ResponseType::Throttled {
        // What the same definition has to say on AWS, where it cannot be computed.
        headers.insert("gatewayresponse.header.Retry-After".to_owned(), "'1'".to_owned());
    }
    GatewayResponse {
        response_type: kind,
        status_code: status,
        response_parameters: headers,
        response_templates: BTreeMap::from([("application/json".to_owned(), body.to_owned())]),
    }
}

fn rest_api() -> RestApi {
    let id = RestApiId::parse(API).unwrap();
    let root = resource(ResourceId::derived_root(&id), None, ResourcePath::root());
    RestApi {
        id,
        name: "token-broker-api".into(),
        description: None,
        api_key_source: ApiKeySource::Header,
        endpoint_type: EndpointType::Regional,
        binary_media_types: Vec::new(),
        disable_execute_api_endpoint: false,
        resources: vec![root],
        authorizers: Vec::new(),
        gateway_responses: Vec::new(),
        deployments: Vec::new(),
        stages: vec![stage("dev"), stage("prod")],
    }
}

fn resource(id: ResourceId, child_of: Option<(ResourceId, PathPart)>, path: ResourcePath) -> Resource {
    let (parent_id, path_part) = child_of.unzip();
    Resource { id, parent_id, path_part, path, methods: BTreeMap::new() }
}

fn stage(name: &str) -> Stage {
    Stage {
        stage_name: StageName::parse(name).unwrap(),
        deployment_id: DeploymentId::derived(&["none yet"]),
        description: None,
        method_settings: BTreeMap::new(),
        variables: BTreeMap::new(),
        access_log_settings: None,
        tracing_enabled: false,
        cache_cluster_enabled: false,
    }
}

fn plan(id: &str, name: &str, stage: &str) -> UsagePlan {
    UsagePlan {
        id: UsagePlanId::parse(id).unwrap(),
        name: name.into(),
        description: None,
        api_stages: vec![ApiStage {
            api_id: RestApiId::parse(API).unwrap(),
            stage: StageName::parse(stage).unwrap(),
            throttle: BTreeMap::new(),
        }],
        throttle: Some(throttle(1_000_000, 2_000)),
        quota: Some(daily(100_000)),
    }
}

fn key(name: &str, value: &str, enabled: bool) -> ApiKey {
    ApiKey {
        id: key_id(name),
        name: name.into(),
        value: Some(ApiKeyValue::new(value.into()).unwrap()),
        enabled,
        customer_id: Some(name.into()),
    }
}

fn on_plan(key: &str, plan: &str) -> UsagePlanKey {
    UsagePlanKey { usage_plan_id: UsagePlanId::parse(plan).unwrap(), key_id: key_id(key) }
}

fn function_uri() -> IntegrationUri {
    IntegrationUri::Function {
        region: Region::parse("eu-central-1").unwrap(),
        account_id: AccountId::parse("000000000000").unwrap(),
        name: FunctionName::parse(FUNCTION).unwrap(),
    }
}

/// Shortens the token method's integration timeout.
pub(super) fn set_timeout(account: &mut Account, timeout: Duration) {
    token_method(account).integration.as_mut().unwrap().timeout = timeout;
}
