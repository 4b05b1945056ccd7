//! The web ACL before the broker's user pool, if it asks for a secret header: whether it asks everybody, and keeps it.
//!
//! One that is made elsewhere, or that asks for no header, is no matter of this check.

use serde_json::Value;

use super::super::at;
use super::super::block::Block;
use super::super::document::Instance;
use super::super::front::Reader;
use super::super::graph::Link;
use super::POOL;
use crate::rule::broker::HEADER_IS_KEPT;

impl<'a> Reader<'a> {
    /// Looks at what is put before `pool`.
    pub(super) fn check_web_acls(&mut self, pool: &'a Instance) {
        for association in self.all("aws_wafv2_web_acl_association") {
            if !self.graph.link_by(&association, "resource_arn", POOL, "arn").is_to(pool) {
                continue;
            }
            match self.graph.link_by(&association, "web_acl_arn", WEB_ACL, "arn") {
                Link::To(acl) => self.check_web_acl(&self.graph.block(acl)),
                Link::Outside => {}
                Link::Unseen => {
                    let detail = "which web ACL is before the pool cannot be seen";
                    self.notes.add(HEADER_IS_KEPT, &association.instance.address, "", detail);
                }
            }
        }
    }

    fn check_web_acl(&mut self, acl: &Block<'a>) {
        let address = &acl.instance.address;
        let place = at(&["webAcls", &acl.text_or_placeholder("name").unwrap_or_default()]);
        if acl.hides_blocks("rule") {
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
