//! One change, from what lies in files to what is in force. It waits for disks.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use ambient::Clock;
use anyhow::bail;
use config::{Change, Meaning};

use super::TakenOver;
use crate::certificates::Certificates;
use crate::chain::{Chain, Successor, external};
use crate::command::{Endpoints, provide};
use crate::definition::{self, Checked};
use crate::function::Written;
use crate::presence::Fingerprint;
use crate::secret_file;
use crate::state::{ApiKeys, State};

/// What a change is made with.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) state: State,
    /// The file of the definition.
    pub(crate) config: PathBuf,
    pub(crate) chain: Arc<Chain>,
    /// The front door's, if it has one.
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Work {
    /// Takes over the keys of the register, and says how many there are.
    pub(super) fn take_over_keys(&self, register: Fingerprint) -> anyhow::Result<usize> {
        let keys = ApiKeys::read(&self.state)?;
        let active: HashSet<&str> = keys.active().map(|entry| entry.id.as_str()).collect();
        let (definition, judged) = self.chain.definition();
        let whole = keys
            .records(|client| definition.clients.contains_key(client))
            .and_then(|records| definition::compile(&definition, records, judged))
            .and_then(|checked| self.chain.take_over_keys(&checked.compiled));
        if whole.is_err() {
            self.chain.keep_only(&active);
        }
        whole?;
        register.publish(&self.state)?;
        Ok(active.len())
    }

    /// Reads the definition and takes it over, and says with which register of keys. Everything that can be wrong with it is
    /// found before anything is written or changed.
    pub(super) fn reload(&self) -> anyhow::Result<(TakenOver, Fingerprint)> {
        let (definition, text) = definition::read_with_text(&self.config)?;
        let definition = Arc::new(definition);
        let (before, _) = self.chain.definition();
        let changes = config::diff(&Meaning::from(&*before), &Meaning::from(&*definition));
        refuse_restart(&changes)?;
        let judged = self.clock.now();
        definition::rehearse(&definition, judged)?;
        let issuer = external(&definition.local.user_pool, &self.config)?;
        secret_file::warn(issuer.as_ref().map_or(&[], |issuer| &issuer.exposed));
        let certificates = self.certificates.as_ref();
        let prepared = certificates.map(|certificates| certificates.prepare(&definition)).transpose()?;
        let kept = provide(&definition, &self.state)?;
        let register = Fingerprint::of(&self.state);
        let records =
            ApiKeys::read(&self.state)?.records(|client| definition.clients.contains_key(client))?;
        let Checked { compiled, passed } = definition::compile(&definition, records, judged)?;
        let written = Written { path: &self.config, text: &text };
        let said = Arc::clone(&definition);
        let successor = Successor { definition, compiled: &compiled, judged, written, kept };
        let generation = self.chain.take_over(successor)?;
        if let (Some(certificates), Some(prepared)) = (certificates, prepared) {
            certificates.take_over(prepared);
            self.tell_commands(certificates);
        }
        definition::say_what_passed(&passed);
        definition::say_of_waivers(&said, judged);
        register.publish(&self.state)?;
        Ok((TakenOver { generation, changes }, register))
    }

    /// Commands trust the file of the certificate in force. What is in force stays so whether they are told or not.
    fn tell_commands(&self, certificates: &Certificates) {
        let file = std::path::absolute(certificates.file()).map_err(anyhow::Error::from);
        if let Err(error) = file.and_then(|file| Endpoints::move_certificate(&self.state, file)) {
            let error = format!("{error:#}");
            tracing::warn!(error, "commands on this machine do not know where the certificate is now");
        }
    }
}

/// Refuses the whole if a part of it takes a restart: nothing is half in force.
fn refuse_restart(changes: &[Change]) -> anyhow::Result<()> {
    let listed: Vec<String> =
        changes.iter().filter(|change| change.needs_restart).map(|change| format!("\n  {change}")).collect();
    if listed.is_empty() {
        return Ok(());
    }
    bail!("{} change(s) need a restart, and so nothing was taken over:{}", listed.len(), listed.concat())
}
