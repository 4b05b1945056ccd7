//! The REST API objects of an account, compiled for looking things up on the way of a request.
//!
//! A view never changes. Live changes (keys, plans, stage settings) make a new view, which the door swaps in whole: a
//! request sees one state from beginning to end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Entropy, Timestamp};
use lambda::Function;
use limits::{LimitId, Limiter};
use restapi::{
    Account, ApiKeyId, ApiKeySource, AuthorizationType, AuthorizerId, HttpMethod, IntegrationType,
    LoggingLevel, Method, MethodArn, MethodKey, QuotaSettings, Resource, ResourcePath, RestApi, RestApiId,
    Stage, ThrottleSettings, UsagePlan, UsagePlanId,
};

use crate::authorize::Authorizer;
use crate::define::{Definer, StageDefiner};
use crate::key_index::KeyIndex;
use crate::log_line::LogLine;
use crate::metrics::Counted;
use crate::response_table::ResponseTable;
use crate::route_table::RouteTable;

/// What functions and authorizers stand behind the API, by name.
#[derive(Debug, Default)]
pub struct Functions {
    /// Functions by their ARN.
    pub by_arn: HashMap<String, Arc<dyn Function>>,
    /// Authorizers by their id.
    pub authorizers: HashMap<AuthorizerId, Arc<dyn Authorizer>>,
}

/// An account as the data plane sees it.
#[derive(Clone, Debug)]
pub struct Live {
    pub(crate) account_id: Arc<str>,
    pub(crate) account_limit: LimitId,
    pub(crate) apis: HashMap<RestApiId, ApiView>,
    /// The API that answers when the host names none.
    pub(crate) default_api: Option<RestApiId>,
    /// The stage whose gateway responses answer what belongs to no stage.
    pub(crate) fallback: Option<Arc<StageView>>,
    pub(crate) keys: KeyIndex,
    /// Every plan, with keys or without.
    pub(crate) plans: Vec<Arc<Plan>>,
}

/// Why an account cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A stage shows a deployment that does not exist.
    #[error("stage `{stage}` shows deployment `{deployment}`, which does not exist")]
    NoSuchDeployment {
        /// The stage.
        stage: String,
        /// The deployment.
        deployment: String,
    },
    /// A plan that does not exist has keys.
    #[error("usage plan `{0}` has keys and does not exist")]
    NoSuchPlan(String),
    /// Numbers that a limit cannot have.
    #[error("`{name}` cannot be a limit")]
    Limit {
        /// The limit's name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An API: its stages by name.
#[derive(Clone, Debug)]
pub(crate) struct ApiView {
    pub(crate) stages: HashMap<String, Arc<StageView>>,
}

/// A stage, with the deployment it shows.
#[derive(Debug)]
pub(crate) struct StageView {
    pub(crate) api_id: RestApiId,
    pub(crate) api_name: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) deployment_id: Arc<str>,
    pub(crate) variables: Vec<(Arc<str>, Arc<str>)>,
    pub(crate) key_source: ApiKeySource,
    pub(crate) binary_media_types: Vec<String>,
    pub(crate) routes: RouteTable,
    pub(crate) responses: ResponseTable,
    pub(crate) access_log: Option<LogLine>,
    pub(crate) counted: Counted,
}

/// A method of a resource in a stage.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) resource_id: Arc<str>,
    pub(crate) resource_path: Arc<str>,
    pub(crate) arn: MethodArn,
    pub(crate) key: MethodKey,
    pub(crate) api_key_required: bool,
    pub(crate) operation_name: Option<String>,
    pub(crate) authorization: Authorization,
    pub(crate) function: Option<Arc<dyn Function>>,
    pub(crate) timeout: Duration,
    pub(crate) limit: LimitId,
    /// What that limit is.
    pub(crate) throttle: ThrottleSettings,
    /// How much of an execution is logged.
    pub(crate) logging_level: LoggingLevel,
    /// Where detailed metrics are on.
    pub(crate) counted: Option<Counted>,
}

/// Who authorizes the callers of a method.
#[derive(Clone, Debug)]
pub(crate) enum Authorization {
    /// Nobody.
    None,
    /// This authorizer.
    By(Arc<dyn Authorizer>),
    /// Somebody who is not here: every call is refused.
    Missing,
}

/// A key that exists.
#[derive(Debug)]
pub(crate) struct KnownKey {
    pub(crate) id: ApiKeyId,
    /// The name of the client whose it is.
    pub(crate) client: Option<Arc<str>>,
    pub(crate) enabled: bool,
    pub(crate) plans: Vec<Arc<Plan>>,
}

/// A usage plan.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: UsagePlanId,
    pub(crate) name: String,
    pub(crate) throttle: Option<LimitId>,
    pub(crate) throttle_settings: Option<ThrottleSettings>,
    pub(crate) quota: Option<LimitId>,
    pub(crate) quota_settings: Option<QuotaSettings>,
    pub(crate) stages: Vec<PlanStage>,
}

/// A stage that a plan opens.
#[derive(Debug)]
pub(crate) struct PlanStage {
    api_id: RestApiId,
    stage: Arc<str>,
    methods: HashMap<MethodKey, (LimitId, ThrottleSettings)>,
}

impl Live {
    /// Compiles `account`. Limits are defined at `limiter`: those that were there before keep their levels.
    pub fn build(
        account: &Account,
        functions: &Functions,
        limiter: &dyn Limiter,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, BuildError> {
        let define = Definer::new(limiter, now);
        let scope = format!("account/{}/{}", account.account_id, account.region);
        let account_limit = define.bucket(&scope, account.throttle_settings)?;
        let apis = account.rest_apis.iter().map(|api| {
            let stages = api.stages.iter().map(|stage| {
                let view = stage_view(account, api, stage, functions, &define)?;
                Ok((stage.stage_name.to_string(), Arc::new(view)))
            });
            Ok((api.id.clone(), ApiView { stages: stages.collect::<Result<_, BuildError>>()? }))
        });
        let apis: HashMap<RestApiId, ApiView> = apis.collect::<Result<_, BuildError>>()?;
        let default_api = account.rest_apis.first();
        let first_stage = default_api
            .and_then(|api| apis.get(&api.id)?.stages.get(api.stages.first()?.stage_name.as_str()));
        let plans = plans(account, &define)?;
        Ok(Self {
            account_id: account.account_id.as_str().into(),
            account_limit,
            fallback: first_stage.cloned(),
            default_api: default_api.map(|api| api.id.clone()),
            apis,
            keys: keys(account, &plans, entropy)?,
            plans: account.usage_plans.iter().filter_map(|plan| plans.get(&plan.id).cloned()).collect(),
        })
    }
}

impl Live {
    /// The same with only those keys that `keep` names.
    pub(crate) fn with_keys(&self, keep: &dyn Fn(&ApiKeyId) -> bool) -> Self {
        let mut kept = self.clone();
        kept.keys.retain(keep);
        kept
    }
}

impl Plan {
    /// The plan's entry for a stage, if it opens it.
    pub(crate) fn stage(&self, stage: &StageView) -> Option<&PlanStage> {
        self.stages.iter().find(|entry| entry.stage == stage.name && entry.api_id == stage.api_id)
    }

    /// The buckets for single methods.
    pub(crate) fn method_limits(&self) -> impl Iterator<Item = LimitId> {
        self.stages.iter().flat_map(|stage| stage.methods.values().map(|(limit, _numbers)| *limit))
    }
}

impl PlanStage {
    /// The plan's own bucket for a method, if it has one.
    pub(crate) fn method(&self, key: &MethodKey) -> Option<LimitId> {
        self.methods.get(key).map(|(limit, _)| *limit)
    }

    /// What that bucket is.
    pub(crate) fn method_throttle(&self, key: &MethodKey) -> Option<ThrottleSettings> {
        self.methods.get(key).map(|(_, throttle)| *throttle)
    }
}

fn stage_view(
    account: &Account,
    api: &RestApi,
    stage: &Stage,
    functions: &Functions,
    define: &Definer<'_>,
) -> Result<StageView, BuildError> {
    let deployment = api.deployment(&stage.deployment_id).ok_or_else(|| BuildError::NoSuchDeployment {
        stage: stage.stage_name.to_string(),
        deployment: stage.deployment_id.to_string(),
    })?;
    let frozen = &deployment.snapshot;
    let arn = |path: &ResourcePath, method: HttpMethod| MethodArn {
        region: account.region.clone(),
        account_id: account.account_id.clone(),
        api_id: api.id.clone(),
        stage: stage.stage_name.clone(),
        method,
        path: path.clone(),
    };
    let mut routes = RouteTable::default();
    for resource in &frozen.resources {
        for method in resource.methods.values() {
            let arn = arn(&resource.path, method.http_method);
            let endpoint = endpoint(arn, resource, method, functions, &define.of_stage(stage))?;
            routes.add(&resource.path, method.http_method, Arc::new(endpoint));
        }
    }
    Ok(StageView {
        api_id: api.id.clone(),
        api_name: api.name.as_str().into(),
        name: stage.stage_name.as_str().into(),
        deployment_id: deployment.id.as_str().into(),
        variables: stage
            .variables
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
            .collect(),
        key_source: frozen.api_key_source,
        binary_media_types: frozen.binary_media_types.clone(),
        routes,
        responses: ResponseTable::new(&frozen.gateway_responses),
        access_log: stage.access_log_settings.as_ref().map(|settings| LogLine::parse(&settings.format)),
        counted: Counted::default(),
    })
}

fn endpoint(
    arn: MethodArn,
    resource: &Resource,
    method: &Method,
    functions: &Functions,
    define: &StageDefiner<'_>,
) -> Result<Endpoint, BuildError> {
    let key = MethodKey::One { path: resource.path.clone(), method: method.http_method };
    let setting = define.stage.setting(&resource.path, method.http_method);
    let name = format!("method/{}/{}/{}{}", arn.api_id, arn.stage, arn.method, arn.path);
    let limit = define.definer.bucket(&name, setting.throttle())?;
    let authorizer = method.authorizer_id.as_ref().and_then(|id| functions.authorizers.get(id));
    let proxy = method.integration.as_ref().filter(|integration| {
        // A function is invoked with POST whatever the client's method; anything else is a configuration error.
        integration.kind == IntegrationType::AwsProxy && integration.http_method == HttpMethod::Post
    });
    Ok(Endpoint {
        resource_id: resource.id.as_str().into(),
        resource_path: resource.path.as_str().into(),
        arn,
        key,
        api_key_required: method.api_key_required,
        operation_name: method.operation_name.clone(),
        authorization: match (method.authorization_type, authorizer) {
            (AuthorizationType::None, _) => Authorization::None,
            (_, Some(authorizer)) => Authorization::By(Arc::clone(authorizer)),
            (_, None) => Authorization::Missing,
        },
        function: proxy
            .and_then(|integration| integration.uri.function_arn())
            .and_then(|arn| functions.by_arn.get(&arn).cloned()),
        timeout: method.integration.as_ref().map_or(Duration::ZERO, |integration| integration.timeout),
        limit,
        throttle: setting.throttle(),
        logging_level: setting.logging_level,
        counted: setting.metrics_enabled.then(Counted::default),
    })
}

type Plans<'a> = HashMap<&'a UsagePlanId, Arc<Plan>>;

fn plans<'a>(account: &'a Account, define: &Definer<'_>) -> Result<Plans<'a>, BuildError> {
    let plans = account.usage_plans.iter();
    plans.map(|plan| Ok((&plan.id, Arc::new(plan_view(plan, define)?)))).collect()
}

fn keys(account: &Account, plans: &Plans<'_>, entropy: &dyn Entropy) -> Result<KeyIndex, BuildError> {
    let mut of_key: HashMap<&ApiKeyId, Vec<Arc<Plan>>> = HashMap::new();
    for membership in &account.usage_plan_keys {
        let plan = plans
            .get(&membership.usage_plan_id)
            .ok_or_else(|| BuildError::NoSuchPlan(membership.usage_plan_id.to_string()))?;
        of_key.entry(&membership.key_id).or_default().push(Arc::clone(plan));
    }
    let mut index = KeyIndex::new(entropy);
    for key in &account.api_keys {
        // Nobody can present a key whose value is not known.
        let Some(value) = &key.value else { continue };
        let plans = of_key.remove(&key.id).unwrap_or_default();
        let client = key.customer_id.as_deref().map(Into::into);
        index.add(value, KnownKey { id: key.id.clone(), client, enabled: key.enabled, plans });
    }
    Ok(index)
}

fn plan_view(plan: &UsagePlan, define: &Definer<'_>) -> Result<Plan, BuildError> {
    let stages = plan.api_stages.iter().map(|entry| {
        let methods = entry.throttle.iter().map(|(key, throttle)| {
            let name = format!("plan/{}/{}/{}/{key}", plan.id, entry.api_id, entry.stage);
            Ok((key.clone(), (define.bucket(&name, *throttle)?, *throttle)))
        });
        Ok(PlanStage {
            api_id: entry.api_id.clone(),
            stage: entry.stage.as_str().into(),
            methods: methods.collect::<Result<_, BuildError>>()?,
        })
    });
    let throttle_name = format!("plan/{}/throttle", plan.id);
    Ok(Plan {
        id: plan.id.clone(),
        name: plan.name.clone(),
        throttle_settings: plan.throttle,
        quota_settings: plan.quota,
        throttle: plan.throttle.map(|throttle| define.bucket(&throttle_name, throttle)).transpose()?,
        quota: plan.quota.map(|quota| define.quota(&plan.id, quota)).transpose()?,
        stages: stages.collect::<Result<_, BuildError>>()?,
    })
}
