//! Stages with their settings, and the deployments that they show.

use std::collections::BTreeMap;

use restapi::{
    AccessLogSettings, DeploymentId, HttpMethod, LoggingLevel, MethodKey, MethodSetting, RateLimit,
    ResourcePath, RestApi, Stage, StageName, ThrottleSettings,
};

use super::block::{AFTER_APPLY, Block, Seen};
use super::document::Instance;
use super::findings::at;
use super::front::{REST_API, Reader};
use super::graph::Link;

impl<'a> Reader<'a> {
    /// Adds the stages, their settings, and for each deployment what it freezes: all of the API as it is described.
    pub(super) fn add_stages(&mut self, api: &mut RestApi) {
        self.add_described_stages(api);
        let deployments = self.own(DEPLOYMENT);
        for block in &deployments {
            self.add_stage_of_deployment(block, api);
        }
        self.add_settings(api);
        let shown: Vec<_> = api.stages.iter().map(|stage| stage.deployment_id.clone()).collect();
        for block in &deployments {
            let id = deployment_id(block);
            self.add_origin(&at(&["deployments", id.as_str()]), &block.instance.address);
            let place = format!("{}/{}", self.place, at(&["deployments", id.as_str()]));
            if shown.contains(&id) {
                self.check_freshness(block, &place);
            }
            let mut deployment = api.snapshot(id);
            deployment.description = block.text_or_placeholder("description");
            api.deployments.push(deployment);
        }
    }

    fn add_described_stages(&mut self, api: &mut RestApi) {
        for block in self.own(STAGE) {
            let Some(stage_name) =
                block.text("stage_name").known().and_then(|name| StageName::parse(name).ok())
            else {
                let place = format!("{}/{}", self.place, at(&["stages", &block.instance.address]));
                self.notes.unseen(block.instance, &place, "the stage's name");
                continue;
            };
            let place = at(&["stages", stage_name.as_str()]);
            self.add_origin(&place, &block.instance.address);
            let place = format!("{}/{place}", self.place);
            let deployment_id = self.shown_deployment(&block, &place);
            api.stages.push(Stage {
                stage_name,
                deployment_id,
                description: block.text_or_placeholder("description"),
                method_settings: BTreeMap::new(),
                variables: block.map("variables"),
                access_log_settings: self.access_log(&block, &place),
                tracing_enabled: block.flag("xray_tracing_enabled").known().unwrap_or(false),
                cache_cluster_enabled: match block.flag("cache_cluster_enabled") {
                    Seen::Unset => false,
                    Seen::Known(is_enabled) => is_enabled,
                    Seen::Unknown => true,
                },
            });
        }
    }

    /// The deployment that a stage shows, and no other beside it.
    fn shown_deployment(&mut self, block: &Block<'a>, place: &str) -> DeploymentId {
        for canary in block.blocks("canary_settings") {
            let link = self.graph.link(block, "deployment_id", DEPLOYMENT);
            let is_same = match self.graph.link(&canary, "deployment_id", DEPLOYMENT) {
                Link::To(deployment) => link.is_to(deployment),
                Link::Outside | Link::Unseen => false,
            };
            if !is_same {
                let detail = "a canary shows some callers another deployment (`canary_settings`)";
                self.notes.hidden(block.instance, &format!("{place}/canarySettings"), detail);
            }
        }
        match self.graph.link(block, "deployment_id", DEPLOYMENT) {
            Link::To(deployment) => deployment_id(&self.graph.block(deployment)),
            Link::Outside | Link::Unseen => {
                let part = "which deployment the stage shows (`deployment_id`), and so what is in it,";
                self.notes.unseen(block.instance, &format!("{place}/deploymentId"), part);
                DeploymentId::derived(&[&block.instance.address])
            }
        }
    }

    fn access_log(&mut self, block: &Block<'a>, place: &str) -> Option<AccessLogSettings> {
        if block.hides_blocks("access_log_settings") {
            self.notes.unseen(
                block.instance,
                &format!("{place}/accessLogSettings"),
                "what the access log has in it",
            );
        }
        let blocks = block.blocks("access_log_settings");
        let log = blocks.first()?;
        if log.text("format") == Seen::Unknown {
            let place = format!("{place}/accessLogSettings/format");
            self.notes.unseen(block.instance, &place, "the format of the access log");
            return None;
        }
        Some(AccessLogSettings {
            destination_arn: log.text_or_placeholder("destination_arn").unwrap_or_else(|| AFTER_APPLY.into()),
            format: log.text("format").known().unwrap_or_default().to_owned(),
        })
    }

    /// A deployment can make a stage by itself; its settings stand nowhere, so that they are API Gateway's defaults.
    fn add_stage_of_deployment(&mut self, block: &Block<'a>, api: &mut RestApi) {
        let place = format!("{}/{}", self.place, at(&["deployments", deployment_id(block).as_str()]));
        if !block.blocks("canary_settings").is_empty() {
            self.notes.unseen(
                block.instance,
                &place,
                "what the canary of the deployment shows (`canary_settings`)",
            );
        }
        let stage_name = match block.text("stage_name") {
            Seen::Unset => return,
            Seen::Known(name) => StageName::parse(name).ok(),
            Seen::Unknown => None,
        };
        let Some(stage_name) = stage_name else {
            self.notes.unseen(block.instance, &place, "which stage the deployment makes (`stage_name`)");
            return;
        };
        if api.stage(&stage_name).is_some() {
            return;
        }
        self.add_origin(&at(&["stages", stage_name.as_str()]), &block.instance.address);
        api.stages.push(Stage {
            stage_name,
            deployment_id: deployment_id(block),
            description: block.text_or_placeholder("stage_description"),
            method_settings: BTreeMap::new(),
            variables: block.map("variables"),
            access_log_settings: None,
            tracing_enabled: false,
            cache_cluster_enabled: false,
        });
    }

    /// What a stage shows is what is described only if every change of it is deployed, and deployed after it is made.
    fn check_freshness(&mut self, deployment: &Block<'a>, place: &str) {
        let Instance { address, actions, .. } = deployment.instance;
        let is_made = actions.is_empty() || actions.iter().any(|action| action == "create");
        let detail = if !is_made {
            listed(&self.changed()).map(|changed| {
                format!("the plan changes {changed} and deploys nothing, so that callers meet what was there before")
            })
        } else if actions == &["create", "delete"] {
            // What a resource depends on is taken away after it, and this one is made before its old self goes.
            listed(&self.deleted().collect::<Vec<_>>()).map(|deleted| {
                format!(
                    "the plan deploys before it takes away {deleted}, so that callers go on meeting it; after this \
                     apply deploy once more: terraform apply -replace='{address}'"
                )
            })
        } else {
            None
        };
        if let Some(detail) = detail {
            self.notes.hidden(deployment.instance, place, detail);
        }
    }

    /// What the plan changes of what a deployment freezes.
    fn changed(&mut self) -> Vec<&'a str> {
        let is_change = |action: &String| ["create", "update", "delete"].contains(&action.as_str());
        let described: Vec<_> = FROZEN.into_iter().flat_map(|kind| self.own(kind)).collect();
        let described = described.iter().map(|block| block.instance);
        let changed = described.filter(|instance| instance.actions.iter().any(is_change));
        let api = Some(self.api)
            .filter(|api| api.changed.iter().any(|name| FROZEN_OF_API.contains(&name.as_str())));
        changed.chain(api).map(|instance| instance.address.as_str()).chain(self.deleted()).collect()
    }

    /// What the plan takes away beside the API: to which API it belonged stands nowhere.
    fn deleted(&self) -> impl Iterator<Item = &'a str> {
        let module =
            self.api.address.strip_suffix(&format!("{REST_API}.{}", self.api.name)).unwrap_or_default();
        let is_frozen = |kind: &str| FROZEN.contains(&kind);
        let deleted =
            self.deleted.iter().filter(move |(kind, address)| is_frozen(kind) && address.starts_with(module));
        deleted.map(|(_, address)| address.as_str())
    }

    fn add_settings(&mut self, api: &mut RestApi) {
        for block in self.own("aws_api_gateway_method_settings") {
            let (stage, key) =
                (self.stage_of(&block, "stage_name"), block.text("method_path").known().and_then(method_key));
            let (Some(stage_name), Some(key)) = (stage, key) else {
                let place = format!("{}/{}", self.place, at(&["stages", &block.instance.address]));
                self.notes.unseen(block.instance, &place, "which stage and method the settings are for");
                continue;
            };
            let name = match &key {
                MethodKey::Every => "*/*".into(),
                MethodKey::One { path, method } => format!("{path}/{method}"),
            };
            let place = at(&["stages", stage_name.as_str(), "methodSettings", &name]);
            self.add_origin(&place, &block.instance.address);
            let place = format!("{}/{place}", self.place);
            let first = self.notes.origins.address_of(&place).unwrap_or_default().to_owned();
            let setting = self.setting(&block, &place);
            // Settings of a stage that is not described here change nothing that could be looked at.
            let Some(stage) = api.stages.iter_mut().find(|stage| stage.stage_name == stage_name) else {
                self.notes.unseen(block.instance, &place, "the stage that the settings are for");
                continue;
            };
            if stage.method_settings.insert(key, setting).is_some() {
                let detail =
                    format!("{first} sets this, too, and which of the two holds depends on their order");
                self.notes.hidden(block.instance, &place, detail);
            }
        }
    }

    /// The name of the stage that `name` of `block` says or refers to.
    pub(super) fn stage_of(&self, block: &Block<'a>, name: &str) -> Option<StageName> {
        let text = match block.text(name) {
            Seen::Known(text) => text,
            Seen::Unset => return None,
            Seen::Unknown => {
                let stage = self.graph.link(block, name, STAGE).found()?;
                self.graph.block(stage).text("stage_name").known()?
            }
        };
        StageName::parse(text).ok()
    }

    fn setting(&mut self, block: &Block<'a>, place: &str) -> MethodSetting {
        let blocks = block.blocks("settings");
        let Some(settings) = blocks.first() else {
            self.notes.unseen(block.instance, place, "the settings");
            return MethodSetting::default();
        };
        let default = MethodSetting::default();
        let logging_level = match settings.text("logging_level") {
            Seen::Unset | Seen::Known("OFF") => LoggingLevel::Off,
            Seen::Known("ERROR") => LoggingLevel::Error,
            Seen::Known("INFO") => LoggingLevel::Info,
            Seen::Known(_) | Seen::Unknown => {
                self.notes.unseen(
                    block.instance,
                    &format!("{place}/loggingLevel"),
                    "the execution log's level",
                );
                LoggingLevel::Info
            }
        };
        let throttle = self.throttle(settings, ["throttling_rate_limit", "throttling_burst_limit"], place);
        let ttl =
            settings.whole_number("cache_ttl_in_seconds").known().and_then(|ttl| u32::try_from(ttl).ok());
        MethodSetting {
            metrics_enabled: settings.flag("metrics_enabled").known().unwrap_or(default.metrics_enabled),
            logging_level,
            data_trace_enabled: self.switch(settings, "data_trace_enabled", place),
            throttling_burst_limit: throttle.burst_limit,
            throttling_rate_limit: throttle.rate_limit,
            caching_enabled: self.switch(settings, "caching_enabled", place),
            cache_ttl_in_seconds: ttl.unwrap_or(default.cache_ttl_in_seconds),
            cache_data_encrypted: settings
                .flag("cache_data_encrypted")
                .known()
                .unwrap_or(default.cache_data_encrypted),
            require_authorization_for_cache_control: settings
                .flag("require_authorization_for_cache_control")
                .known()
                .unwrap_or(default.require_authorization_for_cache_control),
        }
    }

    /// A switch that must be off; off is API Gateway's default.
    fn switch(&mut self, settings: &Block<'a>, name: &str, place: &str) -> bool {
        if settings.flag(name) == Seen::Unknown {
            self.notes.unseen(
                settings.instance,
                &format!("{place}/{name}"),
                &format!("whether `{name}` is on"),
            );
        }
        settings.flag(name).known().unwrap_or(false)
    }

    /// Rate and burst by these names. Where nothing is set, and for the provider's -1, the account's limits hold.
    pub(super) fn throttle(&mut self, block: &Block<'a>, names: [&str; 2], place: &str) -> ThrottleSettings {
        let [rate, burst] = names;
        let mut throttle = ThrottleSettings::ACCOUNT_DEFAULT;
        match block.number(rate) {
            Seen::Known(number) if number < 0.0 => {}
            Seen::Unset => {}
            Seen::Known(number) => match RateLimit::from_requests_per_second(number) {
                Ok(rate) => throttle.rate_limit = rate,
                Err(error) => {
                    self.notes.hidden(block.instance, place, format!("`{rate}` is {number}: {error}"));
                }
            },
            Seen::Unknown => self.notes.unseen(block.instance, place, &format!("the rate (`{rate}`)")),
        }
        match block.whole_number(burst) {
            Seen::Known(number) if number < 0 => {}
            Seen::Unset => {}
            Seen::Known(number) => throttle.burst_limit = u32::try_from(number).unwrap_or(u32::MAX),
            Seen::Unknown => self.notes.unseen(block.instance, place, &format!("the burst (`{burst}`)")),
        }
        throttle
    }
}

/// The method that a path of settings names: `*/*`, `~1oauth2~1token/POST`, or `/oauth2/token/POST` as in usage plans.
pub(super) fn method_key(text: &str) -> Option<MethodKey> {
    if text == "*/*" {
        return Some(MethodKey::Every);
    }
    let (path, method) = text.rsplit_once('/')?;
    let method: HttpMethod = method.parse().ok()?;
    Some(MethodKey::One { path: ResourcePath::of(&path.replace("~1", "/")), method })
}

/// The first address, and how many more.
fn listed(addresses: &[&str]) -> Option<String> {
    let (first, more) = addresses.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Some(format!("{first}{more}"))
}

fn deployment_id(block: &Block<'_>) -> DeploymentId {
    let known = block.text("id").known().and_then(|id| DeploymentId::parse(id).ok());
    known.unwrap_or_else(|| DeploymentId::derived(&[&block.instance.address]))
}

pub(super) const STAGE: &str = "aws_api_gateway_stage";
const DEPLOYMENT: &str = "aws_api_gateway_deployment";

/// The API's own attributes that a deployment freezes.
const FROZEN_OF_API: [&str; 6] = [
    "api_key_source",
    "binary_media_types",
    "body",
    "disable_execute_api_endpoint",
    "minimum_compression_size",
    "policy",
];

/// What else a deployment freezes.
const FROZEN: [&str; 6] = [
    "aws_api_gateway_resource",
    "aws_api_gateway_method",
    "aws_api_gateway_integration",
    "aws_api_gateway_authorizer",
    "aws_api_gateway_gateway_response",
    "aws_api_gateway_rest_api_policy",
];
