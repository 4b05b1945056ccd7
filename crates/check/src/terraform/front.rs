//! The API that the document is about: which one it is, what it is made of, and everything put together.

use restapi::{
    Account, AccountId, ApiKeySource, EndpointType, Region, ResourceId, RestApi, RestApiId, ThrottleSettings,
};
use serde_json::Value;

use super::Reading;
use super::block::{Block, Seen};
use super::document::{Document, EmptyPlan, Instance};
use super::findings::{Notes, at};
use super::follow::Target;
use super::graph::{Graph, Link};
use super::secrets::Secrets;
use super::whereabouts::Whereabouts;
use super::{Found, outputs, variables};
use crate::rule::NOTHING_UNSEEN;

/// Whose something is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// The API that is looked at.
    This,
    /// Another API.
    Other,
    /// Nobody can tell.
    Unseen,
}

/// One reading: the document, the API in it, and what was found so far.
pub(super) struct Reader<'a> {
    pub(super) graph: Graph<'a>,
    pub(super) notes: Notes,
    pub(super) api: &'a Instance,
    pub(super) id: RestApiId,
    /// `restApis/NAME`.
    pub(super) place: String,
    pub(super) region: Region,
    pub(super) account_id: AccountId,
    /// Kind and address of what the plan takes away.
    pub(super) deleted: &'a [(String, String)],
    pub(super) secrets: &'a Secrets,
}

/// The account that `document` describes.
pub(super) fn read(document: &Document, file: &str, api_name: Option<&str>) -> Reading {
    let graph = Graph::of(document);
    let mut notes = Notes::of(file);
    if !document.is_complete {
        let detail =
            "the plan is not complete: it was made for a part of the resources, or some were put off";
        notes.add(NOTHING_UNSEEN, "", "", detail);
    }
    outputs::check(document, &graph, &mut notes);
    variables::check(document, &mut notes);
    let secrets = document.secrets.clone();
    let without_api = |notes: Notes, secrets| {
        let Notes { findings, origins } = notes;
        Reading { findings, origins, secrets, ..Reading::default() }
    };
    if let Some(plan) = document.empty_plan {
        notes.add(NOTHING_UNSEEN, "", "", nothing_in(plan));
        return without_api(notes, secrets);
    }
    let Some(api) = choose(&graph, &mut notes, api_name) else { return without_api(notes, secrets) };
    let Some(mut reader) = Reader::of(document, graph, notes, api) else { return Reading::default() };
    let (account, found) = reader.account();
    let Notes { findings, origins } = reader.notes;
    Reading { account: Some(account), findings, origins, found, secrets }
}

/// What is said of a plan without resources.
fn nothing_in(plan: EmptyPlan) -> &'static str {
    match plan {
        EmptyPlan::Destroy => "the plan takes everything away, so that there is no REST API in it",
        EmptyPlan::Refresh => {
            "the plan only refreshes the state, so that there is no REST API in it; check a plan that was made without \
             -refresh-only, or the state"
        }
    }
}

/// The API with that name, or the only one.
fn choose<'a>(graph: &Graph<'a>, notes: &mut Notes, name: Option<&str>) -> Option<&'a Instance> {
    let is_it =
        |api: &&&'a Instance| name.is_none_or(|name| graph.block(api).text("name").known() == Some(name));
    let found: Vec<_> = graph.of_kind(REST_API).iter().filter(is_it).copied().collect();
    match (found.as_slice(), name) {
        ([api], _) => Some(api),
        ([], None) => None,
        ([], Some(name)) => {
            notes.add(NOTHING_UNSEEN, "", "", format!("there is no REST API with the name `{name}`"));
            None
        }
        ([first, ..], _) => {
            let addresses: Vec<_> = found.iter().map(|api| api.address.as_str()).collect();
            let detail = format!(
                "there are several REST APIs, and which to check is not said: {}",
                addresses.join(", ")
            );
            notes.add(NOTHING_UNSEEN, &first.address, "", detail);
            None
        }
    }
}

impl<'a> Reader<'a> {
    fn of(document: &'a Document, graph: Graph<'a>, mut notes: Notes, api: &'a Instance) -> Option<Self> {
        let block = graph.block(api);
        let known_id = block.text("id").known().and_then(|id| RestApiId::parse(id).ok());
        let id = known_id.unwrap_or_else(|| RestApiId::derived(&[&api.address]));
        let place = at(&["restApis", &block.text_or_placeholder("name").unwrap_or_default()]);
        let Whereabouts { region, account_id } = Whereabouts::of(&graph, &block, document);
        // Both only stand in ARNs that nobody knows yet, and there on both sides: the comparison sees to it.
        if region.is_none() {
            notes.origins.hide("region");
        }
        let region = region.or_else(|| Region::parse("us-east-1").ok())?;
        let account_id = account_id.or_else(|| AccountId::parse("000000000000").ok())?;
        let Document { deleted, secrets, .. } = document;
        Some(Self { graph, notes, api, id, place, region, account_id, deleted, secrets })
    }

    fn account(&mut self) -> (Account, Found) {
        let mut api = self.container();
        self.add_resources(&mut api);
        self.add_authorizers(&mut api);
        self.add_methods(&mut api);
        self.add_gateway_responses(&mut api);
        self.add_stages(&mut api);
        let plans = self.plans(&api);
        let keys = self.keys(&plans);
        let permissions = self.permissions(&api);
        self.check_functions(&api);
        self.check_texts(&keys.keys);
        let (timeouts, bound) = self.check_brokers(&api, &keys);
        let app_clients = self.check_pools(&api, &bound);
        let account = Account {
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            // The account's own; Terraform does not set it.
            throttle_settings: ThrottleSettings::ACCOUNT_DEFAULT,
            rest_apis: vec![api],
            usage_plans: plans.into_iter().map(|(_, plan)| plan).collect(),
            api_keys: keys.keys,
            usage_plan_keys: keys.on_plans,
            permissions,
        };
        (account, Found { timeouts, bound, app_clients })
    }

    /// The API without anything in it.
    fn container(&mut self) -> RestApi {
        let (block, place) = (self.graph.block(self.api), self.place.clone());
        let address = &self.api.address;
        self.notes.origins.add(place.clone(), address);
        self.notes.origins.add(at(&["restApis", self.id.as_str()]), address);
        if block.value("body") != Seen::Unset {
            self.notes.hidden(self.api, &place, "the API is described by an OpenAPI document in `body`");
        }
        for put in self.own("aws_api_gateway_rest_api_put") {
            self.notes.hidden(put.instance, &place, "the API is described by an OpenAPI document");
        }
        if block.text("name") == Seen::Unknown {
            self.notes.unseen(self.api, &format!("{place}/name"), "the API's name");
        }
        RestApi {
            id: self.id.clone(),
            name: block.text_or_placeholder("name").unwrap_or_default(),
            // One that is null in the configuration is unknown in a first plan, and empty afterwards.
            description: block.text("description").known().map(ToOwned::to_owned),
            api_key_source: self.api_key_source(&block),
            endpoint_type: self.endpoint_type(&block),
            binary_media_types: block.texts("binary_media_types"),
            disable_execute_api_endpoint: block.flag("disable_execute_api_endpoint").known().unwrap_or(false),
            resources: Vec::new(),
            authorizers: Vec::new(),
            gateway_responses: Vec::new(),
            deployments: Vec::new(),
            stages: Vec::new(),
        }
    }

    fn api_key_source(&mut self, block: &Block<'_>) -> ApiKeySource {
        match block.text("api_key_source") {
            Seen::Unset | Seen::Known("HEADER") => ApiKeySource::Header,
            Seen::Known("AUTHORIZER") => ApiKeySource::Authorizer,
            Seen::Known(_) | Seen::Unknown => {
                let place = format!("{}/apiKeySource", self.place);
                self.notes.unseen(self.api, &place, "where API keys are read from");
                ApiKeySource::Header
            }
        }
    }

    fn endpoint_type(&mut self, block: &Block<'_>) -> EndpointType {
        let configuration = block.blocks("endpoint_configuration");
        let types = configuration.first().map(|block| block.texts("types")).unwrap_or_default();
        match types.first().map(String::as_str) {
            Some("REGIONAL") => EndpointType::Regional,
            Some("PRIVATE") => EndpointType::Private,
            // What API Gateway takes where nothing is said.
            None | Some("EDGE") => EndpointType::Edge,
            Some(_) => {
                let place = format!("{}/endpointType", self.place);
                self.notes.unseen(self.api, &place, "from where the API can be reached");
                EndpointType::Edge
            }
        }
    }

    /// The resources of a kind.
    pub(super) fn all(&self, kind: &str) -> Vec<Block<'a>> {
        self.graph.of_kind(kind).iter().map(|instance| self.graph.block(instance)).collect()
    }

    /// The resources of a kind that belong to the API. Where nobody can tell they are taken for its own, and said.
    pub(super) fn own(&mut self, kind: &str) -> Vec<Block<'a>> {
        let all: Vec<_> =
            self.graph.of_kind(kind).iter().map(|instance| self.graph.block(instance)).collect();
        all.into_iter().filter(|block| self.is_own(block, "rest_api_id")).collect()
    }

    /// Whether `name` of `block` names the API.
    pub(super) fn is_own(&mut self, block: &Block<'a>, name: &str) -> bool {
        let owner = self.owner(block, name);
        if owner == Owner::Unseen {
            let detail = format!("which REST API it belongs to (`{name}`) cannot be seen");
            self.notes.add(NOTHING_UNSEEN, &block.instance.address, &self.place, detail);
        }
        owner != Owner::Other
    }

    /// Which API `name` of `block` names.
    pub(super) fn owner(&self, block: &Block<'a>, name: &str) -> Owner {
        match self.graph.link(block, name, REST_API) {
            Link::To(api) if std::ptr::eq(api, self.api) => Owner::This,
            Link::Outside if self.looks_this_up(block, name) => Owner::Unseen,
            Link::To(_) | Link::Outside => Owner::Other,
            Link::Unseen => Owner::Unseen,
        }
    }

    /// Whether `name` of `block` may come from a data source that looks up this very API, once it is there.
    fn looks_this_up(&self, block: &Block<'a>, name: &str) -> bool {
        if block.text(name).known().is_some() {
            return false;
        }
        let own = self.graph.block(self.api).text("name").known();
        let may_be_own = |read: &Instance| {
            let name = read.values.get("name").and_then(Value::as_str);
            name.is_none() || own.is_none() || name == own
        };
        self.graph.targets(block, name).iter().any(|target| match target {
            Target::LookedUp { kind, instances, .. } if kind == REST_API => {
                instances.is_empty() || instances.iter().any(|read| may_be_own(read))
            }
            _ => false,
        })
    }

    /// The id of the root resource.
    pub(super) fn root_id(&self) -> ResourceId {
        let known = self.graph.block(self.api).text("root_resource_id").known();
        known.and_then(|id| ResourceId::parse(id).ok()).unwrap_or_else(|| ResourceId::derived_root(&self.id))
    }
}

pub(super) const REST_API: &str = "aws_api_gateway_rest_api";
