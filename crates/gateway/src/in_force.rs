//! Which limits are in force, and whose each is: for whoever shows how full they are. Not on the way of a request.

use std::sync::Arc;

use limits::{Charge, LimitId, Subject};

use crate::Door;
use crate::live::{Endpoint, KnownKey, Live, Plan, StageView};

/// A limit in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InForce {
    /// At the limiter.
    pub id: LimitId,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a limit is. The names are those of refusals in logs and metrics.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whose {
    /// The bucket that everybody in the account shares.
    Account,
    /// The bucket of a method, which everybody shares.
    Method {
        /// The API.
        api_name: Arc<str>,
        /// The stage.
        stage: Arc<str>,
        /// The HTTP method.
        method: &'static str,
        /// The resource's path.
        resource: Arc<str>,
    },
    /// The bucket that each key of a plan has.
    Plan {
        /// The plan's name.
        plan: String,
    },
    /// The bucket for one method that each key of a plan has.
    PlanMethod {
        /// The plan's name.
        plan: String,
    },
    /// The quota that each key of a plan has.
    Quota {
        /// The plan's name.
        plan: String,
    },
}

impl Door {
    /// The limits that requests are admitted by from now on.
    pub fn limits_in_force(&self) -> Vec<InForce> {
        let live = self.live.load();
        let account = InForce { id: live.account_limit, whose: Whose::Account };
        let methods = methods(&live).map(|(stage, endpoint)| of_method(stage, endpoint));
        let plans = live.plans.iter().flat_map(|plan| of_plan(plan));
        std::iter::once(account).chain(methods).chain(plans).collect()
    }
}

/// The quota of a key whose client is counted by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientQuota {
    /// The client's name.
    pub client: Arc<str>,
    /// The quota, as the key has it.
    pub quota: Charge,
}

impl Door {
    /// The quotas of all keys of clients that are [counted](Self::count_clients) by themselves.
    pub fn client_quotas(&self) -> Arc<Vec<ClientQuota>> {
        self.client_quotas.load_full()
    }

    /// Finds them. With a million keys that takes about a second, and is nothing to do for a request or a scrape.
    pub(crate) fn find_client_quotas(&self) -> Vec<ClientQuota> {
        let clients = &self.log.metrics.by_client;
        if !clients.is_on() {
            return Vec::new();
        }
        let live = self.live.load_full();
        let shown = |key: &&Arc<KnownKey>| key.client.as_deref().is_some_and(|client| clients.shows(client));
        live.keys.all().filter(shown).flat_map(|key| quotas(key)).collect()
    }
}

fn quotas(key: &KnownKey) -> impl Iterator<Item = ClientQuota> {
    let subject = Subject::new(key.id.as_number());
    let limits = key.plans.iter().filter_map(|plan| plan.quota);
    let charges = limits.map(move |limit| Charge { limit, subject });
    charges.filter_map(|quota| Some(ClientQuota { client: key.client.clone()?, quota }))
}

fn methods(live: &Live) -> impl Iterator<Item = (&StageView, &Endpoint)> {
    let stages = live.apis.values().flat_map(|api| api.stages.values());
    stages.flat_map(|stage| stage.routes.endpoints().map(move |endpoint| (&**stage, endpoint)))
}

fn of_method(stage: &StageView, endpoint: &Endpoint) -> InForce {
    let whose = Whose::Method {
        api_name: Arc::clone(&stage.api_name),
        stage: Arc::clone(&stage.name),
        method: endpoint.arn.method.as_str(),
        resource: Arc::clone(&endpoint.resource_path),
    };
    InForce { id: endpoint.limit, whose }
}

fn of_plan(plan: &Plan) -> impl Iterator<Item = InForce> {
    let name = || plan.name.clone();
    let throttle = plan.throttle.map(|id| InForce { id, whose: Whose::Plan { plan: name() } });
    let quota = plan.quota.map(|id| InForce { id, whose: Whose::Quota { plan: name() } });
    let methods =
        plan.method_limits().map(move |id| InForce { id, whose: Whose::PlanMethod { plan: name() } });
    throttle.into_iter().chain(quota).chain(methods)
}
