//! The broker's function: how long it may take, what runs in it, where it logs; and, in the modules below, who it runs as,
//! what it is bound to, and what lies in parameters.
//!
//! Part of the step that looks at functions. Looked at is a function that the document makes and a method of the API calls.
//! One that is made elsewhere is judged where it is made.

mod bindings;
mod extension;
mod named;
mod parameter;
mod role;

use std::collections::BTreeSet;
use std::time::Duration;

use restapi::{FunctionName, IntegrationUri, RestApi};

use super::block::{AFTER_APPLY, Block, Seen};
use super::findings::at;
use super::front::Reader;
use super::graph::Link;
use super::plans::Keys;
use super::uri;
use crate::rule::broker::{LOG_ENDS, NO_OTHER_CODE, TIME_FITS};

pub(crate) use bindings::Bound;
pub(super) use named::Named;

/// How long a function may take, and whose it is: whether that is long enough, the definition says.
#[derive(Clone, Debug)]
pub(crate) struct Timeout {
    pub(crate) address: String,
    pub(crate) place: String,
    pub(crate) length: Duration,
}

impl<'a> Reader<'a> {
    /// Looks at every function of the document that a method calls.
    pub(super) fn check_brokers(&mut self, api: &RestApi, keys: &Keys) -> (Vec<Timeout>, Vec<Bound>) {
        let patience = front_doors_patience(api);
        let names: BTreeSet<_> = patience.iter().map(|(name, _)| name.clone()).collect();
        let (mut timeouts, mut bound) = (Vec::new(), Vec::new());
        for block in self.all(uri::FUNCTION) {
            let Some(name) = uri::name_of(block.instance).filter(|name| names.contains(name)) else {
                continue;
            };
            let place = at(&["functions", name.as_str()]);
            let shortest = patience.iter().filter(|(of, _)| of == &name).map(|(_, patience)| *patience).min();
            timeouts.extend(self.timeout(&block, &place, shortest.unwrap_or(Duration::MAX)));
            self.check_layers(&block, &place);
            self.check_log(&block, &place, &name);
            let bound_to = self.check_bindings(&block, &place, keys);
            self.check_role(&block, &place, bound_to.as_ref().map(|bound| &bound.named));
            bound.extend(bound_to);
        }
        self.check_parameters();
        (timeouts, bound)
    }

    /// Whether the document makes a function that a method calls.
    pub(super) fn makes_the_broker(&self, api: &RestApi) -> bool {
        let called = front_doors_patience(api);
        let functions =
            self.graph.of_kind(uri::FUNCTION).iter().filter_map(|function| uri::name_of(function));
        functions.into_iter().any(|name| called.iter().any(|(called, _)| called == &name))
    }

    fn timeout(&mut self, block: &Block<'a>, place: &str, patience: Duration) -> Option<Timeout> {
        let address = &block.instance.address;
        let place = format!("{place}/timeout");
        let seconds = match block.whole_number("timeout") {
            Seen::Unset => Some(LAMBDAS_OWN),
            Seen::Known(seconds) => u64::try_from(seconds).ok(),
            Seen::Unknown => None,
        };
        let Some(seconds) = seconds else {
            self.notes.add(TIME_FITS, address, &place, "how long the function may take cannot be seen");
            return None;
        };
        let length = Duration::from_secs(seconds);
        if length >= patience {
            let detail = format!(
                "the function may take {seconds} s, and the front door gives up after {} s",
                patience.as_secs_f64()
            );
            self.notes.add(TIME_FITS, address, &place, detail);
        }
        Some(Timeout { address: address.clone(), place, length })
    }

    fn check_layers(&mut self, block: &Block<'a>, place: &str) {
        let objections = block.texts("layers").into_iter().filter_map(|layer| match layer.as_str() {
            AFTER_APPLY => Some("the function has a layer that cannot be seen".to_owned()),
            arn => extension::objection(arn),
        });
        for detail in objections {
            self.notes.add(NO_OTHER_CODE, &block.instance.address, &format!("{place}/layers"), detail);
        }
    }

    /// Looks at the log group that the function names, or else at the one that Lambda takes for it.
    fn check_log(&mut self, function: &Block<'a>, place: &str, name: &FunctionName) {
        let address = &function.instance.address;
        let place = format!("{place}/log");
        let named = function
            .blocks("logging_config")
            .into_iter()
            .find(|logging| logging.text("log_group") != Seen::Unset);
        let group = match &named {
            Some(logging) => self.graph.link_by(logging, "log_group", LOG_GROUP, "name"),
            None => self.log_group(&format!("/aws/lambda/{name}")),
        };
        let Link::To(group) = group else {
            let detail =
                "the function's log group is not made here, so that how long it is kept cannot be seen";
            self.notes.add(LOG_ENDS, address, &place, detail);
            return;
        };
        let detail = match self.graph.block(group).whole_number("retention_in_days") {
            Seen::Known(days) if days > 0 => return,
            Seen::Known(_) | Seen::Unset => "the log is kept for ever",
            Seen::Unknown => "how long the log is kept cannot be seen",
        };
        self.notes.add(LOG_ENDS, &group.address, &place, detail);
    }

    fn log_group(&self, name: &str) -> Link<'a> {
        let mut groups = self.graph.of_kind(LOG_GROUP).iter().copied();
        let found = groups.find(|group| self.graph.block(group).text("name") == Seen::Known(name));
        found.map_or(Link::Outside, Link::To)
    }
}

/// Each function that a method calls, and how long that method waits for it.
fn front_doors_patience(api: &RestApi) -> Vec<(FunctionName, Duration)> {
    let methods = api.resources.iter().flat_map(|resource| resource.methods.values());
    let integrations = methods.filter_map(|method| method.integration.as_ref());
    let patience = integrations.filter_map(|integration| match &integration.uri {
        IntegrationUri::Function { name, .. } => Some((name.clone(), integration.timeout)),
        IntegrationUri::Other(_) => None,
    });
    patience.collect()
}

const LOG_GROUP: &str = "aws_cloudwatch_log_group";

/// How many seconds a function may take if nothing is said.
const LAMBDAS_OWN: u64 = 3;
