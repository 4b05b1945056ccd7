//! The web ACL before the broker's user pool, if it asks for a secret header: whether it asks everybody, and keeps it.
//!
//! Each rule that lets in is looked at by itself: that another one blocks before it is not weighed. A web ACL that is made
//! elsewhere, or that asks for no header, is no matter of this check.

use std::collections::BTreeSet;

use bindings::Upstream;
use serde_json::Value;

use super::super::at;
use super::super::block::{Block, Seen};
use super::super::broker::Bound;
use super::super::document::Instance;
use super::super::front::Reader;
use super::super::graph::Link;
use super::POOL;
use super::statement::{Asked, block_of};
use crate::rule::broker::HEADER_IS_KEPT;

impl<'a> Reader<'a> {
    /// Looks at what is put before `pool`, of which `bound` says what header the broker sends.
    pub(super) fn check_web_acls(&mut self, pool: &'a Instance, bound: &[Bound]) {
        let headers = headers(bound);
        for association in self.all("aws_wafv2_web_acl_association") {
            if !self.graph.link_by(&association, "resource_arn", POOL, "arn").is_to(pool) {
                continue;
            }
            match self.graph.link_by(&association, "web_acl_arn", WEB_ACL, "arn") {
                Link::To(acl) => self.check_web_acl(&self.graph.block(acl), &headers),
                Link::Outside => {}
                Link::Unseen => {
                    let detail = "which web ACL is before the pool cannot be seen";
                    self.notes.add(HEADER_IS_KEPT, &association.instance.address, "", detail);
                }
            }
        }
    }

    fn check_web_acl(&mut self, acl: &Block<'a>, headers: &BTreeSet<String>) {
        let address = &acl.instance.address;
        let place = at(&["webAcls", &acl.text_or_placeholder("name").unwrap_or_default()]);
        if acl.hides_blocks("rule") || acl.text("rule_json") != Seen::Unset {
            self.notes.add(HEADER_IS_KEPT, address, &place, "the rules of the web ACL cannot be seen");
            return;
        }
        let rules = acl.blocks("rule");
        if !rules.iter().any(asks_for_a_header) {
            return;
        }
        let default = acl.blocks("default_action");
        if !default.iter().any(|action| !action.blocks("block").is_empty()) {
            self.notes.add(HEADER_IS_KEPT, address, &place, "the web ACL does not block by default");
        }
        for rule in &rules {
            if let Some(detail) = objection(rule, headers) {
                let name = rule.text_or_placeholder("name").unwrap_or_default();
                self.notes.add(HEADER_IS_KEPT, address, &place, format!("the rule `{name}` {detail}"));
            }
        }
        let mut visibility = rules.iter().chain([acl]).flat_map(|part| part.blocks("visibility_config"));
        if visibility.any(|visible| visible.flag("sampled_requests_enabled").known() != Some(false)) {
            self.notes.add(HEADER_IS_KEPT, address, &place, "the web ACL keeps samples of requests");
        }
        for logging in self.all("aws_wafv2_web_acl_logging_configuration") {
            let is_of_acl = match self.graph.link_by(&logging, "resource_arn", WEB_ACL, "arn") {
                Link::To(logged) => std::ptr::eq(logged, acl.instance),
                Link::Outside => false,
                Link::Unseen => true,
            };
            let redacts = logging
                .blocks("redacted_fields")
                .iter()
                .any(|field| !field.blocks("single_header").is_empty());
            if is_of_acl && !redacts {
                let detail = "the web ACL logs requests with their headers";
                self.notes.add(HEADER_IS_KEPT, &logging.instance.address, &place, detail);
            }
        }
    }
}

/// The headers that functions send to the pool, as far as their bindings are known.
fn headers(bound: &[Bound]) -> BTreeSet<String> {
    let sent = bound.iter().filter_map(|bound| match &bound.upstream {
        Upstream::TokenEndpoint { header, .. } => header.as_ref(),
        Upstream::CognitoIdp { .. } => None,
    });
    sent.map(|header| header.name.to_ascii_lowercase()).collect()
}

/// How the rule lets in somebody who does not send the header.
fn objection(rule: &Block<'_>, headers: &BTreeSet<String>) -> Option<&'static str> {
    let is_set =
        |block: &str, name: &str| rule.blocks(block).iter().any(|action| !action.blocks(name).is_empty());
    let Seen::Known(statement) = rule.value("statement") else {
        return Some("cannot be seen");
    };
    if let Some(detail) = objection_to_group(statement).filter(|_| !is_set("override_action", "count")) {
        return Some(detail);
    }
    let lets_in = is_set("action", "allow") || rule.hides_blocks("action");
    let is_open = lets_in && !Asked::by(statement, headers).is_enough;
    is_open.then_some("lets in without the secret header, and more than a GET of what verifies tokens")
}

/// How a group of rules may let somebody in, if the statement hands on to one. What AWS manages blocks, if it is not told
/// otherwise.
fn objection_to_group(statement: &Value) -> Option<&'static str> {
    let statement = block_of(statement)?;
    if statement.get("rule_group_reference_statement").and_then(block_of).is_some() {
        return Some("hands on to a group whose rules cannot be seen");
    }
    let managed = statement.get("managed_rule_group_statement").and_then(block_of)?;
    if managed.get("vendor_name").and_then(Value::as_str) != Some("AWS") {
        return Some("hands on to a group whose rules cannot be seen");
    }
    let overrides = managed.get("rule_action_override").and_then(Value::as_array).into_iter().flatten();
    let mut actions = overrides.filter_map(|rule| block_of(rule.get("action_to_use")?));
    actions
        .any(|action| action.get("allow").and_then(block_of).is_some())
        .then_some("has a rule of a managed group let in")
}

/// Whether something in the rule looks at one header.
fn asks_for_a_header(rule: &Block<'_>) -> bool {
    let statement = rule.value("statement").known();
    statement.is_some_and(looks_at_a_header)
}

fn looks_at_a_header(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(looks_at_a_header),
        Value::Object(members) => members.iter().any(|(name, value)| {
            name == "single_header" && value.as_array().is_some_and(|headers| !headers.is_empty())
                || looks_at_a_header(value)
        }),
        _ => false,
    }
}

const WEB_ACL: &str = "aws_wafv2_web_acl";
