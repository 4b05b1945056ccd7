//! Who the function runs as: who else may take on its role, and what the role may do.
//!
//! A policy that is known only after apply is believed here and looked at in the state: a plan shows of it what it refers
//! to, and not what it allows. So what it refers to must be what the broker reads or writes. What the bindings name decides which
//! entries that are, once it is known.

use std::collections::BTreeSet;

use super::super::block::{AFTER_APPLY, Block, Seen};
use super::super::document::Instance;
use super::super::front::Reader;
use super::super::graph::Link;
use super::super::iam::{Policy, Statement};
use super::Named;
use crate::rule::broker::{ONLY_LAMBDA_ASSUMES, ONLY_WHAT_IS_NAMED};

impl<'a> Reader<'a> {
    /// Looks at the role of a function and at everything that gives it rights. `named` is what its bindings name, if that is
    /// known.
    pub(super) fn check_role(&mut self, function: &Block<'a>, place: &str, named: Option<&Named>) {
        let place = format!("{place}/role");
        let of = Whose { place: &place, named };
        let Some(role) = self.role_of(function) else {
            let detail = "the function's role is not made here, so that what it may do cannot be seen";
            self.notes.add(ONLY_WHAT_IS_NAMED, &function.instance.address, &place, detail);
            return;
        };
        let role = self.graph.block(role);
        self.check_trust(&role, &place);
        let mut attached = BTreeSet::new();
        let mut own = self.all("aws_iam_role_policy");
        own.retain(|policy| self.is_of(policy, &role));
        for policy in own {
            attached.extend(policy.text("name").known());
            self.check_policy(&policy, of);
        }
        for attachment in self.attachments(&role) {
            attached.extend(attachment.text("policy_arn").known());
            let policy = self.graph.link_by(&attachment, "policy_arn", POLICY, "arn").found();
            self.check_attached(&attachment, attachment.text("policy_arn").known(), policy, of);
        }
        // A state repeats in the role what other resources attach to it.
        for inline in role.blocks("inline_policy") {
            if !inline.text("name").known().is_some_and(|name| attached.contains(name)) {
                self.check_policy(&inline, of);
            }
        }
        let managed = role.texts("managed_policy_arns");
        for arn in managed.iter().filter(|arn| !attached.contains(arn.as_str())) {
            let mut policies = self.graph.of_kind(POLICY).iter().copied();
            let policy = policies.find(|policy| self.graph.block(policy).text("arn") == Seen::Known(arn));
            self.check_attached(
                &role,
                Some(arn).filter(|arn| *arn != AFTER_APPLY).map(String::as_str),
                policy,
                of,
            );
        }
    }

    fn role_of(&self, function: &Block<'a>) -> Option<&'a Instance> {
        if let Link::To(role) = self.graph.link_by(function, "role", ROLE, "arn") {
            return Some(role);
        }
        // An ARN that is put together out of the name is known before the role's own.
        let (_, name) = function.text("role").known()?.rsplit_once('/')?;
        let mut roles = self.graph.of_kind(ROLE).iter().copied();
        roles.find(|role| self.graph.block(role).text("name") == Seen::Known(name))
    }

    fn check_trust(&mut self, role: &Block<'a>, place: &str) {
        let detail = match Policy::of(&self.graph, role, "assume_role_policy") {
            Policy::Known(statements) => match statements.iter().find_map(Statement::somebody_else) {
                Some(name) => format!("the role may be taken on by `{name}`"),
                None => return,
            },
            Policy::Unset | Policy::AfterApply { .. } | Policy::Unseen => {
                "who may take on the role cannot be seen".to_owned()
            }
        };
        self.notes.add(ONLY_LAMBDA_ASSUMES, &role.instance.address, place, detail);
    }

    /// The policy that `block` is.
    fn check_policy(&mut self, block: &Block<'a>, of: Whose<'_>) {
        let detail = match Policy::of(&self.graph, block, "policy") {
            Policy::Known(statements) => match statements.iter().find_map(|one| one.excess(of.named)) {
                Some(excess) => format!("a policy of the function's role {excess}"),
                None => return,
            },
            Policy::Unset | Policy::AfterApply { other: None } => return,
            Policy::AfterApply { other: Some(other) } => {
                format!("a policy of the function's role, which is known only after apply, names {other}")
            }
            Policy::Unseen => "what a policy of the function's role allows cannot be seen".to_owned(),
        };
        self.notes.add(ONLY_WHAT_IS_NAMED, &block.instance.address, of.place, detail);
    }

    /// What attaches a policy with an ARN to the role.
    fn attachments(&self, role: &Block<'a>) -> Vec<Block<'a>> {
        let to_one = self.all("aws_iam_role_policy_attachment").into_iter();
        let to_several = self.all("aws_iam_policy_attachment").into_iter().filter(|attachment| {
            let (own, roles) = (role.text("name").known(), attachment.texts("roles"));
            let is_hidden = || roles.iter().any(|name| name == AFTER_APPLY);
            roles.iter().any(|name| Some(name.as_str()) == own)
                || is_hidden() && self.graph.link_by(attachment, "roles", ROLE, "name").is_to(role.instance)
        });
        to_one.filter(|attachment| self.is_of(attachment, role)).chain(to_several).collect()
    }

    /// The policy with the ARN `arn`, which `block` attaches; `policy` is what makes it.
    fn check_attached(
        &mut self,
        block: &Block<'a>,
        arn: Option<&str>,
        policy: Option<&'a Instance>,
        of: Whose<'_>,
    ) {
        if arn.is_some_and(|arn| HARMLESS.iter().any(|name| arn.ends_with(name) && arn.contains(MANAGED))) {
            return;
        }
        if let Some(policy) = policy {
            let policy = self.graph.block(policy);
            self.check_policy(&policy, of);
            return;
        }
        let detail = match arn {
            Some(arn) if arn.contains(MANAGED) => {
                format!("the function's role has the managed policy `{arn}`")
            }
            _ => "the function's role has a policy that is not made here, and what it allows cannot be seen"
                .to_owned(),
        };
        self.notes.add(ONLY_WHAT_IS_NAMED, &block.instance.address, of.place, detail);
    }

    /// Whether `role` of `block` is this role. One that cannot be told may be.
    fn is_of(&self, block: &Block<'a>, role: &Block<'a>) -> bool {
        match self.graph.link_by(block, "role", ROLE, "name") {
            Link::To(found) => std::ptr::eq(found, role.instance),
            Link::Outside => false,
            Link::Unseen => true,
        }
    }
}

/// Whose role it is.
#[derive(Clone, Copy)]
struct Whose<'n> {
    place: &'n str,
    /// What the function's bindings name, if that is known.
    named: Option<&'n Named>,
}

const ROLE: &str = "aws_iam_role";

const POLICY: &str = "aws_iam_policy";

/// What stands in the ARN of a policy that AWS manages.
const MANAGED: &str = ":aws:policy/";

/// Policies of AWS that write logs, traces and metrics, or place a function in a network, and no more.
const HARMLESS: [&str; 4] = [
    "/service-role/AWSLambdaBasicExecutionRole",
    "/service-role/AWSLambdaVPCAccessExecutionRole",
    "/AWSXRayDaemonWriteAccess",
    "/CloudWatchLambdaInsightsExecutionRolePolicy",
];
