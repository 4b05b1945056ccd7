//! From one definition to the next: everything that may fail is done first, and what is left cannot.
//!
//! The order is such that whoever is called knows at least as much as whoever calls: the user pool and processes are told
//! before the front door admits anybody by the new definition, and forget the old one only when nothing that began under it
//! is left.

use std::path::Path;
use std::sync::Arc;

use ambient::Timestamp;
use anyhow::{Context as _, bail};
use assembly::Patience;
use bindings::Bindings;
use broker::{KeptTokens, Succession};
use config::{Compiled, Definition, FunctionHome, UserPool as PoolHome};
use gateway::{Functions, Live};
use oauth::{Scope, ScopeSet};
use user_pool::AppClient;

use super::{
    Chain, Embedding, Generation, InForce, Issuer, Tenure, Told, count_clients, directory, embedding,
    external, source, without_keys,
};
use crate::control::Roster;
use crate::function::{self, Brokerage, Processes, Start, Written};
use crate::state::EmbeddedPool;

/// A definition that may run, and is to take the place of the one in force.
pub(crate) struct Successor<'a> {
    pub(crate) definition: Arc<Definition>,
    pub(crate) compiled: &'a Compiled,
    /// When its waivers were judged.
    pub(crate) judged: Timestamp,
    pub(crate) written: Written<'a>,
    /// What the embedded user pool keeps, if there is one.
    pub(crate) kept: Option<EmbeddedPool>,
}

impl Chain {
    /// Takes over another definition whole, or nothing of it.
    pub(crate) fn take_over(&self, successor: Successor<'_>) -> anyhow::Result<Generation> {
        let Successor { definition, compiled, judged, written, kept } = successor;
        let mut in_force = self.in_force();
        let generation = in_force.generation.next();
        let Embedding { issuer, app_clients } =
            self.pool_of((&definition, written.path), compiled, kept.as_ref())?;
        let tenure = Tenure::begin(generation, self.tenures.clone());
        let next = Next { definition: &definition, compiled, written, issuer, tenure };
        let brokerage = self.brokerage(&in_force, next)?;
        let roster = Roster::of(&compiled.account)?;
        let told = Told { bindings: brokerage.bindings(compiled), app_clients };
        let live = self.live(compiled, &brokerage).inspect_err(|_error| self.restore_limits(&in_force))?;
        let mut earlier = std::mem::take(&mut in_force.earlier);
        earlier.insert(0, (in_force.generation, in_force.told.clone()));
        // What is told to others says more than before, so that it changes nothing should the rest fail.
        if let Err(error) = self.tell(&told, &earlier) {
            earlier.remove(0);
            in_force.earlier = earlier;
            self.restore_limits(&in_force);
            return Err(error);
        }
        if let Brokerage::Processes(processes) = &brokerage {
            self.hosts.add(generation, processes.host());
        }
        // From here on nothing fails.
        self.door.replace(live);
        count_clients(&self.door, &definition);
        self.control.replace(roster);
        let account = without_keys(&compiled.account);
        *in_force = InForce { generation, definition, judged, account, brokerage, told, earlier };
        Ok(generation)
    }

    /// Puts away what only an earlier definition needed: nothing that began under it is left.
    pub(crate) async fn forget(&self, generation: Generation) -> anyhow::Result<()> {
        {
            let mut in_force = self.in_force();
            in_force.earlier.retain(|(earlier, _)| *earlier != generation);
            if generation == in_force.generation {
                return Ok(());
            }
            let InForce { told, earlier, .. } = &*in_force;
            self.tell(told, earlier)?;
        }
        self.hosts.retire(generation).await;
        function::forget(&self.state, generation)
    }

    fn pool_of(
        &self,
        (definition, config): (&Definition, &Path),
        compiled: &Compiled,
        kept: Option<&EmbeddedPool>,
    ) -> anyhow::Result<Embedding> {
        if let (Some(pool), Some(kept)) = (&self.pool, kept) {
            return embedding(&compiled.app_clients, kept, (pool.address, &self.state));
        }
        let issuer = external(&definition.local.user_pool, config)?;
        Ok(Embedding { issuer, app_clients: Vec::new() })
    }

    fn brokerage(&self, in_force: &InForce, next: Next<'_>) -> anyhow::Result<Brokerage> {
        let Next { definition, compiled, written, issuer, tenure } = next;
        let issuer = || issuer.context("there is neither an embedded user pool nor an existing one");
        match (&in_force.brokerage, &definition.local.function_home) {
            (Brokerage::Inside(broker), FunctionHome::InProcess) => {
                let next = Succession {
                    settings: Patience::resident(&definition.broker).broker,
                    directory: directory(compiled)?,
                    source: source(definition, issuer()?, tenure, &self.world)?,
                    tokens: kept_tokens(&in_force.definition, definition),
                };
                Ok(Brokerage::Inside(Arc::new(broker.succeeded_by(next))))
            }
            (Brokerage::Processes(before), FunctionHome::Processes(processes)) => {
                let start = Start {
                    local: &definition.local,
                    processes,
                    written,
                    state: &self.state,
                    pool: issuer()?.bindings,
                    log: before.log().clone(),
                    tenure,
                };
                Ok(Brokerage::Processes(Processes::prepare(start, &self.world)?))
            }
            (Brokerage::Deployed(function), FunctionHome::Deployed(_)) => {
                Ok(Brokerage::Deployed(Arc::clone(function)))
            }
            _ => bail!("where the function runs changes only with a restart"),
        }
    }

    /// Tells processes and the embedded user pool what requests of all these definitions need.
    fn tell(&self, told: &Told, earlier: &[(Generation, Told)]) -> anyhow::Result<()> {
        let all = || [told].into_iter().chain(earlier.iter().map(|(_, told)| told));
        let bindings: Vec<Bindings> = all().filter_map(|told| told.bindings.clone()).collect();
        if let Some(pool) = &self.pool {
            pool.pool.replace_app_clients(united(all().map(|told| told.app_clients.as_slice())))?;
        }
        function::tell(&self.state, bindings)
    }

    /// Gives limits back the numbers of the definition in force, after some of them have got others.
    fn restore_limits(&self, in_force: &InForce) {
        let now = self.world.clock.now();
        let (limiter, entropy) = (&*self.limits.limiter, &*self.world.entropy);
        if let Err(error) = Live::build(&in_force.account, &Functions::default(), limiter, now, entropy) {
            tracing::error!(%error, "limits have the numbers of a definition that was not taken over");
        }
    }
}

/// What a brokerage is made of.
struct Next<'a> {
    definition: &'a Definition,
    compiled: &'a Compiled,
    written: Written<'a>,
    issuer: Option<Issuer>,
    tenure: Tenure,
}

/// Tokens go on being served unless one of the names of app clients may stand for another one now.
fn kept_tokens(before: &Definition, after: &Definition) -> KeptTokens {
    match (&before.local.user_pool, &after.local.user_pool) {
        (PoolHome::External { app_clients: before, .. }, PoolHome::External { app_clients: after, .. }) => {
            let is_same = |(name, after): (_, &config::ExternalAppClient)| {
                before.get(name).is_none_or(|before| before.client_id == after.client_id)
            };
            if after.iter().all(is_same) { KeptTokens::All } else { KeptTokens::None }
        }
        _ => KeptTokens::All,
    }
}

/// Every app client, each with all scopes that one of the definitions gives it, and otherwise as the first says.
fn united<'a>(definitions: impl Iterator<Item = &'a [AppClient]>) -> Vec<AppClient> {
    let mut united: Vec<AppClient> = Vec::new();
    for app_client in definitions.flatten() {
        match united.iter_mut().find(|known| known.id == app_client.id) {
            None => united.push(app_client.clone()),
            Some(known) => {
                let both = known.scopes.iter().chain(app_client.scopes.iter());
                let both: Vec<Scope> = both.filter_map(|scope| scope.parse().ok()).collect();
                // More than an app client may have: then the latest definition counts alone.
                if let Ok(both) = ScopeSet::from_scopes(&both) {
                    known.scopes = both;
                }
            }
        }
    }
    united
}
